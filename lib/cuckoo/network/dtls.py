"""DTLS (RFC 4347, 6347, 9147): the handshake of a UDP flow, as far as it is in the clear.

Its messages differ from those of TLS in how they are cut and numbered, and in the cookie of the client's hello.
So they are put together here and read as those of a TLS connection; the record is "tls", with the versions of
DTLS and a JA4 that begins with "d".
"""

from dataclasses import replace

from lib.cuckoo.network.conversation import SERVER, Context, Hold, Record
from lib.cuckoo.network.hello import Reader
from lib.cuckoo.network.keylog import Secrets
from lib.cuckoo.network.tls import APPLICATION, CHANGE_CIPHER, CLIENT_HELLO, HANDSHAKE, HEARTBEAT, Tls

HEADER, MESSAGE_HEADER = 13, 12
HANDSHAKE_LIMIT = 64 << 10
"""Bytes of handshake kept of one side."""
MOST_PIECES = 64
"""Fragments kept of one message."""
PIECE_SIZE = 300
"""Bytes that one takes beside its own."""
DATAGRAM_LIMIT = 400
"""Datagrams of one flow that are looked at."""
_MAJOR = 0xFE
_FIRST_MESSAGES = frozenset({CLIENT_HELLO, 2, 3})
"""A hello of the client or the server, or the question for a cookie."""


def is_dtls(payload: bytes) -> bool:
    """True when a datagram begins with a first message of a handshake."""
    if len(payload) < HEADER + MESSAGE_HEADER:
        return False
    return payload[:2] == b"\x16\xfe" and payload[3:5] == b"\0\0" and payload[HEADER] in _FIRST_MESSAGES


def is_stun(payload: bytes) -> bool:
    """True for the messages that are exchanged before DTLS to find a way (RFC 8489, 5)."""
    return len(payload) >= 20 and payload[0] < 4 and payload[4:8] == b"\x21\x12\xa4\x42"


class Dtls:
    """One UDP flow that carries DTLS; every `data` is one datagram.

    Attributes:
        swapped: True when who sent the first datagram is the server.
    """

    def __init__(self, context: Context) -> None:
        self.swapped = False
        self._handshake = Tls(replace(context, secrets=Secrets()), transport="d")
        self.records: list[Record] = self._handshake.records
        self._sides = (Messages(), Messages())
        self._datagrams = 0
        self._hold = Hold(context.held)

    def data(self, side: int, payload: bytes | memoryview, time: float) -> None:
        """Take a datagram."""
        if self._datagrams >= DATAGRAM_LIMIT:
            return
        if not self._datagrams:
            self.swapped = (side == SERVER) is (payload[HEADER : HEADER + 1] == bytes((CLIENT_HELLO,)))
        self._datagrams += 1
        rest = bytes(payload)
        while len(rest) >= HEADER and CHANGE_CIPHER <= rest[0] <= HEARTBEAT and rest[1] == _MAJOR:
            size = int.from_bytes(rest[11:HEADER], "big")
            protected = rest[3:5] != b"\0\0"
            self._record(
                side ^ self.swapped, rest[0], rest[HEADER : HEADER + size], time, protected=protected
            )
            rest = rest[HEADER + size :]
        if not self._hold.resize(sum(messages.size for messages in self._sides)):
            self._datagrams = DATAGRAM_LIMIT
            self._let_go()

    def _let_go(self) -> None:
        self._sides = (Messages(), Messages())
        self._hold.resize(0)

    def _record(self, side: int, kind: int, content: bytes, time: float, *, protected: bool) -> None:
        if protected:
            self._tell(side, APPLICATION, b"", time)
        elif kind == HANDSHAKE:
            for message in self._sides[side].take(content):
                self._tell(side, HANDSHAKE, message, time)
        else:
            self._tell(side, kind, content, time)

    def _tell(self, side: int, kind: int, content: bytes, time: float) -> None:
        """Pass a record on as one of TLS, or as several when it is longer than those may be."""
        for start in range(0, len(content) or 1, 1 << 14):
            piece = content[start : start + (1 << 14)]
            self._handshake.data(side, bytes((kind, 3, 1)) + len(piece).to_bytes(2, "big") + piece, time)

    def gap(self, side: int, size: int) -> None:
        """Datagrams have no gaps."""

    def close(self) -> None:
        """Write the record."""
        self._handshake.close()
        self._let_go()


class Messages:
    """The handshake messages of one side, which come in fragments, in any order, and more than once."""

    def __init__(self) -> None:
        self._begun: dict[int, dict[int, bytes]] = {}
        self._done: set[int] = set()
        self._room = HANDSHAKE_LIMIT
        self._pieces = 0

    @property
    def size(self) -> int:
        """About how many bytes they take, or took before they were whole."""
        return HANDSHAKE_LIMIT - self._room + PIECE_SIZE * self._pieces

    def take(self, content: bytes) -> list[bytes]:
        """Take the content of a record; return the messages that are whole by now, as TLS writes them."""
        found = []
        reader = Reader(content)
        while reader.left >= MESSAGE_HEADER:
            kind, size, number, offset = (reader.number(width) for width in (1, 3, 2, 3))
            piece = reader.vector(3)
            if number not in self._done and self._room >= len(piece) + MESSAGE_HEADER:
                self._room -= len(piece) + MESSAGE_HEADER
                pieces = self._begun.setdefault(number, {})
                if len(pieces) < MOST_PIECES:
                    pieces.setdefault(offset, piece)
                    self._pieces += 1
                    found += self._whole(kind, size, number)
        return found

    def _whole(self, kind: int, size: int, number: int) -> list[bytes]:
        body = bytearray()
        for offset, piece in sorted(self._begun[number].items()):
            if offset > len(body):
                return []
            body += piece[len(body) - offset :]
        if len(body) < size:
            return []
        del self._begun[number]
        self._done.add(number)
        whole = _without_cookie(bytes(body[:size])) if kind == CLIENT_HELLO else bytes(body[:size])
        return [bytes((kind,)) + len(whole).to_bytes(3, "big") + whole]


def _without_cookie(hello: bytes) -> bytes:
    """Take the cookie out of a client's hello, which stands behind the session."""
    reader = Reader(hello[34:])
    session = reader.vector(1)
    reader.vector(1)
    return hello[:34] + bytes((len(session),)) + session + reader.rest
