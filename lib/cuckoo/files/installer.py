"""Installer packages (.msi): a database in a compound file.

The names of its tables' streams are packed two characters to a code point. A table is stored column after column; texts
are numbers of entries in a pool. The layout is not published by the vendor; facts are those that the free readers
of the format agree on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.compound import CompoundFile, Entry
from lib.cuckoo.files.content import Content, content_record, shown_name, until_refused, urls_in
from lib.cuckoo.files.layout import narrow, number
from lib.cuckoo.files.properties import Value, document_properties

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
_TABLE_MARK = "\u4840"
_TEXT, _STREAM, _KINDS, _SIZE = 0x0800, 0x0900, 0x0F00, 0xFF
_ACTIONS = {
    1: "calls a library in the package",
    2: "runs a program in the package",
    5: "runs a JScript in the package",
    6: "runs a VBScript in the package",
    17: "calls a library that is installed",
    18: "runs a program that is installed",
    19: "shows an error",
    21: "runs a JScript that is installed",
    22: "runs a VBScript that is installed",
    34: "runs a command",
    35: "sets a folder",
    37: "runs the JScript that it holds",
    38: "runs the VBScript that it holds",
    50: "runs a program that a property names",
    51: "sets a property",
    53: "runs a JScript that a property holds",
    54: "runs a VBScript that a property holds",
}
_KIND = 0x3F
_IN_SCRIPT, _NO_IMPERSONATE = 0x400, 0x800


class CustomAction(TypedDict):
    """One custom action; `meaning` puts the low bits of `type` into words.

    A deferred action runs with the installation, `elevated` says that it does so as the system.
    """

    name: str
    """Of the action."""
    type: int
    """Its number, a bit field."""
    meaning: str
    """The low bits of `type` in words."""
    source: str
    """Where the code is."""
    target: str
    """What of it runs."""
    deferred: bool
    """True when it runs with the installation."""
    elevated: bool
    """True when it runs as the system."""


class Installer(TypedDict):
    """An installer package: `tables` counts rows by table, `binaries` are the streams that it carries."""

    metadata: dict[str, Value]
    """What the package says of itself, by name."""
    tables: dict[str, int]
    """Rows by table."""
    properties: dict[str, str]
    """Of the installation, by name."""
    actions: list[CustomAction]
    """Custom actions."""
    binaries: list[Content]
    """Streams that it carries."""
    urls: list[str]
    """In its texts."""


@dataclass(frozen=True)
class _Column:
    name: str
    type: int


def describe_msi(data: Data, budget: Budget, save: Save) -> Installer:
    """Describe an installer package in the shape `Installer`; what cannot be read of the database is noted.

    Raises:
        CuckooProcessingError: it is no compound file.
    """
    file = CompoundFile(data)
    found: Installer = {
        "metadata": document_properties(file, budget),
        "tables": {},
        "properties": {},
        "actions": [],
        "binaries": [],
        "urls": [],
    }
    streams = {_stream_name(entry.name): entry for entry in file.streams()}
    try:
        _add_tables(found, _Database(file, streams, budget), budget)
    except CuckooProcessingError as error:
        budget.note(f"msi: {error}")
    binaries = until_refused("msi", _binaries(file, streams, budget, save), budget)
    found["binaries"] = budget.take("binaries", binaries)
    texts = [*found["properties"].values(), *(action["target"] for action in found["actions"])]
    found["urls"] = urls_in(texts, budget)
    return found


def _stream_name(packed: str) -> str:
    """Unpack the name of a stream; those of tables begin with "!"."""
    name = "!" if packed.startswith(_TABLE_MARK) else ""
    for character in packed.removeprefix(_TABLE_MARK):
        code = ord(character) - 0x3800
        if 0 <= code < 0x1000:
            name += _ALPHABET[code & 0x3F] + _ALPHABET[code >> 6]
        elif 0x1000 <= code < 0x1040:
            name += _ALPHABET[code - 0x1000]
        else:
            name += character
    return name


class _Database:
    """Reads tables; `names` are those that the database lists.

    Raises:
        CuckooProcessingError: the pool of texts is missing or the budget is used up.
    """

    def __init__(self, file: CompoundFile, streams: dict[str, Entry], budget: Budget) -> None:
        self._file, self._streams, self._budget = file, streams, budget
        pool = self._stream("!_StringPool")
        self._width = 3 if number(pool, 0, 4) >> 31 else 2
        self._encoding = f"cp{number(pool, 0, 2)}" if number(pool, 0, 2) else "cp1252"
        self._data = self._stream("!_StringData")
        self._texts = list(_places(pool))
        tables = self._stream("!_Tables")
        self.names = [self._text(tables, at) for at in range(0, len(tables) - self._width + 1, self._width)]
        self._columns = self._column_lists()

    def _stream(self, name: str) -> bytes:
        entry = self._streams.get(name)
        if entry is None:
            return b""
        raw = self._file.read(entry, self._budget.unpacked + 1)
        self._budget.spend(len(raw))
        return raw

    def _text(self, table: bytes, at: int) -> str:
        index = number(table, at, self._width)
        if index >= len(self._texts):
            return ""
        start, size = self._texts[index]
        text = narrow(self._data[start : start + min(size, self._budget.text)], self._encoding)
        return self._budget.clip("a text of the installer", text)

    def _column_lists(self) -> dict[str, list[_Column]]:
        known: dict[str, list[_Column]] = {}
        layout = [_Column("Table", _TEXT), _Column("Number", 2), _Column("Name", _TEXT), _Column("Type", 2)]
        for row in self._rows("!_Columns", layout):
            known.setdefault(str(row["Table"]), []).append(_Column(str(row["Name"]), int(row["Type"])))
        return known

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        entry = self._streams.get(f"!{table}")
        size = sum(map(self._size, self._columns.get(table, [])))
        return entry.size // size if entry is not None and size else 0

    def rows(self, table: str) -> Iterator[dict[str, str | int]]:
        """Yield the rows of a table by the names of its columns."""
        return self._rows(f"!{table}", self._columns.get(table, []))

    def _rows(self, stream: str, columns: list[_Column]) -> Iterator[dict[str, str | int]]:
        size = sum(map(self._size, columns))
        raw = self._stream(stream)
        count = len(raw) // size if size else 0
        for index in range(count):
            row: dict[str, str | int] = {}
            start = 0
            for column in columns:
                at = start + index * self._size(column)
                row[column.name] = self._cell(raw, at, column)
                start += count * self._size(column)
            yield row

    def _cell(self, raw: bytes, at: int, column: _Column) -> str | int:
        if _is_text(column):
            return self._text(raw, at)
        size = self._size(column)
        # numbers are stored with their highest bit turned, so that 0 can stand for none
        return number(raw, at, size) ^ 1 << (8 * size - 1)

    def _size(self, column: _Column) -> int:
        if _is_text(column):
            return self._width
        return 4 if column.type & _SIZE == 4 else 2


def _is_text(column: _Column) -> bool:
    """Tell whether cells are numbers of texts; those of streams, which share a bit with texts, are not."""
    return bool(column.type & _TEXT) and column.type & _KINDS != _STREAM


def _places(pool: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and size of each text; where one is 64 KB or more, the next entry holds its size."""
    start = at = 0
    while at + 4 <= len(pool):
        size, references = number(pool, at, 2), number(pool, at + 2, 2)
        at += 4
        if at == 4:
            size = 0
        elif size == 0 and references and at + 4 <= len(pool):
            size = number(pool, at, 4)
            at += 4
        yield start, size
        start += size


