"""What is odd about a Portable Executable, in words."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from lib.cuckoo.common.inputs import holds_until
from lib.cuckoo.files.pe.headers import raw_range, section_holding
from lib.cuckoo.files.pe.image import Image, plain
from lib.cuckoo.files.pe.records import DebugEntry

EXECUTE, WRITE = 0x20000000, 0x80000000
PACKED_ENTROPY = 7.2
EARLIEST = 725_846_400
"""1993, when there were no such files yet."""
FEW_IMPORTS = 10
DAY = 86_400
_HUGE = 1 << 28


def plausible_time(seconds: int, now: datetime) -> bool:
    """Tell whether a file can have been linked at that time."""
    latest = now.timestamp() + DAY
    if seconds > latest:
        holds_until(seconds - DAY)
    return EARLIEST <= seconds <= latest


def header_anomalies(image: Image, debug: list[DebugEntry]) -> Iterator[str]:
    """Yield what is odd about time, checksum and size."""
    header = image.pe.FILE_HEADER
    if any(entry["type"] == "REPRO" for entry in debug):
        yield "the time stamp is a digest: the build is reproducible"
    elif not plausible_time(header.TimeDateStamp, datetime.now(UTC)):
        yield "the time stamp is implausible"
    yield from _counts(image)
    yield from _entry_point(image)
    for entry in getattr(image.pe.OPTIONAL_HEADER, "DATA_DIRECTORY", []):
        elsewhere = entry.name.endswith(("SECURITY", "GLOBALPTR"))
        if entry.Size and not elsewhere and image.offset(entry.VirtualAddress) is None:
            yield f"{entry.name} lies outside the file"
        elif entry.Size > len(image.data):
            yield f"{entry.name} claims {entry.Size} bytes, more than the file has"


def _counts(image: Image) -> Iterator[str]:
    claimed, held = image.pe.FILE_HEADER.NumberOfSections, len(image.sections)
    if claimed != held:
        yield f"the header counts {claimed} sections, {held} can be read"
    if not claimed:
        yield "there are no sections"


def _entry_point(image: Image) -> Iterator[str]:
    entry = image.pe.OPTIONAL_HEADER.AddressOfEntryPoint
    holder = section_holding(image, entry)
    if not entry or not image.sections:
        return
    if holder is None:
        yield "the entry point lies outside all sections"
        return
    if holder.Characteristics & WRITE:
        yield "the entry point lies in a writable section"
    if not holder.Characteristics & EXECUTE:
        yield "the entry point lies in a section that is not executable"
    if holder is image.sections[-1] and len(image.sections) > 1:
        yield "the entry point lies in the last section"


def section_anomalies(image: Image) -> Iterator[str]:
    """Yield what is odd about each section, then where two of them overlap."""
    for number, section in enumerate(image.sections):
        name = plain(section.Name.rstrip(b"\0"))
        for oddity in _oddities(image, section, name):
            yield f"section {number} ({name}) {oddity}"
    yield from _overlaps(image)


def _oddities(image: Image, section: Any, name: str) -> Iterator[str]:
    start, size = raw_range(image, section)
    access = section.Characteristics
    if not name.strip() or not name.isprintable() or "\\x" in name:
        yield "has no readable name"
    if access & EXECUTE and access & WRITE:
        yield "is writable and executable"
    if section.SizeOfRawData and start + section.SizeOfRawData > len(image.data):
        yield "ends behind the end of the file"
    if section.Misc_VirtualSize >= _HUGE:
        yield "claims 256 MiB of memory or more"
    if access & EXECUTE and not section.SizeOfRawData:
        yield "is executable and empty in the file"
    measured = image.parts.measure(start, size)
    if access & EXECUTE and measured and measured[0] > PACKED_ENTROPY:
        yield f"is executable with an entropy of {measured[0]:.2f}: compressed or encrypted"


def _overlaps(image: Image) -> Iterator[str]:
    """Yield neighbours that overlap in memory or in the file; one pass over each order is enough to find one."""
    memory = sorted((each.VirtualAddress, each.Misc_VirtualSize) for each in image.sections)
    file = sorted(place for place in (raw_range(image, each) for each in image.sections) if place[1])
    for where, places in (("memory", memory), ("the file", file)):
        count = sum(1 for (start, size), (following, _) in pairwise(places) if start + size > following)
        if count:
            yield f"{count} sections overlap the next in {where}"


def import_anomalies(functions: int, directory: tuple[int, int], *, managed: bool) -> Iterator[str]:
    """Yield whether too little is imported for a program to do anything by ordinary means."""
    if directory[0] and functions < FEW_IMPORTS and not managed:
        yield f"only {functions} functions are imported"
