"""The parts that a section of the story is made of; how they look is the business of page and terminal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

_EMPTY: tuple[object, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an analysis is told; what is left out is counted."""

    entries: int = 500
    """Rows of a table, values of a list."""
    text: int = 1000
    """Characters of one value."""
    calls: int = 500
    """Calls of one process."""

    def halved(self) -> Self:
        """Return half of each, never nothing."""
        return replace(
            self,
            entries=max(1, self.entries // 2),
            text=max(40, self.text // 2),
            calls=max(1, self.calls // 2),
        )


@dataclass(frozen=True)
class Facts:
    """Labels with one value each."""

    kind: ClassVar[str] = "facts"
    rows: Sequence[tuple[str, Any]]
    codes: frozenset[str] = frozenset()
    """Labels whose values people copy: hashes, paths, commands."""


@dataclass(frozen=True)
class Table:
    """Rows under headings; `total` is how many there were."""

    kind: ClassVar[str] = "table"
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    total: int
    codes: frozenset[str] = frozenset()
    """Columns whose values people copy."""
    closed: bool = False
    """A detail, shown when asked for."""


@dataclass(frozen=True)
class Listing:
    """Values of one sort; `total` is how many there were."""

    kind: ClassVar[str] = "listing"
    title: str
    values: Sequence[Any]
    total: int


@dataclass(frozen=True)
class Passage:
    """Text of several lines."""

    kind: ClassVar[str] = "passage"
    title: str
    text: str


@dataclass(frozen=True)
class Note:
    """A sentence of ours."""

    kind: ClassVar[str] = "note"
    text: str


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    total: int,
    codes: Sequence[str] = (),
    closed: bool = False,
) -> list[Table]:
    """Return the table without columns that are empty throughout, or nothing where it has no rows."""
    kept = [place for place in range(len(columns)) if any(row[place] not in _EMPTY for row in rows)]
    if not kept:
        return []
    heads = [columns[place] for place in kept]
    cells = [[row[place] for place in kept] for row in rows]
    return [Table(title, heads, cells, total, frozenset(codes), closed)]
