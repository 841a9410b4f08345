"""Writes the smallest MaxMind database: one record for all addresses that begin with binary 11.

Source: the MaxMind DB file format specification, version 2.0.
"""

from typing import Any

_METADATA = b"\xab\xcd\xefMaxMind.com"


def encode(value: Any) -> bytes:
    """Encode a value of the data section; small ones only."""
    if isinstance(value, str):
        content = value.encode()
        head = bytes([0x40 | len(content)]) if len(content) < 29 else bytes([0x40 | 29, len(content) - 29])
        return head + content
    if isinstance(value, int):
        return b"\xc4" + value.to_bytes(4, "big")
    if isinstance(value, bytes):
        return value  # encoded before
    if isinstance(value, list):
        return bytes([len(value), 4]) + b"".join(map(encode, value))
    return bytes([0xE0 | len(value)]) + b"".join(encode(key) + encode(item) for key, item in value.items())


def short(value: int) -> bytes:
    """Encode a number of 16 bits."""
    return b"\xa2" + value.to_bytes(2, "big")


def database(record: Any, kind: str = "Test") -> bytes:
    """Return a database for IPv4 of two nodes: 1, then 1 again, lead to the record; all else is empty."""
    nodes, empty = 2, 2
    found = nodes + 16
    tree = b"".join(number.to_bytes(3, "big") for number in (empty, 1, empty, found))
    metadata = {
        "node_count": nodes,
        "record_size": short(24),
        "ip_version": short(4),
        "database_type": kind,
        "languages": ["en"],
        "binary_format_major_version": short(2),
        "binary_format_minor_version": short(0),
        "build_epoch": b"\x08\x02" + bytes(7) + b"\1",
        "description": {"en": "test"},
    }
    return tree + bytes(16) + encode(record) + _METADATA + encode(metadata)
