"""What a parser of one conversation looks like, and what it may use.

A conversation is one TCP connection, or one tunnel inside another conversation. Parsers are pure: bytes come
in through `data`, finished plain records gather in `records`, and bodies leave through `Context.save`. They
bound what they keep, and no bytes make them raise.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

CLIENT, SERVER = 0, 1

Record = dict[str, Any]
Save = Callable[[bytes, str], Record]
"""`save(data, kind)` keeps one body or attachment and describes it: sha256, size, type, path (or None)."""


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
    """Bytes that all conversations of a capture may hold together."""

    free: int

    def take(self, size: int) -> bool:
        """Reserve `size` bytes; False when that many are not free."""
        if size > self.free:
            return False
        self.free -= size
        return True

    def give(self, size: int) -> None:
        """Return what was taken."""
        self.free += size


def digest_only(data: bytes, kind: str) -> Record:
    """Describe a body without keeping it: the `save` of those who want no files."""
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "type": kind, "path": None}


@dataclass
class Context:
    """What the conversations of one capture share. All sizes in bytes."""

    save: Save = digest_only
    secrets: Mapping[bytes, Mapping[str, bytes]] = field(default_factory=dict)
    """TLS secrets by client random, then by label; see `keylog`."""
    body_limit: int = 32 << 20
    """Bytes kept of one body, as sent and as decompressed."""
    held: Pool = field(default_factory=lambda: Pool(128 << 20))
    """For bodies that are still arriving."""
    inflated: Pool = field(default_factory=lambda: Pool(1 << 30))
    """What decompression may give for the whole capture; never returned."""


_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(9), 11, 12, *range(14, 32), *range(127, 160))}


def printable(data: bytes | bytearray, limit: int = 65536) -> str:
    r"""Return bytes of the wire as text: UTF-8 where they are, else each byte; unprintable ones as \\xNN."""
    piece = bytes(data[:limit])
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return "".join(
            chr(byte) if 32 <= byte < 127 or byte in b"\t\r\n" else f"\\x{byte:02x}" for byte in piece
        )
    return text if text.isascii() and text.isprintable() else text.translate(_ESCAPES)


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
