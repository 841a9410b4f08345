"""Archives of RAR, versions 1.5 to 4 and 5, as far as their headers are in the clear.

The formats are described by the vendor, in TechNote.txt of the program and on its site.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.text import readable_text
from lib.cuckoo.files.archives.records import Archive, ArchiveMember, archive, member
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.layout import dos_time, fields, filetime, number, unix_time

SIGNATURE_4 = b"Rar!\x1a\x07\0"
SIGNATURE_5 = b"Rar!\x1a\x07\x01\0"
_METHODS = ("stored", "fastest", "fast", "normal", "good", "best")
_LONGEST_HEADER = 2 << 20
"""The vendor's own limit for headers of version 5."""


@dataclass
class _Notes:
    """What the headers say of the whole archive."""

    volume: bool = False
    encrypted: bool = False


def describe_rar(data: Data, budget: Budget, _: Save) -> Archive:
    """List a RAR archive in the shape `Archive`; damage stands in `anomalies`.

    Raises:
        CuckooProcessingError: it is none.
    """
    notes = _Notes()
    if data[:8] == SIGNATURE_5:
        found = archive("rar5", _members_5(data, notes), len(data), budget)
    elif data[:7] == SIGNATURE_4:
        found = archive("rar", _members_4(data, notes), len(data), budget)
    else:
        raise CuckooProcessingError("no RAR archive")
    found["volume"] = notes.volume
    if notes.encrypted:
        found["encrypted"] = True
        found["anomalies"].append("the headers are encrypted, so that even the names are hidden")
    return found


_MAIN_4, _FILE_4, _END_4 = 0x73, 0x74, 0x7B


def _members_4(data: Data, notes: _Notes) -> Iterator[ArchiveMember]:
    at = 7
    while at < len(data):
        kind, flags, size = fields("<xxBHH", data, at)
        if size < 7:
            raise CuckooProcessingError(f"the header at offset {at} has {size} bytes")
        if kind == _MAIN_4:
            notes.volume, notes.encrypted = bool(flags & 1), bool(flags & 0x80)
        if kind == _END_4 or notes.encrypted:
            return
        added = number(data, at + 7, 4) if flags & 0x8000 or kind == _FILE_4 else 0
        if kind == _FILE_4:
            if flags & 0x100:
                added |= number(data, at + 32, 4) << 32
            yield _member_4(data, at, flags, added)
        at += size + added


def _member_4(data: Data, at: int, flags: int, packed: int) -> ArchiveMember:
    size, system, time, date, method, name_size, attributes = fields("<IB4xHHxBHI", data, at + 11)
    high = number(data, at + 36, 4) if flags & 0x100 else 0
    start = at + (40 if flags & 0x100 else 32)
    raw = data[start : start + name_size]
    found = member(_name_4(raw, flags), high << 32 | size, packed, dos_time(date, time))
    found["directory"] = flags & 0xE0 == 0xE0
    found["encrypted"] = bool(flags & 4)
    found["link"] = "" if system == 3 and attributes & 0xF000 == 0xA000 else None
    step = method - 0x30
    found["method"] = _METHODS[step] if 0 <= step < len(_METHODS) else str(method)
    return found


def _name_4(raw: bytes, flags: int) -> str:
    """Return the name in bytes; the packed Unicode form behind its null repeats it in more letters."""
    plain = raw.partition(b"\0")[0] if flags & 0x200 else raw
    return readable_text(plain)


_MAIN_5, _FILE_5, _ENCRYPTION_5, _END_5 = 1, 2, 4, 5
_EXTRA_5, _DATA_5 = 1, 2


class _Numbers:
    """Reads numbers of seven bits a byte, the lowest first."""

    def __init__(self, data: Data, at: int) -> None:
        self._data, self.at = data, at

    def next(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = number(self._data, self.at, 1)
            self.at += 1
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
        raise CuckooProcessingError(f"a number at offset {self.at} does not end")


def _members_5(data: Data, notes: _Notes) -> Iterator[ArchiveMember]:
    at = 8
    while at < len(data):
        numbers = _Numbers(data, at + 4)
        size = numbers.next()
        start = numbers.at
        if not 0 < size <= _LONGEST_HEADER:
            raise CuckooProcessingError(f"the header at offset {at} has {size} bytes")
        kind, flags = numbers.next(), numbers.next()
        extra = numbers.next() if flags & _EXTRA_5 else 0
        packed = numbers.next() if flags & _DATA_5 else 0
        if kind == _MAIN_5:
            notes.volume = bool(numbers.next() & 1)
        elif kind == _ENCRYPTION_5:
            notes.encrypted = True
        if kind in {_END_5, _ENCRYPTION_5}:
            return
        if kind == _FILE_5:
            yield _member_5(data, numbers, packed, (start + size - extra, start + size))
        at = start + size + packed


def _member_5(data: Data, numbers: _Numbers, packed: int, extra: tuple[int, int]) -> ArchiveMember:
    flags, size = numbers.next(), numbers.next()
    numbers.next()
    modified = None
    if flags & 2:
        modified = unix_time(number(data, numbers.at, 4))
        numbers.at += 4
    numbers.at += 4 if flags & 4 else 0
    compression = numbers.next()
    numbers.next()
    length = numbers.next()
    name = readable_text(data[numbers.at : numbers.at + length])
    found = member(name, None if flags & 8 else size, packed, modified)
    found["directory"] = bool(flags & 1)
    step = compression >> 7 & 7
    found["method"] = _METHODS[step] if step < len(_METHODS) else str(step)
    _add_extra(found, data, *extra)
    return found


def _add_extra(found: ArchiveMember, data: Data, at: int, end: int) -> None:
    """Set what the extra area says: 1 is encryption, 3 the time, 5 a link."""
    while at < end:
        numbers = _Numbers(data, at)
        size = numbers.next()
        following = numbers.at + size
        kind = numbers.next()
        if kind == 1:
            found["encrypted"] = True
        elif kind == 3:
            found["modified"] = _time_5(data, numbers) or found["modified"]
        elif kind == 5:
            numbers.next(), numbers.next()
            length = min(numbers.next(), 1024)
            found["link"] = readable_text(data[numbers.at : numbers.at + length])
        at = following


def _time_5(data: Data, numbers: _Numbers) -> str | None:
    flags = numbers.next()
    if not flags & 2:
        return None
    return unix_time(number(data, numbers.at, 4)) if flags & 1 else filetime(number(data, numbers.at, 8))
