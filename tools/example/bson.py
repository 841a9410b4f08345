"""Encode BSON, the wire format of the behaviour logs (bsonspec.org, version 1.1).

Only what the monitors write: numbers, strings, bytes, lists, documents, booleans and null. An `int` becomes
an int32 where it fits and an int64 elsewhere; `Int64` is always an int64, as monitors write pointers.
"""

import struct
from collections.abc import Callable, Mapping, Sequence


class Int64(int):
    """A number that is written in eight bytes however small it is."""


Value = None | bool | int | float | str | bytes | Sequence["Value"] | Mapping[str, "Value"]


def encode(document: Mapping[str, Value]) -> bytes:
    """Write one document, its length first, its elements in the order of the mapping."""
    body = b"".join(_element(name, value) for name, value in document.items())
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def _element(name: str, value: Value) -> bytes:
    kind, payload = _typed(value)
    return bytes([kind]) + _cstring(name) + payload


def _cstring(text: str) -> bytes:
    encoded = text.encode()
    if b"\0" in encoded:
        raise ValueError(f"the name {text!r} holds a NUL")
    return encoded + b"\0"


def _typed(value: Value) -> tuple[int, bytes]:
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    raise TypeError(f"no BSON type for {type(value).__name__}")


def _number(value: int) -> tuple[int, bytes]:
    if not isinstance(value, Int64) and -(1 << 31) <= value < 1 << 31:
        return 0x10, struct.pack("<i", value)
    return 0x12, struct.pack("<q", value)


def _text(value: str) -> tuple[int, bytes]:
    encoded = value.encode()
    return 0x02, struct.pack("<i", len(encoded) + 1) + encoded + b"\0"


def _array(value: Sequence[Value]) -> tuple[int, bytes]:
    return 0x04, encode({str(index): item for index, item in enumerate(value)})


_WRITERS: tuple[tuple[type, Callable[..., tuple[int, bytes]]], ...] = (
    (bool, lambda value: (0x08, bytes([value]))),
    (int, _number),
    (float, lambda value: (0x01, struct.pack("<d", value))),
    (str, _text),
    (bytes, lambda value: (0x05, struct.pack("<iB", len(value), 0) + value)),
    (Mapping, lambda value: (0x03, encode(value))),
    (Sequence, _array),
    (type(None), lambda _: (0x0A, b"")),
)
"""In order: a bool is an int, and strings and bytes are sequences."""
