"""Parts of a comparison that the story of one analysis does not have; page and terminal show both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lib.cuckoo.reporting.diff.record import Count, Divergence

Sign = Literal["a", "b", "ab"]
"""Only in A, only in B, or in both but not the same."""


@dataclass(frozen=True)
class Versus:
    """Labels with a value of A and one of B; `total` is how many there were."""

    kind: ClassVar[str] = "versus"
    title: str
    rows: Sequence[tuple[str, Any, Any]]
    total: int


@dataclass(frozen=True)
class Changes:
    """Rows under headings, each with where it is; `total` is how many there were."""

    kind: ClassVar[str] = "changes"
    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[Sign, Sequence[Any]]]
    total: int
    same: int
    codes: frozenset[str] = frozenset()
    """Columns whose values people copy."""


@dataclass(frozen=True)
class Parting:
    """Where two threads part, with what is to be said of it."""

    title: str
    remark: str
    divergence: Divergence


@dataclass(frozen=True)
class Partings:
    """What one pair of processes did otherwise."""

    kind: ClassVar[str] = "partings"
    title: str
    """"a.exe (2840 in A, 3012 in B)"."""
    number: int
    """The same pair has the same number on the whole page, from 1."""
    calls_a: int
    calls_b: int
    notes: Sequence[str]
    partings: Sequence[Parting]
    partings_total: int
    apis: Sequence[Count]
    apis_total: int
    categories: Sequence[Count]
    largest: int
    """Of all counts shown."""
