"""What the tests of Portable Executables share."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.pe.describe import describe_pe

Facts = dict[str, Any]
SECTIONS_AT = 0x40 + 24 + 240


@pytest.fixture
def describe() -> Callable[..., Facts]:
    """Describe bytes; `saved` receives what the reader saves."""

    def run(data: bytes, budget: Budget | None = None, saved: dict[str, bytes] | None = None) -> Facts:
        def save(name: str, content: bytes) -> str:
            (saved if saved is not None else {})[name] = content
            return f"static/{name}"

        return dict(describe_pe(data, budget or Budget(), save))

    return run


def program(
    sections: Sequence[tuple[bytes, bytes, int]], directories: dict[int, tuple[int, int]] | None = None
) -> bytes:
    """A 64-bit program; its sections (name, content, access) follow one another from 0x1000, a page each at least."""
    heads, body, offset, address = b"", b"", 0x400, 0x1000
    for name, content, access in sections:
        size = -(-len(content) // 0x200) * 0x200
        heads += struct.pack("<8s6I2HI", name, len(content), address, size, offset, 0, 0, 0, 0, access)
        body += content.ljust(size, b"\0")
        offset, address = offset + size, address + max(1, -(-len(content) // 0x1000)) * 0x1000
    table = b"".join(struct.pack("<II", *(directories or {}).get(number, (0, 0))) for number in range(16))
    optional = struct.pack("<HBB5I", 0x20B, 14, 0, 0, 0, 0, 0x1000, 0x1000)
    optional += struct.pack(
        "<QII6H4IHH4QII", 1 << 30, 0x1000, 0x200, 6, 0, 0, 0, 6, 0, 0, address, 0x400, 0, 3, 0x4000,
        1 << 20, 4096, 1 << 20, 4096, 0, 16,
    )  # fmt: skip
    coff = struct.pack("<HHIIIHH", 0x8664, len(sections), 1_700_000_000, 0, 0, 240, 0x22)
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 0x40)
    return (dos + b"PE\0\0" + coff + optional + table + heads).ljust(0x400, b"\0") + body


@pytest.fixture
def build() -> Callable[..., bytes]:
    return program
