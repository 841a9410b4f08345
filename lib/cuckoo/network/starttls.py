"""Protocols that are read only for the TLS that begins in their middle.

`StartTls` follows the text protocols where the client asks for TLS and the server agrees: POP3 (RFC 2595),
IMAP (RFC 9051), XMPP (RFC 6120), NNTP, ManageSieve. `Greeting` follows those with one message of each side
before: remote desktop (MS-RDPBCGR), PostgreSQL.
"""

import re
from collections.abc import Callable, Generator

from lib.cuckoo.network.conversation import CLIENT, Context, Conversation
from lib.cuckoo.network.tape import Cut, Steps, Tape, TwoTapes

LINE_LIMIT = 4096
WAIT_LIMIT = 64 << 10
"""Bytes a client may send before it is agreed what follows; who sends more has not waited."""
Inside = Callable[[], Conversation]
_UNIT_END = re.compile(rb"[\n>]")
"""Lines, and the elements of XMPP, which has none."""
_ASKED = re.compile(rb"(?:(\S+)\s+)?(?:STARTTLS|STLS)|<starttls\b.*", re.IGNORECASE | re.DOTALL)
_AGREED = re.compile(rb"\+OK|<proceed\b|OK|382|\S+\s+OK", re.IGNORECASE)
_REFUSED = re.compile(rb"-ERR|<failure\b|NO\b|BAD\b|580|502|\S+\s+(?:NO|BAD)\b", re.IGNORECASE)


class StartTls(TwoTapes):
    """A text protocol that may go over to TLS."""

    def __init__(self, context: Context, inside: Inside) -> None:
        """Read one connection; `inside` makes the parser of what follows the agreement."""
        self._inside = inside
        self._asked = False
        super().__init__(context)

    def _read_client(self, tape: Tape) -> Steps:
        while True:
            unit = yield from _unit(tape)
            if _ASKED.fullmatch(unit):
                self._asked = True
                while self._asked and len(tape.buffer) < WAIT_LIMIT:
                    yield
                self._asked = False

    def _read_server(self, tape: Tape) -> Steps:
        while True:
            unit = yield from _unit(tape)
            if self._asked and _AGREED.match(unit):
                self.hand_over(self._inside())
                return
            if self._asked and _REFUSED.match(unit):
                self._asked = False
                self.tapes[CLIENT].resume()


def _unit(tape: Tape) -> Generator[None, None, bytes]:
    while True:
        try:
            unit, _ = yield from tape.until(_UNIT_END, LINE_LIMIT)
        except Cut as cut:
            if cut.ended:
                raise
            continue
        if unit.strip():
            return unit.strip()


class Greeting(TwoTapes):
    """One message of each side, and then another protocol."""

    def __init__(self, context: Context, inside: Inside) -> None:
        """Read one connection; `inside` makes the parser of what follows the two messages."""
        self._inside = inside
        self._client_done = False
        super().__init__(context)

    def _read_client(self, tape: Tape) -> Steps:
        head = yield from tape.exactly(4)
        yield from tape.exactly(4 if head[0] == 0 else max(4, int.from_bytes(head[2:], "big")) - 4)
        self._client_done = True
        while len(tape.buffer) < WAIT_LIMIT:
            yield
        self._client_done = False

    def _read_server(self, tape: Tape) -> Steps:
        first = yield from tape.exactly(1)
        if first == b"\x03":
            head = yield from tape.exactly(3)
            yield from tape.exactly(max(4, int.from_bytes(head[1:], "big")) - 4)
        elif first != b"S":
            return
        if self._client_done:
            self.hand_over(self._inside())


def asks_for_greeting(client: bytes) -> bool:
    """True when a client begins with a connection request of remote desktop, or PostgreSQL's for TLS."""
    return client[:8] == b"\0\0\0\x08\x04\xd2\x16\x2f" or (client[:2] == b"\x03\0" and client[5:6] == b"\xe0")