def _add_tables(found: Installer, database: _Database, budget: Budget) -> None:
    names = budget.take("tables", (name for name in dict.fromkeys(database.names) if name))
    found["tables"] = {name: database.count(name) for name in names}
    rows = budget.take("properties", database.rows("Property"))
    found["properties"] = {str(row.get("Property", "")): str(row.get("Value", "")) for row in rows}
    found["actions"] = budget.take("custom actions", map(_action, database.rows("CustomAction")))


def _action(row: dict[str, str | int]) -> CustomAction:
    kind = int(row.get("Type", 0) or 0)
    return {
        "name": str(row.get("Action", "")),
        "type": kind,
        "meaning": _ACTIONS.get(kind & _KIND, "unknown"),
        "source": str(row.get("Source", "")),
        "target": str(row.get("Target", "")),
        "deferred": bool(kind & _IN_SCRIPT),
        "elevated": kind & (_IN_SCRIPT | _NO_IMPERSONATE) == _IN_SCRIPT | _NO_IMPERSONATE,
    }


def _binaries(file: CompoundFile, streams: dict[str, Entry], budget: Budget, save: Save) -> Iterator[Content]:
    for name, entry in streams.items():
        if not name.startswith(("!", "\5")):
            content = file.read(entry, budget.unpacked + 1)
            budget.spend(len(content))
            yield content_record(shown_name(name), content, save)
