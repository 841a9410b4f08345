"""BSON as monitors write it, read element by element from untrusted bytes.

The layout is bsonspec.org 1.1. Nothing here recurses without a bound or copies a document: positions are
offsets into the whole log, and every length is checked against the document that it stands in.
"""

import mmap
import struct
from collections.abc import Iterator
from typing import TypeAlias

Data: TypeAlias = bytes | mmap.mmap
Element: TypeAlias = tuple[int, bytes, int, int]
"""Type, name, offset of the value, offset behind the value."""
Value: TypeAlias = "int | float | str | bytes | list[Value] | dict[str, Value] | None"

LARGEST_DOCUMENT = 20 << 20
"""Bytes; no monitor writes more in one message."""
DEEPEST_NESTING = 32

DOUBLE, STRING, DOCUMENT, ARRAY, BINARY, BOOLEAN, INT32, INT64 = (
    0x01,
    0x02,
    0x03,
    0x04,
    0x05,
    0x08,
    0x10,
    0x12,
)
NUMBERS = frozenset((INT32, INT64, BOOLEAN))
_FIXED = {
    DOUBLE: 8, 0x06: 0, 0x07: 12, BOOLEAN: 1, 0x09: 8, 0x0A: 0, INT32: 4, 0x11: 8, INT64: 8, 0x13: 16, 0x7F: 0, 0xFF: 0
}  # fmt: skip
_SIZED = {
    STRING: (1, 4),
    0x0D: (1, 4),
    0x0E: (1, 4),
    DOCUMENT: (5, 0),
    ARRAY: (5, 0),
    0x0F: (14, 0),
    BINARY: (0, 5),
}
"""Type to the least length it may announce, and the bytes that the announced length does not count."""

_int32 = struct.Struct("<i").unpack_from


class MalformedError(ValueError):
    """Bytes that are not the document they should be; `offset` counts from the start of the log."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(what)
        self.offset = offset
        self.what = what


def document_end(data: Data, start: int, stop: int) -> int:
    """Return the offset behind the document at `start`, which must lie before `stop`.

    Raises:
        MalformedError: the length is impossible, or the document does not end in a zero byte.
    """
    if stop - start < 5:
        raise MalformedError(start, f"{stop - start} bytes are left, too few for a document")
    size: int = _int32(data, start)[0]
    if size < 5:
        raise MalformedError(start, f"a document of {size} bytes")
    if size > stop - start:
        raise MalformedError(start, f"a document of {size} bytes where {stop - start} are left")
    if data[start + size - 1]:
        raise MalformedError(start, f"a document of {size} bytes without its closing zero")
    return start + size


def elements(data: Data, start: int, end: int) -> Iterator[Element]:
    """Walk the elements of the document that lies at [start, end).

    Raises:
        MalformedError: an element runs past its document, or is of no known type.
    """
    position, last = start + 4, end - 1
    while position < last:
        tag = data[position]
        name_end = data.find(b"\0", position + 1, last)
        if name_end < 0:
            raise MalformedError(position, "an element's name runs past its document")
        value = name_end + 1
        behind = _value_end(data, tag, value, last)
        if not value <= behind <= last:
            raise MalformedError(position, f"an element of type {tag:#04x} runs past its document")
        yield tag, data[position + 1 : name_end], value, behind
        position = behind


def _value_end(data: Data, tag: int, value: int, last: int) -> int:
    """Return the offset behind a value, not yet compared with the document's end; -1 when it announces too little."""
    fixed = _FIXED.get(tag)
    if fixed is not None:
        return value + fixed
    if tag in _SIZED:
        return _sized_end(data, tag, value, last)
    if tag == 0x0B:  # a regular expression: two names
        middle = data.find(b"\0", value, last)
        return data.find(b"\0", middle + 1, last) + 1 or -1 if middle >= 0 else -1
    if tag == 0x0C:  # a pointer into a database: a string and 12 bytes
        string_end = _sized_end(data, STRING, value, last)
        return -1 if string_end < 0 else string_end + 12
    return -1


def _sized_end(data: Data, tag: int, value: int, last: int) -> int:
    if value + 4 > last:
        return -1
    least, uncounted = _SIZED[tag]
    size: int = _int32(data, value)[0]
    return -1 if size < least else value + size + uncounted


def payload(data: Data, tag: int, start: int, end: int) -> bytes:
    """Return the bytes of a string (without its closing zero) or of a binary value."""
    return data[start + 5 : end] if tag == BINARY else data[start + 4 : end - 1]


def integer(data: Data, start: int, end: int) -> int:
    """Return an int32, int64 or boolean."""
    return int.from_bytes(data[start:end], "little", signed=end - start > 1)


def plain(data: Data, element: Element, depth: int = 0) -> Value:
    r"""Return an element's value as Python data; what lies deeper than the bound, or is of a rare type, is None.

    Text that is not UTF-8 keeps its bytes as `\xNN`.
    """
    tag, _, start, end = element
    if tag in NUMBERS:
        return integer(data, start, end)
    if tag == DOUBLE:
        number: float = struct.unpack_from("<d", data, start)[0]
        return number
    if tag == STRING:
        return payload(data, tag, start, end).decode("utf-8", "backslashreplace")
    if tag == BINARY:
        return payload(data, tag, start, end)
    if tag not in (DOCUMENT, ARRAY) or depth >= DEEPEST_NESTING:
        return None
    inside = [
        (name, plain(data, (kind, name, at, to), depth + 1))
        for kind, name, at, to in elements(data, start, end)
    ]
    if tag == ARRAY:
        return [item for _, item in inside]
    return {name.decode("utf-8", "backslashreplace"): item for name, item in inside}


def document(data: Data, start: int, end: int) -> dict[str, Value]:
    """Return the document at [start, end) as a dict.

    Raises:
        MalformedError: some element of it cannot be read.
    """
    return {
        element[1].decode("utf-8", "backslashreplace"): plain(data, element)
        for element in elements(data, start, end)
    }
