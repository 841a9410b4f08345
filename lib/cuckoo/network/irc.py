"""IRC (RFC 1459, 2812, and the message tags of IRCv3): one record for each message of either side.

Record "irc": type ("client" or "server"), command, params (the text behind the command), prefix (who a server
says it is from; None when absent), time. When more were sent than are kept, a last record of type "truncated"
says how many in "messages".
"""

import re
from collections.abc import Callable

from lib.cuckoo.network.conversation import CLIENT, SERVER, SIDES, Context, Conversation, Record, printable
from lib.cuckoo.network.tape import Cut, Steps, Tape, TwoTapes

MAXIMUM_MESSAGES = 20_000
LINE_LIMIT = 9 << 10
"""Bytes kept of one line: 8191 of tags and 512 of message (IRCv3)."""
STARTTLS_AGREED = "670"
_MESSAGE = re.compile(rb"(?:@\S+ +)?(?::(\S+) +)?([A-Za-z]{1,32}|\d{3})(?: +(.*))?", re.DOTALL)


class Irc(TwoTapes):
    """One connection to a server, or between servers."""

    def __init__(self, context: Context, inside: Callable[[], Conversation]) -> None:
        """Read one connection; `inside` makes the parser of what follows STARTTLS."""
        self._inside = inside
        self._count = 0
        super().__init__(context)

    def _read_client(self, tape: Tape) -> Steps:
        yield from self._read(tape, CLIENT)

    def _read_server(self, tape: Tape) -> Steps:
        yield from self._read(tape, SERVER)

    def _read(self, tape: Tape, side: int) -> Steps:
        while True:
            try:
                line = yield from tape.line(LINE_LIMIT)
            except Cut as cut:
                self._take(side, cut.rest[:LINE_LIMIT].rstrip(b"\r\n"))
                if cut.ended:
                    return
                continue
            if self._take(side, line) == STARTTLS_AGREED and side == SERVER:
                self.hand_over(self._inside())
                return

    def _take(self, side: int, line: bytes) -> str:
        """Record one message; return its command."""
        found = _MESSAGE.fullmatch(line.lstrip())
        if found is None:
            return ""
        self._count += 1
        command = found[2].decode("ascii").upper()
        if self._count <= MAXIMUM_MESSAGES:
            message = {
                "protocol": "irc",
                "type": SIDES[side],
                "command": command,
                "params": printable(found[3] or b""),
                "prefix": None if found[1] is None else printable(found[1]),
                "time": self.time,
            }
            self.records.append(message)
        return command

    def _finish(self) -> None:
        if self._count > MAXIMUM_MESSAGES:
            dropped: Record = {
                "protocol": "irc",
                "type": "truncated",
                "messages": self._count - MAXIMUM_MESSAGES,
            }
            self.records.append(dropped)
