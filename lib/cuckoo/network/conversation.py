"""What a parser of one conversation looks like, and what it may use.

A conversation is one TCP connection, or one tunnel inside another conversation. Parsers are pure: bytes come
in through `data`, finished plain records gather in `records`, and bodies leave through `Context.save`. They
bound what they keep, and no bytes make them raise.
"""

import hashlib
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from lib.cuckoo.network.keylog import Secrets

CLIENT, SERVER = 0, 1
SIDES = ("client", "server")

MAXIMUM_EXPECTED = 1000
"""Announced connections that are waited for."""
Record = dict[str, Any]


class Save(Protocol):
    """Keeps bodies and attachments."""

    def __call__(self, data: bytes | bytearray, kind: str, digest: str = "", /) -> Record:
        """Keep one and describe it: sha256, size, type, path (or None); `digest` is its SHA-256 if it is known."""


class Conversation(Protocol):
    """The parser of one conversation; side 0 is the client, side 1 the server."""

    records: list[Record]
    """Finished records; the "protocol" of each names the section that it belongs to."""

    def data(self, side: int, payload: bytes | memoryview, time: float) -> None:
        """Take the next bytes of one side, in order; `time` is in seconds since 1970."""

    def gap(self, side: int, size: int) -> None:
        """Note that `size` bytes of one side were never captured."""

    def close(self) -> None:
        """Flush what is pending: no more bytes will come."""


@dataclass
class Pool:
    """Bytes that all conversations of a capture may hold together.

    Attributes:
        refused: how often there was no room; who asked says or counts what became of that.
    """

    free: int
    refused: int = 0

    def take(self, size: int) -> bool:
        """Reserve `size` bytes; False when that many are not free."""
        if size > self.free:
            self.refused += 1
            return False
        self.free -= size
        return True

    def give(self, size: int) -> None:
        """Return what was taken."""
        self.free += size


class Hold:
    """What one holder has taken from a pool."""

    def __init__(self, pool: Pool) -> None:
        self.size = 0
        self._pool = pool

    def resize(self, size: int) -> bool:
        """Hold `size` bytes from now on; False, and nothing is changed, when the pool has not that many."""
        if size > self.size and not self._pool.take(size - self.size):
            return False
        if size < self.size:
            self._pool.give(self.size - size)
        self.size = size
        return True


def weight(plain: object) -> int:
    """Return about how many bytes plain data takes in memory; keys of dicts are taken for constants of ours."""
    parts = [plain]
    for part in parts:  # which grows meanwhile
        if type(part) is dict:
            parts.extend(part.values())
        elif type(part) is list or type(part) is tuple:
            parts.extend(part)
    return sum(map(sys.getsizeof, parts))


def digest_only(data: bytes | bytearray, kind: str, digest: str = "", /) -> Record:
    """Describe a body without keeping it: the `save` of those who want no files."""
    digest = digest or hashlib.sha256(data).hexdigest()
    return {"sha256": digest, "size": len(data), "type": kind, "path": None}


@dataclass
class Context:
    """What the conversations of one capture share. All sizes in bytes."""

    save: Save = digest_only
    secrets: Secrets = field(default_factory=Secrets)
    """What TLS connections are decrypted with."""
    mails: deque[tuple[tuple[bool, bytes], tuple[Record, int]]] = field(
        default_factory=lambda: deque(maxlen=8)
    )
    """Messages of mail that were read lately: whether dots were doubled in them, their bytes, what a record
    says of them, and the weight of that. They are compared, because hashing the bytes of each message costs more."""
    body_limit: int = 32 << 20
    """Bytes kept of one body, as sent and as decompressed."""
    held: Pool = field(default_factory=lambda: Pool(96 << 20))
    """For what waits in open conversations: bodies that are still arriving, and what is not yet a record."""
    inflated: Pool = field(default_factory=lambda: Pool(1 << 30))
    """What decompression may give for the whole capture; never returned."""
    _expected: dict[tuple[str, int], Callable[[], Conversation]] = field(default_factory=dict)

    def expect(self, address: str, port: int, make: Callable[[], Conversation]) -> None:
        """Announce a connection to an address and port; `make` makes its parser."""
        self._expected.pop((address, port), None)
        self._expected[address, port] = make
        if len(self._expected) > MAXIMUM_EXPECTED:
            del self._expected[next(iter(self._expected))]

    def announced(self, address: str, port: int) -> Conversation | None:
        """Return the parser of a connection that was announced; each announcement is for one."""
        make = self._expected.pop((address, port), None) if self._expected else None
        return None if make is None else make()


_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(9), 11, 12, *range(14, 32), *range(127, 160))}
_BYTES = [chr(byte) if 32 <= byte < 127 or byte in b"\t\r\n" else f"\\x{byte:02x}" for byte in range(256)]
_PLAIN = bytes((*b"\t\r\n", *range(32, 127)))


def printable(data: bytes | bytearray, limit: int = 65536) -> str:
    r"""Return bytes of the wire as text: UTF-8 where they are, else each byte; unprintable ones as \\xNN."""
    piece = bytes(data) if len(data) <= limit else bytes(data[:limit])
    try:
        text = piece.decode()
    except UnicodeDecodeError as error:
        if len(data) > limit > error.start >= limit - 3:
            return printable(piece[: error.start], limit)
        return "".join(map(_BYTES.__getitem__, piece))
    return text if text.isprintable() or not piece.translate(None, _PLAIN) else text.translate(_ESCAPES)


class Unread:
    """A conversation that nobody parses: its bytes are let go."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def data(self, side: int, payload: bytes | memoryview, time: float) -> None:
        """Let the bytes go."""

    def gap(self, side: int, size: int) -> None:
        """Let the gap go."""

    def close(self) -> None:
        """Nothing is pending."""
