"""The filters of streams in a PDF (ISO 32000, 7.4), as far as text may stand behind them."""

import base64
import binascii
import re
import zlib
from collections.abc import Callable
from typing import Any

LONGEST_SLOW_STREAM = 4 << 20
"""Bytes of a stream whose filter is undone byte by byte."""


def from_hex(raw: bytes) -> bytes:
    """Return the bytes that hexadecimal digits stand for; other characters are passed over, a missing digit is 0."""
    digits = re.sub(rb"[^0-9A-Fa-f]", b"", raw).decode()
    return bytes.fromhex(digits + "0" * (len(digits) % 2))


def _flate(raw: bytes, maximum: int) -> bytes:
    """Unpack deflated data; errors after its beginning are ignored, as readers do."""
    unpacking = zlib.decompressobj()
    parts = []
    left = maximum + 1
    for at in range(0, len(raw), 1 << 14):
        try:
            part = unpacking.decompress(raw[at : at + (1 << 14)], left)
        except zlib.error:
            break
        parts.append(part)
        left -= len(part)
        if left <= 0 or unpacking.eof:
            break
    return b"".join(parts)


def _ascii_hex(raw: bytes, _: int) -> bytes:
    return from_hex(raw.partition(b">")[0])


def _ascii85(raw: bytes, _: int) -> bytes:
    text = re.sub(rb"[\0\t\n\f\r ]", b"", raw).removeprefix(b"<~").partition(b"~")[0]
    try:
        return base64.a85decode(text)
    except (ValueError, binascii.Error):
        return b""


def _run_length(raw: bytes, maximum: int) -> bytes:
    parts = bytearray()
    at = 0
    while at < len(raw) and raw[at] != 128 and len(parts) <= maximum:
        size = raw[at]
        parts += raw[at + 1 : at + 2 + size] if size < 128 else raw[at + 1 : at + 2] * (257 - size)
        at += 2 + size if size < 128 else 2
    return bytes(parts)


def _lzw(raw: bytes, maximum: int) -> bytes:
    """Unpack LZW with codes of 9 to 12 bits, the highest bit first, each size left one code early."""
    parts: list[bytes] = []
    table = _first_codes()
    previous = b""
    width, bits, count, size = 9, 0, 0, 0
    for byte in raw:
        bits, count = (bits << 8 | byte) & 0xFFFFFF, count + 8
        if count < width:
            continue
        count -= width
        code = bits >> count & ((1 << width) - 1)
        if code == 257 or size > maximum:
            break
        if code == 256:
            table, previous, width = _first_codes(), b"", 9
            continue
        entry = table[code] if code < len(table) else previous + previous[:1]
        if previous and len(table) < 4096:
            table.append(previous + entry[:1])
        parts.append(entry)
        size += len(entry)
        previous = entry
        width = max(9, min(12, (len(table) + 1).bit_length()))
    return b"".join(parts)


def _first_codes() -> list[bytes]:
    return [bytes([code]) for code in range(256)] + [b"", b""]


FILTERS: dict[str, Callable[[bytes, int], bytes]] = {
    "FlateDecode": _flate,
    "Fl": _flate,
    "ASCIIHexDecode": _ascii_hex,
    "AHx": _ascii_hex,
    "ASCII85Decode": _ascii85,
    "A85": _ascii85,
    "LZWDecode": _lzw,
    "LZW": _lzw,
    "RunLengthDecode": _run_length,
    "RL": _run_length,
    "Crypt": lambda raw, _: raw,
}
"""By name: takes what is packed, and after how many bytes to stop, or soon after."""

FAST = (_flate, _ascii_hex, _ascii85)
"""Filters that are undone at the speed of C; the others take streams up to `LONGEST_SLOW_STREAM`."""


def predicted(content: bytes, predictor: Any, columns: Any) -> bytes:
    """Undo the prediction of PNG with which tables of references and object streams are stored.

    `predictor` and `columns` are values of a document, of any type.
    """
    if not isinstance(predictor, int) or predictor < 10 or not isinstance(columns, int):
        return content
    if not 0 < columns < 1 << 16 or len(content) > LONGEST_SLOW_STREAM:
        return content
    rows = bytearray()
    before = bytes(columns)
    for at in range(0, len(content), columns + 1):
        row = content[at + 1 : at + 1 + columns].ljust(columns, b"\0")
        before = _row(content[at], row, before)
        rows += before
    return bytes(rows)


def _row(kind: int, row: bytes, before: bytes) -> bytes:
    """Undo one row; of the kinds that streams of tables use, Up is by far the most frequent."""
    if kind == 2:
        return bytes([(a + b) & 0xFF for a, b in zip(row, before, strict=True)])
    if kind == 1:
        done, left = bytearray(), 0
        for byte in row:
            left = (byte + left) & 0xFF
            done.append(left)
        return bytes(done)
    return row
