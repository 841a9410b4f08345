"""Cabinets of Microsoft ([MS-CAB]): folders of packed data, and the files in them."""

from collections.abc import Iterator

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.archives.records import Archive, ArchiveMember, archive, member
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.layout import dos_time, fields, narrow

_PREVIOUS, _NEXT, _RESERVED = 1, 2, 4
_UTF8 = 0x80
_METHODS = ("stored", "mszip", "quantum", "lzx")
_LONGEST_NAME = 256


def describe_cab(data: Data, budget: Budget, _: Save) -> Archive:
    """List a cabinet in the shape `Archive`; damage stands in `anomalies`.

    Raises:
        CuckooProcessingError: the header cannot be read.
    """
    size, first, folders, files, flags = fields("<4x4xI4xI4x2xHHH", data[:36].ljust(36, b"\0"))
    if data[:4] != b"MSCF" or len(data) < 36:
        raise CuckooProcessingError("no cabinet")
    found = archive("cab", _members(data, first, files, _methods(data, folders, flags)), len(data), budget)
    found["volume"] = bool(flags & (_PREVIOUS | _NEXT))
    if size != len(data):
        found["anomalies"].append(f"the header claims {size} bytes, the file has {len(data)}")
    return found


def _methods(data: Data, folders: int, flags: int) -> list[str]:
    at, reserve = 36, 0
    if flags & _RESERVED:
        header, reserve = fields("<HB", data, at)
        at += 4 + header
    for _ in range(2 * (flags & _PREVIOUS) + (flags & _NEXT)):
        end = bytes(data[at : at + _LONGEST_NAME]).find(b"\0")
        at += max(end, 0) + 1
    places = range(at, min(len(data) - 7, at + folders * (8 + reserve)), 8 + reserve)
    kinds = (fields("<H", data, place + 6)[0] & 15 for place in places)
    return [_METHODS[kind] if kind < len(_METHODS) else str(kind) for kind in kinds]


def _members(data: Data, at: int, count: int, methods: list[str]) -> Iterator[ArchiveMember]:
    for _ in range(count):
        size, _, folder, date, time, attributes = fields("<IIHHHH", data, at)
        raw = data[at + 16 : at + 16 + _LONGEST_NAME + 1]
        end = raw.find(b"\0")
        if end < 0:
            raise CuckooProcessingError(f"the name of the file at offset {at} does not end")
        name = narrow(raw[:end], "utf-8" if attributes & _UTF8 else "cp1252")
        found = member(name, size, None, dos_time(date, time))
        found["method"] = methods[folder] if folder < len(methods) else None
        yield found
        at += 16 + end + 1
