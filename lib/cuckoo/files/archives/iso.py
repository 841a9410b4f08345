"""Images of optical discs (ECMA-119), with the longer names of Joliet where they have them."""

from collections.abc import Iterator
from dataclasses import dataclass

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.text import readable_name
from lib.cuckoo.files.archives.records import Archive, ArchiveMember, archive, member
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.layout import fields

_SECTOR = 2048
_FIRST_DESCRIPTOR = 16
_PRIMARY, _SUPPLEMENTARY, _LAST = 1, 2, 255
_JOLIET = (b"%/@", b"%/C", b"%/E")
_DIRECTORY = 2
_MAXIMUM_DEPTH = 32
_MAXIMUM_DESCRIPTORS = 64


@dataclass(frozen=True)
class _Place:
    path: str
    sector: int
    size: int
    depth: int


def describe_iso(data: Data, budget: Budget, _: Save) -> Archive:
    """List the files of a disc image in the shape `Archive`; `comment` is the name of the volume.

    Raises:
        CuckooProcessingError: it has no volume.
    """
    volumes = dict(_volumes(data))
    kind = _SUPPLEMENTARY if _SUPPLEMENTARY in volumes else _PRIMARY
    if kind not in volumes:
        raise CuckooProcessingError("the image has no volume")
    at, wide = volumes[kind], kind == _SUPPLEMENTARY
    sector, size = fields("<I4xI", data, at + 156 + 2)
    label = _text(data[at + 40 : at + 72], wide=wide).strip(" \0")
    root = _Place("", sector, size, 0)
    return archive("iso", _members(data, root, wide=wide), len(data), budget, label)


def _volumes(data: Data) -> Iterator[tuple[int, int]]:
    """Yield kind and offset of the volumes' descriptors, of supplementary ones only those of Joliet."""
    for index in range(_MAXIMUM_DESCRIPTORS):
        at = (_FIRST_DESCRIPTOR + index) * _SECTOR
        head = data[at : at + 120]
        if len(head) < 120 or head[1:6] != b"CD001" or head[0] == _LAST:
            return
        if head[0] == _PRIMARY or (head[0] == _SUPPLEMENTARY and head[88:91] in _JOLIET):
            yield head[0], at


def _members(data: Data, root: _Place, *, wide: bool) -> Iterator[ArchiveMember]:
    seen = {root.sector}
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        for found, place in _records(data, folder, wide=wide):
            yield found
            if found["directory"] and place.sector not in seen and place.depth < _MAXIMUM_DEPTH:
                seen.add(place.sector)
                waiting.append(place)


def _records(data: Data, folder: _Place, *, wide: bool) -> Iterator[tuple[ArchiveMember, _Place]]:
    at = folder.sector * _SECTOR
    end = at + folder.size
    if end > len(data):
        raise CuckooProcessingError(f"the folder at offset {at} lies behind the end of the file")
    while at < end:
        length = data[at]
        if length < 34:
            # records do not cross sectors; the rest of one is filled with zeros
            at = (at // _SECTOR + 1) * _SECTOR
            continue
        record = data[at : at + length]
        sector, size, flags, name_size = fields("<I4xI4x7xB6xB", record.ljust(34, b"\0"), 2)
        name = _text(record[33 : 33 + name_size], wide=wide).split(";")[0]
        if record[33 : 33 + name_size] not in {b"\0", b"\1"}:
            path = f"{folder.path}/{name}".lstrip("/")
            found = member(path, size, size, _time(record[18:25]))
            found["directory"] = bool(flags & _DIRECTORY)
            yield found, _Place(path, sector, size, folder.depth + 1)
        at += length


def _text(raw: bytes, *, wide: bool) -> str:
    if wide:
        return readable_name(raw[: len(raw) & ~1].decode("utf-16-be", "surrogatepass"))
    return raw.decode("latin-1")


def _time(raw: bytes) -> str | None:
    """Return seven bytes of a time; the zone, in quarters of an hour, is left aside."""
    year, month, day, hour, minute, second = raw.ljust(6, b"\0")[:6]
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return None
    return f"{1900 + year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
