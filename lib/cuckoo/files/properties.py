"""Property sets: what a compound file says about itself, such as its author.

The format is [MS-OLEPS]; the numbers of properties are those of the sets SummaryInformation and
DocumentSummaryInformation in the same document.
"""

from collections.abc import Iterator

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.compound import CompoundFile
from lib.cuckoo.files.layout import fields, filetime, narrow, number, utf16

Value = str | int | bool | None
MAXIMUM_BYTES = 1 << 20
MAXIMUM_PROPERTIES = 1000
_SUMMARY = {
    2: "title",
    3: "subject",
    4: "author",
    5: "keywords",
    6: "comments",
    7: "template",
    8: "last_author",
    9: "revision",
    10: "editing_seconds",
    11: "printed",
    12: "created",
    13: "modified",
    14: "pages",
    15: "words",
    16: "characters",
    18: "application",
    19: "security",
}
_DOCUMENT = {
    2: "category",
    3: "presentation_target",
    4: "bytes",
    5: "lines",
    6: "paragraphs",
    7: "slides",
    14: "manager",
    15: "company",
    23: "version",
    27: "language",
}
_EDITING_TIME = 10
_VERSION = 23


def document_properties(file: CompoundFile, budget: Budget) -> dict[str, Value]:
    """Return the named properties of a compound file's two well-known sets; unreadable sets give nothing."""
    found: dict[str, Value] = {}
    for stream, names in (("\5SummaryInformation", _SUMMARY), ("\5DocumentSummaryInformation", _DOCUMENT)):
        entry = file.find(stream)
        if entry is None:
            continue
        values = read_properties(file.read(entry, MAXIMUM_BYTES), budget)
        found |= {names[key]: _meaning(key, value) for key, value in values.items() if key in names}
    return found


def _meaning(key: int, value: Value) -> Value:
    return value if key != _VERSION or not isinstance(value, int) else f"{value >> 16}.{value & 0xFFFF}"


def read_properties(data: bytes, budget: Budget) -> dict[int, Value]:
    """Return the properties of the first set in a stream, by their numbers; what cannot be read is left out."""
    try:
        start = number(data, 44, 4)
        count = min(number(data, start + 4, 4), MAXIMUM_PROPERTIES)
        places = dict(_places(data, start, count))
    except CuckooProcessingError:
        return {}
    encoding = _encoding(data, places)
    found = {}
    for key, at in places.items():
        try:
            found[key] = _value(data, at, encoding, budget, duration=key == _EDITING_TIME)
        except CuckooProcessingError:
            continue
    return found


def _places(data: bytes, start: int, count: int) -> Iterator[tuple[int, int]]:
    for index in range(count):
        key, offset = fields("<II", data, start + 8 + 8 * index)
        yield key, start + offset


def _encoding(data: bytes, places: dict[int, int]) -> str:
    """Return the encoding that property 1 names as a code page."""
    try:
        page = number(data, places.get(1, len(data)) + 4, 2)
    except CuckooProcessingError:
        return "cp1252"
    return {65001: "utf-8", 1200: "utf-16-le"}.get(page, f"cp{page}")


def _value(data: bytes, at: int, encoding: str, budget: Budget, *, duration: bool) -> Value:
    kind = number(data, at, 2)
    if kind in {2, 18}:
        return number(data, at + 4, 2)
    if kind in {3, 19, 22, 23}:
        return number(data, at + 4, 4)
    if kind == 11:
        return number(data, at + 4, 2) != 0
    if kind == 64:
        ticks = number(data, at + 4, 8)
        return ticks // 10_000_000 if duration else filetime(ticks)
    if kind in {30, 31}:
        return _text(data, at, kind, encoding, budget)
    return None


def _text(data: bytes, at: int, kind: int, encoding: str, budget: Budget) -> str:
    count = number(data, at + 4, 4)
    if kind == 31 or encoding == "utf-16-le":
        size = count * 2 if kind == 31 else count
        return budget.clip("a property", utf16(data[at + 8 : at + 8 + size]))
    return budget.clip("a property", narrow(data[at + 8 : at + 8 + count], encoding))
