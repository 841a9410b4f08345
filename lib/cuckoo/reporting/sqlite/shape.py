"""What tables and columns are, and how they are declared to SQLite."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lib.cuckoo.reporting.sqlite.cells import CELLS, Cell
from lib.cuckoo.reporting.story.values import Record


class Added(StrEnum):
    """Members that rows get beside those of the report; told from those by their type."""

    LIST = "the list that a record stands in"
    NUMBER = "the place of a call in its process"
    PROCESS = "the id of a process in its table"
    POINTS = "what a signature adds to the score"
    RESULTS = "all sections"
    INDICATORS = "what was gathered of all sections"


@dataclass(frozen=True)
class Column:
    """One column; `key` is the member of a record that it shows, or what reads it."""

    name: str
    kind: str
    """INTEGER, REAL, TEXT or JSON."""
    meaning: str
    key: str | Callable[[Record], Any] = ""
    refers: str = ""
    """The table whose `id` it holds."""

    def cell(self, record: Record) -> Cell:
        """Return what a record has for this column."""
        value = self.key(record) if callable(self.key) else record.get(self.key or self.name)
        return CELLS[self.kind](value)


@dataclass(frozen=True)
class Table:
    """One table, whose rows are the records that `rows` gives; each also has an `id`, which counts from 1."""

    name: str
    meaning: str
    columns: Sequence[Column]
    rows: Callable[[Record], Iterator[Record]]
    indexes: Sequence[str] = ()
    """Columns of each index, with commas."""

    def declaration(self) -> str:
        """Return the statement that makes the table."""
        lines = ",\n  ".join(["id INTEGER PRIMARY KEY", *map(_declared, self.columns)])
        return f'CREATE TABLE "{self.name}" (\n  {lines}\n)'

    def index_declarations(self) -> Iterator[str]:
        """Yield the statements that make the indexes."""
        for columns in self.indexes:
            name = f"{self.name}_{columns.replace(', ', '_')}"
            quoted = ", ".join(f'"{column}"' for column in columns.split(", "))
            yield f'CREATE INDEX "{name}" ON "{self.name}" ({quoted})'

    def insertion(self) -> str:
        """Return the statement that adds a row."""
        marks = ", ".join("?" * (len(self.columns) + 1))
        return f'INSERT INTO "{self.name}" VALUES ({marks})'  # noqa: S608 - names of ours

    def cells(self, results: Record) -> Iterator[tuple[Cell, ...]]:
        """Yield the rows, numbered."""
        for number, record in enumerate(self.rows(results), 1):
            yield (number, *(column.cell(record) for column in self.columns))


def _declared(column: Column) -> str:
    kind = "TEXT" if column.kind == "JSON" else column.kind
    refers = f' REFERENCES "{column.refers}" (id)' if column.refers else ""
    return f'"{column.name}" {kind}{refers}'
