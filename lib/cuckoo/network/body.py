"""Bodies of messages: gathered within bounds, unpacked within bounds, handed to `save`."""

import hashlib
import zlib
from collections.abc import Callable, Sequence

from lib.cuckoo.network.conversation import Context, Record

MAXIMUM_CODINGS = 4
"""Content codings undone of one body; real ones have one, rarely two."""
MAXIMUM_LEFT = 16
"""Codings named in a record."""
_FED = 1 << 16
"""Bytes given to an unpacker at a time: what it leaves of them is copied."""
ZSTD_WINDOW = 8 << 20
"""Bytes that a body packed with zstd may refer back to (RFC 9659)."""
_CHUNK = 1 << 18


class Body:
    """The bytes of one body as they come: the first `Context.body_limit` are kept, all are counted.

    Behind a gap nothing is kept, so that what is kept is never joined from two sides of one.
    """

    def __init__(self, context: Context) -> None:
        self.size = 0
        self.missing = 0
        self._context = context
        self._kept = bytearray()
        self._room = context.body_limit
        self._held = 0
        self._digest = ""  # of what is kept, where it was hashed before more came
        self._hash = None if context.body_limit else hashlib.sha256()

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Take the next bytes."""
        size = len(piece)
        self.size += size
        if self._hash is not None:
            self._hash.update(piece)
        elif not self.missing:
            held = self._context.held
            if size <= self._room and size <= held.free:
                held.free -= size
                self._held += size
                self._room -= size
                self._kept += piece
            else:
                self._keep(piece)

    def lose(self, size: int) -> None:
        """Note a gap."""
        self.missing += size

    def _keep(self, piece: bytes | bytearray | memoryview) -> None:
        if self._room < 0:
            return
        size = min(len(piece), self._room)
        if not self._context.held.take(size):
            size = 0
        self._held += size
        self._room -= size
        if size:
            self._kept += piece[:size]
        if size < len(piece):
            self._hash = hashlib.sha256(self._kept)
            self._digest = self._hash.hexdigest()
            self._hash.update(piece[size:])

    def start(self, limit: int) -> bytes:
        """Return the first bytes, as sent."""
        return bytes(self._kept[:limit])

    def release(self) -> bytes:
        """Return what was kept and give back its room; later calls return nothing."""
        return bytes(self._taken())

    def _taken(self) -> bytearray:
        kept, self._kept = self._kept, bytearray()
        self._context.held.give(self._held)
        self._held = 0
        return kept

    def finish(self, codings: Sequence[str], kind: str) -> tuple[Record, bytes | bytearray]:
        """Undo the content codings, save the body; return its record and its bytes.

        The record is that of `save`, with further keys for what differs from a complete body: "encoded"
        (codings that were not undone), "decoded_partly" ("limit" for what would unpack to more than is
        allowed, "malformed" for what has an error behind its first bytes), and those of `losses`.
        """
        raw, self._kept = self._kept, bytearray()
        self._room = -1  # what comes later, as behind a message that was reported early, is let go
        body, left, flaw = decode(raw, codings, self._context)
        digest = self._digest if body is raw else ""
        record = self._context.save(body, kind, digest) | self.losses(len(raw))
        self._context.held.give(self._held)
        self._held = 0
        if left and body:
            record["encoded"] = list(left[-MAXIMUM_LEFT:])
        if flaw:
            record["decoded_partly"] = flaw
        return record, body

    def losses(self, kept: int) -> Record:
        """Say what was lost of a body of which `kept` bytes remain.

        Keys, each only where it applies: "missing" (bytes in gaps), "truncated" (bytes seen and not kept),
        "received" (size and sha256 of all bytes, when not all were kept).
        """
        losses: Record = {}
        if self.missing:
            losses["missing"] = self.missing
        if self.size > kept:
            losses["truncated"] = self.size - kept
        if self._hash is not None and not self.missing:
            losses["received"] = {"size": self.size, "sha256": self._hash.hexdigest()}
        return losses


class _Full(Exception):  # noqa: N818 - ends the loop of one coding
    """No more output is allowed."""


def decode(
    raw: bytes | bytearray, codings: Sequence[str], context: Context
) -> tuple[bytes | bytearray, Sequence[str], str]:
    """Undo content codings, the last applied first.

    Returns:
        The bytes, the codings that are left on them (unknown, malformed, or the library is missing), and
        why they are not all that was sent: "limit", "malformed", or "" when they are.
    """
    body = raw
    left = [coding for coding in codings if coding not in {"", "identity"}]
    for _ in range(min(len(left), MAXIMUM_CODINGS)):
        decoder = _DECODERS.get(left[-1])
        if decoder is None or not body:
            break
        unpacked, flaw = _run(decoder, body, context)
        if flaw == "malformed" and not unpacked:
            break
        body = unpacked
        left.pop()
        if flaw:
            return body, left, flaw
    return body, left, ""


def _run(
    decoder: Callable[[memoryview, "_Output"], None], body: bytes | bytearray, context: Context
) -> tuple[bytearray, str]:
    output = _Output(context)
    flaw = ""
    try:
        with memoryview(body) as view:
            decoder(view, output)
    except _Full:
        flaw = "limit"
    except (zlib.error, ImportError):
        flaw = "malformed"
    return output.unpacked, flaw


class _Output:
    """What one coding gave, within the body limit and the capture's allowance."""

    def __init__(self, context: Context) -> None:
        self.unpacked = bytearray()
        self._room = context.body_limit
        self._allowance = context.inflated

    def add(self, piece: bytes) -> None:
        if len(piece) > self._room or not self._allowance.take(len(piece)):
            raise _Full
        self._room -= len(piece)
        self.unpacked += piece


def _inflate(body: memoryview, window_bits: int, output: _Output) -> int:
    """Unpack one stream; return where it ends."""
    unpacker = zlib.decompressobj(window_bits)
    at = 0
    while not unpacker.eof:
        fed = body[at : at + _FED]
        piece = unpacker.decompress(fed, _CHUNK)
        at += len(fed) - len(unpacker.unconsumed_tail) - len(unpacker.unused_data)
        if not piece and not fed:
            break
        output.add(piece)
    return at


def _gzip(body: memoryview, output: _Output) -> None:
    """Undo gzip; members may follow one another, and junk may follow them."""
    at = _inflate(body, _GZIP, output)
    while bytes(body[at : at + 2]) == b"\x1f\x8b":
        at += _inflate(body[at:], _GZIP, output)


_GZIP = 16 + zlib.MAX_WBITS


def _deflate(body: memoryview, output: _Output) -> None:
    """Undo `deflate`: zlib as the standard says, or bare as much software sends it."""
    zlib_header = body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    _inflate(body, zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS, output)


def _brotli(body: memoryview, output: _Output) -> None:
    import brotli  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra; without it bodies stay encoded

    unpacker = brotli.Decompressor()
    try:
        output.add(unpacker.process(bytes(body), output_buffer_limit=_CHUNK))
        while not unpacker.is_finished() and (piece := unpacker.process(b"", output_buffer_limit=_CHUNK)):
            output.add(piece)
    except brotli.error as error:
        raise zlib.error(str(error)) from error


def _zstd(body: memoryview, output: _Output) -> None:
    import zstandard  # noqa: PLC0415 - an extra; without it bodies stay encoded

    reader = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).stream_reader(
        bytes(body), read_across_frames=True
    )
    try:
        while piece := reader.read(_CHUNK):
            output.add(piece)
    except zstandard.ZstdError as error:
        raise zlib.error(str(error)) from error


_DECODERS: dict[str, Callable[[memoryview, _Output], None]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
