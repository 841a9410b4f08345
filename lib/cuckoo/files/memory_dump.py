"""Dumps of a process's memory: which regions they hold, and their data by address.

Two formats occur. The sandboxes' own is a sequence of regions, each a header of five little-endian numbers (`uint64
address, uint32 size, uint32 state, uint32 type, uint32 protection`) and `size` bytes. The other is Windows' minidump
(https://learn.microsoft.com/windows/win32/api/minidumpapiset/): a directory of streams, of which the lists of memory,
of what is known about it, and of modules count.

A dump may be larger than memory: headers are read one by one, data in windows. Numbers in it are the sample's: what
points beyond the end is cut and counted.
"""

import os
import struct
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from lib.cuckoo.common.exceptions import CuckooProcessingError

WINDOW_BYTES = 32 << 20
OVERLAP_BYTES = 64 << 10
"""What neighbouring windows of one region share, so that nothing is cut by a border."""
REGIONS_MAXIMUM = 1 << 20
MODULES_MAXIMUM = 4096
_REGION = struct.Struct("<QIIII")
_STATES = {0x1000: "commit", 0x2000: "reserve", 0x10000: "free"}
_TYPES = {0x20000: "private", 0x40000: "mapped", 0x1000000: "image"}
_PROTECTIONS = {1: "---", 2: "r--", 4: "rw-", 8: "rc-", 0x10: "--x", 0x20: "r-x", 0x40: "rwx", 0x80: "rcx"}
"""PAGE_NOACCESS to PAGE_EXECUTE_WRITECOPY; `c` is copied when it is written to."""
_MODIFIERS = {0x100: "guard", 0x200: "nocache", 0x400: "writecombine"}
_HEADER = struct.Struct("<4sIIIIIQ")
_DIRECTORY = struct.Struct("<III")
_MODULE_LIST, _MEMORY_LIST, _MEMORY64_LIST, _MEMORY_INFO_LIST = 4, 5, 9, 16
_MODULE = struct.Struct("<QIIII")
_MODULE_BYTES = 108
_RANGE = struct.Struct("<QII")
_RANGE64 = struct.Struct("<QQ")
_INFO = struct.Struct("<QQIIQIII")
_STREAMS_MAXIMUM = 1024
_NAME_BYTES = 2048


@dataclass(frozen=True)
class Region:
    """Memory from `address` on, `size` bytes, whose data begins at `offset` in the dump."""

    address: int
    size: int
    offset: int
    state: int = 0
    kind: int = 0
    protection: int = 0

    @property
    def end(self) -> int:
        """The address behind the region."""
        return self.address + self.size

    @property
    def type_name(self) -> str:
        """What it is made of: "private", "mapped", "image", "" when that is not known, else the number."""
        return _word(_TYPES, self.kind)

    @property
    def state_name(self) -> str:
        """Whether it exists: "commit", "reserve", "free", "" when that is not known, else the number."""
        return _word(_STATES, self.state)

    @property
    def protection_name(self) -> str:
        """The rights as "rwx", with a `c` for copy on write, and what modifies them, as in "rw- guard"."""
        modifiers = [name for bit, name in _MODIFIERS.items() if self.protection & bit]
        return " ".join([_word(_PROTECTIONS, self.protection & 0xFF), *modifiers])


@dataclass(frozen=True)
class Module:
    """A program or library that was loaded."""

    address: int
    size: int
    name: str


@dataclass(frozen=True)
class Run:
    """A piece of a window whose bytes have successive addresses."""

    start: int
    size: int
    address: int


@dataclass(frozen=True)
class Window:
    """Data of one or several regions; runs that are no neighbours in memory have zeros between them."""

    data: bytes
    runs: list[Run]

    def address(self, offset: int) -> int:
        """Return the address of a byte of the data."""
        run = self.runs[max(0, bisect_right(self.runs, offset, key=lambda each: each.start) - 1)]
        return run.address + offset - run.start


