"""SMB 1, 2 and 3 over TCP or NetBIOS (RFC 1002): the dialect, the shares and the files of one connection.

Record "smb": time, dialect (agreed on; "" when not captured), dialects (offered), trees (path, status,
time), files (action, name, new_name of a rename, tree, status, time), listed (names in directories that
were read), users (user, domain, workstation), commands (name to count), encrypted (messages that could not
be read), dropped (entries beyond the limits), flaws. A status is the number that the server answered; None
when that was not captured.
"""

from lib.cuckoo.network.conversation import CLIENT, SERVER, SIDES, Context, Hold
from lib.cuckoo.network.smb1 import Smb1
from lib.cuckoo.network.smb2 import Smb2, compound
from lib.cuckoo.network.smb_activity import Activity
from lib.cuckoo.network.tape import Cut, Drain, Steps, Tape, TwoTapes

VERSION_1, VERSION_2, ENCRYPTED, COMPRESSED = b"\xffSMB", b"\xfeSMB", b"\xfdSMB", b"\xfcSMB"
SESSION_MESSAGE = 0x00
MESSAGE_LIMIT = 64 << 10
"""Bytes of a message that are looked at; the content of files behind them is let go."""


def is_smb(head: bytes) -> bool:
    """True when a side begins with a message of SMB, or with NetBIOS asking for a session."""
    if head[:4] == b"\x81\0\0\x44":
        return True
    return head[:1] == b"\0" and head[4:8] in {VERSION_1, VERSION_2, ENCRYPTED, COMPRESSED}


class Smb(TwoTapes):
    """One connection to a server of files."""

    def __init__(self, context: Context) -> None:
        self._activity = Activity(Hold(context.held))
        self._smb1 = Smb1(self._activity)
        self._smb2 = Smb2(self._activity)
        self._started: float | None = None
        self._flaws: list[str] = []
        super().__init__(context)

    def _read_client(self, tape: Tape) -> Steps:
        yield from self._read(tape, CLIENT)

    def _read_server(self, tape: Tape) -> Steps:
        yield from self._read(tape, SERVER)

    def _read(self, tape: Tape, side: int) -> Steps:
        try:
            while True:
                head = yield from tape.exactly(4)
                size = int.from_bytes(head[1:], "big")
                message = yield from tape.exactly(min(size, MESSAGE_LIMIT))
                if head[0] == SESSION_MESSAGE:
                    self._take(side, message)
                yield from tape.pour(size - len(message), Drain())
        except Cut as cut:
            if not cut.ended:
                self._flaws.append(f"{SIDES[side]}: {cut}")

    def _take(self, side: int, message: bytes) -> None:
        self._activity.time = self.time
        if self._started is None:
            self._started = self.time
        kind = message[:4]
        if kind == VERSION_2:
            take = self._smb2.request if side == CLIENT else self._smb2.response
            for part in compound(message):
                take(part)
        elif kind == VERSION_1:
            (self._smb1.request if side == CLIENT else self._smb1.response)(message)
        elif kind in {ENCRYPTED, COMPRESSED}:
            self._activity.encrypted += 1

    def _finish(self) -> None:
        record = self._activity.record()
        self._activity.close()
        if record["commands"] or record["encrypted"] or record["dialect"]:
            self.records.append(record | {"time": self._started, "flaws": self._flaws})
