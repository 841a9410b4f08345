"""Programs in memory: found by their headers, taken out as a file that readers of executables understand.

A program that the system loaded lies there by virtual addresses ("mapped"), a copy of its file as on disk ("file").
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from lib.cuckoo.files.memory_dump import Dump, Window

IMAGE_MAXIMUM_BYTES = 64 << 20
CANDIDATES = 500_000
"""Places that are looked at in one dump; memory full of "MZ" must not cost more."""
_SIGN = re.compile(rb"MZ")
_HEADERS_BYTES = 4096
_MACHINES = {0x14C, 0x8664, 0x1C0, 0x1C4, 0xAA64}
_OPTIONAL_MAGICS = {0x10B, 0x20B}
_SECTIONS_MAXIMUM = 96
_SECTION_BYTES = 40


@dataclass(frozen=True)
class Headers:
    """What the headers of a Portable Executable say, as far as it takes to find its end."""

    sections_at: int
    sections: int
    size_of_image: int
    size_of_headers: int
    size_of_file: int


@dataclass(frozen=True)
class Found:
    """The place of an image in memory."""

    address: int
    headers: Headers


class ImageSearch:
    """Finds images in the windows of one dump; `left_out` tells when not all places were looked at."""

    def __init__(self) -> None:
        self._left = CANDIDATES
        self._seen: set[int] = set()

    @property
    def left_out(self) -> bool:
        """Tell whether there are places that were not looked at."""
        return self._left <= 0

    def images(self, window: Window) -> Iterator[Found]:
        """Yield the images whose headers lie in a window and were not found before."""
        for match in _SIGN.finditer(window.data):
            self._left -= 1
            if self._left <= 0:
                return
            headers = read_headers(window.data[match.start() : match.start() + _HEADERS_BYTES])
            address = window.address(match.start())
            if headers is not None and address not in self._seen:
                self._seen.add(address)
                yield Found(address, headers)


def read_headers(raw: bytes) -> Headers | None:
    """Read the headers at the beginning of some bytes; None when they are not those of an executable."""
    if len(raw) < 64 or not raw.startswith(b"MZ"):
        return None
    start = int.from_bytes(raw[60:64], "little")
    if not 4 <= start <= len(raw) - 88 or raw[start : start + 4] != b"PE\0\0":
        return None
    machine, sections = struct.unpack_from("<HH", raw, start + 4)
    (optional_size,) = struct.unpack_from("<H", raw, start + 20)
    (magic,) = struct.unpack_from("<H", raw, start + 24)
    size_of_image, size_of_headers = struct.unpack_from("<II", raw, start + 24 + 56)
    if machine not in _MACHINES or magic not in _OPTIONAL_MAGICS or not 0 < sections <= _SECTIONS_MAXIMUM:
        return None
    table = start + 24 + optional_size
    ends = [size_of_headers]
    for place in range(
        table, min(table + sections * _SECTION_BYTES, len(raw) - _SECTION_BYTES + 1), _SECTION_BYTES
    ):
        size, offset = struct.unpack_from("<II", raw, place + 16)
        ends.append(size + offset)
    return Headers(table, sections, size_of_image, size_of_headers, max(ends))


def take_out(stream: BinaryIO, dump: Dump, found: Found) -> tuple[str, bytes]:
    """Return the layout of an image, "mapped" or "file", and its content, at most `IMAGE_MAXIMUM_BYTES`.

    In a mapped one the section table is changed so that it holds for the file that is written.
    """
    headers = found.headers
    mapped = _is_mapped(dump.data(stream, found.address, 0x1000), headers)
    wanted = headers.size_of_image if mapped else headers.size_of_file
    content = dump.data(stream, found.address, min(max(wanted, _HEADERS_BYTES), IMAGE_MAXIMUM_BYTES))
    return ("mapped", _as_file(content, headers)) if mapped else ("file", content)


def _is_mapped(head: bytes, headers: Headers) -> bool:
    """Tell how an image lies there: in a loaded one nothing stands between the headers and the next page."""
    rest = head[headers.size_of_headers :]
    return headers.size_of_headers >= len(head) or not rest.strip(b"\0")


def _as_file(content: bytes, headers: Headers) -> bytes:
    """Let each section's place in the file be its place in memory."""
    changed = bytearray(content)
    for index in range(headers.sections):
        place = headers.sections_at + index * _SECTION_BYTES
        if place + _SECTION_BYTES > len(changed):
            break
        size, address = struct.unpack_from("<II", changed, place + 8)
        struct.pack_into("<II", changed, place + 16, size, address)
    return bytes(changed)