@dataclass
class Dump:
    """The regions of a dump, by address, and what could not be read, counted by what is wrong with it."""

    format: str
    """"regions" or "minidump"."""
    regions: list[Region] = field(default_factory=list)
    modules: list[Module] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)

    def data(self, stream: BinaryIO, address: int, size: int) -> bytes:
        """Return at most `size` bytes from an address on, up to where the memory has a gap."""
        index = max(0, bisect_right(self.regions, address, key=lambda each: each.address) - 1)
        parts: list[bytes] = []
        for number in range(index, len(self.regions)):
            region = self.regions[number]
            if size <= 0 or not region.address <= address < region.end:
                break
            piece = _read(stream, region.offset + address - region.address, min(size, region.end - address))
            parts.append(piece)
            address, size = address + len(piece), size - len(piece)
        return b"".join(parts)

    def windows(self, stream: BinaryIO, size: int = WINDOW_BYTES) -> Iterator[Window]:
        """Yield all data in windows of about `size` bytes."""
        data, runs = bytearray(), list[Run]()
        for region in self.regions:
            for piece in _pieces(region, size):
                if runs and len(data) + piece.size > size:
                    yield Window(bytes(data), runs)
                    data, runs = bytearray(), []
                _append(data, runs, piece, _read(stream, piece.offset, piece.size))
        if runs:
            yield Window(bytes(data), runs)


def read_dump(stream: BinaryIO) -> Dump:
    """Read what a dump says about itself, not its data.

    Raises:
        CuckooProcessingError: it is in neither of the formats, or cannot be read.
    """
    size = os.fstat(stream.fileno()).st_size
    if _read(stream, 0, 4) == b"MDMP":
        dump = _minidump(stream, size)
    else:
        dump = Dump("regions")
        dump.regions = list(_sequence(stream, size, dump.problems))
        if not dump.regions:
            raise CuckooProcessingError("it is no dump of a process's memory")
    dump.regions.sort(key=lambda region: (region.address, region.offset))
    _note_overlaps(dump)
    return dump


def _word(names: dict[int, str], number: int) -> str:
    return names.get(number, hex(number) if number else "")


def _read(stream: BinaryIO, offset: int, size: int) -> bytes:
    try:
        return os.pread(stream.fileno(), size, offset)
    except (OSError, OverflowError) as error:
        raise CuckooProcessingError(f"cannot read at {offset}: {error}") from error


def _sequence(stream: BinaryIO, size: int, problems: Counter[str]) -> Iterator[Region]:
    place = 0
    for _ in range(REGIONS_MAXIMUM):
        header = _read(stream, place, _REGION.size)
        if len(header) < _REGION.size:
            problems["the last header is cut short"] += bool(header)
            return
        address, length, state, kind, protection = _REGION.unpack(header)
        if state not in _STATES or address + length > 1 << 64:
            problems[f"what stands at {place} is no header of a region"] += 1
            return
        place += _REGION.size
        yield _cut(Region(address, length, place, state, kind, protection), size, problems)
        place += length
    problems[f"there are more than {REGIONS_MAXIMUM} regions"] += 1


def _cut(region: Region, size: int, problems: Counter[str]) -> Region:
    """Return as much of a region as the file holds."""
    held = max(0, min(region.size, size - region.offset))
    if held == region.size:
        return region
    problems["regions that go on behind the end"] += 1
    return Region(region.address, held, region.offset, region.state, region.kind, region.protection)


