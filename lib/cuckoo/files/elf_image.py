"""The parts of an ELF file: its header, its tables, and where addresses lie in it.

What the loader uses is read from where the loader reads it: segments and the dynamic section. Numbers of entries are
never believed beyond the file.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget, Data
from lib.cuckoo.files.measure import Parts

LOADS = 256
"""Segments that addresses are looked up in."""
STRINGS_BYTES = 64 << 20
_HEADER = {32: "HHIIIIIHHHHHH", 64: "HHIQQQIHHHHHH"}
_PROGRAM = {32: "8I", 64: "IIQQQQQQ"}
_SECTION = {32: "10I", 64: "IIQQQQIIQQ"}
LOAD, _DYNAMIC = 1, 2
"""Kinds of segments."""
STRING_TABLE, _STRING_TABLE_SIZE = 5, 10
"""Tags of the dynamic section."""


@dataclass(frozen=True)
class Segment:
    """A program header."""

    kind: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int


@dataclass(frozen=True)
class Section:
    """A section header; `name` is the place of its name."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


@dataclass
class Elf:
    """One file: its header, and the tables that it leads to."""

    data: Data
    budget: Budget
    anomalies: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        ident = self.data[:16]
        if len(ident) < 16 or ident[4] not in {1, 2} or ident[5] not in {1, 2}:
            raise CuckooProcessingError("the header of the ELF file is cut short or of no known class")
        self.bits = 32 * ident[4]
        self.order = "<" if ident[5] == 1 else ">"
        layout = self.order + _HEADER[self.bits]
        raw = self.data[16 : 16 + struct.calcsize(layout)]
        if len(raw) < struct.calcsize(layout):
            raise CuckooProcessingError("the header of the ELF file is cut short")
        numbers = struct.unpack(layout, raw)
        self.type, self.machine, _, self.entry, self._segments_at, self.sections_at = numbers[:6]
        self._segment_size, self._segment_count, self.section_size, self.section_count = numbers[8:12]
        self.names_in = numbers[12]
        self.parts = Parts(self.data)
        self.segments = self.budget.take("segments", self._read_segments())
        self.sections = self.budget.take("sections", self._read_sections())
        self.loads = [each for each in self.segments if each.kind == LOAD][:LOADS]
        self.dynamic = self.budget.take("dynamic entries", self._read_dynamic())
        self.strings = self._dynamic_strings()

    def odd(self, text: str) -> None:
        """Remember that something about the file is odd; the same words count once."""
        if text not in self.anomalies:
            self.anomalies.append(text)

    def records(self, layout: str, offset: int, count: int, step: int = 0) -> Iterator[tuple[int, ...]]:
        """Yield records from a place in the file, as far as it holds them."""
        size = struct.calcsize(self.order + layout)
        step = step or size
        for number in range(count):
            raw = self.data[offset + number * step : offset + number * step + size]
            if len(raw) < size or step < size:
                return
            yield struct.unpack(self.order + layout, raw)

    def offset(self, address: int) -> int | None:
        """Return where in the file an address lies, None where it does not."""
        for each in self.loads:
            if each.address <= address < each.address + each.file_size:
                return each.offset + address - each.address
        return None

    def content(self, offset: int, size: int) -> bytes:
        """Return what the file holds of a part."""
        return self.data[offset : offset + min(size, STRINGS_BYTES)]

    def tag(self, number: int) -> int | None:
        """Return the first value of a dynamic tag."""
        return next((value for tag, value in self.dynamic if tag == number), None)

    def _read_segments(self) -> Iterator[Segment]:
        found = self.records(_PROGRAM[self.bits], self._segments_at, self._segment_count, self._segment_size)
        held = 0
        for row in found:
            held += 1
            if self.bits == 64:
                kind, flags, offset, address, _, file_size, memory_size, _ = row
            else:
                kind, offset, address, _, file_size, memory_size, flags, _ = row
            yield Segment(kind, flags, offset, address, file_size, memory_size)
        if held < self._segment_count:
            self.odd(f"the header counts {self._segment_count} segments, {held} can be read")

    def _read_sections(self) -> Iterator[Section]:
        """Yield the sections; where there are too many to count in 16 bits, the first one's size counts them."""
        if not self.sections_at:
            return
        found = self.records(
            _SECTION[self.bits], self.sections_at, self.section_count or 1, self.section_size
        )
        first = next(found, None)
        count = self.section_count or (first[5] if first else 0)
        found = self.records(_SECTION[self.bits], self.sections_at, count, self.section_size)
        held = 0
        for row in found:
            held += 1
            yield Section(*row[:7])
        if held < count or not count:
            self.odd(f"the header counts {count} sections, {held} can be read")

    def _read_dynamic(self) -> Iterator[tuple[int, int]]:
        """Yield tags and values of the dynamic section up to the tag 0."""
        for segment in self.segments:
            if segment.kind == _DYNAMIC:
                layout = "QQ" if self.bits == 64 else "II"
                count = min(segment.file_size, len(self.data)) // struct.calcsize(layout)
                for tag, value in self.records(layout, segment.offset, count):
                    if not tag:
                        return
                    yield tag, value
                return

    def _dynamic_strings(self) -> bytes:
        offset = self.offset(self.tag(STRING_TABLE) or 0)
        return self.content(offset, self.tag(_STRING_TABLE_SIZE) or 0) if offset is not None else b""