def _minidump(stream: BinaryIO, size: int) -> Dump:
    header = _read(stream, 0, _HEADER.size)
    if len(header) < _HEADER.size:
        raise CuckooProcessingError("the minidump ends in its header")
    _, _, count, place, *_ = _HEADER.unpack(header)
    dump = Dump("minidump")
    raw = _read(stream, place, _DIRECTORY.size * min(count, _STREAMS_MAXIMUM))
    streams: dict[int, bytes] = {}
    for kind, length, start in _DIRECTORY.iter_unpack(_whole(raw, _DIRECTORY.size)):
        if kind in {_MODULE_LIST, _MEMORY_LIST, _MEMORY64_LIST, _MEMORY_INFO_LIST} and kind not in streams:
            streams[kind] = _read(stream, start, min(length, REGIONS_MAXIMUM * _INFO.size))
    infos = sorted(_infos(streams.get(_MEMORY_INFO_LIST, b"")), key=lambda region: region.address)
    ranges = [*_ranges(streams.get(_MEMORY_LIST, b"")), *_ranges64(streams.get(_MEMORY64_LIST, b""))]
    if len(raw) < _DIRECTORY.size * count:
        dump.problems["the directory of streams is cut short"] += 1
    dump.regions = [_cut(_with_info(region, infos), size, dump.problems) for region in ranges]
    dump.modules = list(_modules(stream, streams.get(_MODULE_LIST, b"")))
    return dump


def _whole(raw: bytes, size: int) -> bytes:
    """Return as many records of a size as there are."""
    return raw[: len(raw) // size * size]


def _ranges(raw: bytes) -> Iterator[Region]:
    for address, size, offset in _RANGE.iter_unpack(
        _whole(raw[4:], _RANGE.size)[: _count(raw[:4]) * _RANGE.size]
    ):
        yield Region(address, size, offset)


def _ranges64(raw: bytes) -> Iterator[Region]:
    """Yield ranges whose data stands one after another from a place that the list's head gives."""
    place = _count(raw[8:16])
    records = _whole(raw[16:], _RANGE64.size)[: _count(raw[:8]) * _RANGE64.size]
    for address, size in _RANGE64.iter_unpack(records):
        yield Region(address, min(size, (1 << 64) - address), place)
        place += size


def _infos(raw: bytes) -> Iterator[Region]:
    head, width, count = _count(raw[:4]), _count(raw[4:8]), _count(raw[8:16])
    if width < _INFO.size:
        return
    for start in range(head, min(len(raw) - _INFO.size + 1, head + count * width), width):
        address, _, _, _, size, state, protection, kind = _INFO.unpack_from(raw, start)
        yield Region(address, size, 0, state, kind, protection)


def _with_info(region: Region, infos: list[Region]) -> Region:
    index = bisect_right(infos, region.address, key=lambda each: each.address) - 1
    if index < 0 or region.address >= infos[index].end:
        return region
    known = infos[index]
    return Region(region.address, region.size, region.offset, known.state, known.kind, known.protection)


def _modules(stream: BinaryIO, raw: bytes) -> Iterator[Module]:
    count = min(_count(raw[:4]), MODULES_MAXIMUM, (len(raw) - 4) // _MODULE_BYTES)
    for index in range(count):
        address, size, _, _, place = _MODULE.unpack_from(raw, 4 + index * _MODULE_BYTES)
        length = min(_count(_read(stream, place, 4)), _NAME_BYTES)
        name = _read(stream, place + 4, length & ~1).decode("utf-16-le", "backslashreplace")
        yield Module(address, size, name)


def _count(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _note_overlaps(dump: Dump) -> None:
    end = 0
    for region in dump.regions:
        dump.problems["regions that overlap others"] += region.size > 0 and region.address < end
        end = max(end, region.end)
    dump.problems = +dump.problems


def _pieces(region: Region, size: int) -> Iterator[Region]:
    """Cut a region into pieces for windows; neighbours share `OVERLAP_BYTES`."""
    step = max(size - OVERLAP_BYTES, size // 2, 1)
    for start in range(0, region.size, step):
        yield Region(region.address + start, min(size, region.size - start), region.offset + start)
        if start + size >= region.size:
            return


def _append(data: bytearray, runs: list[Run], piece: Region, content: bytes) -> None:
    last = runs[-1] if runs else None
    if last is not None and last.address + last.size == piece.address:
        runs[-1] = Run(last.start, last.size + len(content), last.address)
    else:
        data += bytes(16 if runs else 0)
        runs.append(Run(len(data), len(content), piece.address))
    data += content
