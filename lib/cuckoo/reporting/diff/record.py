"""What is different between two runs, A and B, as plain frozen records."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """One side, as much as it takes to know which it is."""

    label: str
    """What the user called it."""
    analysis: str = ""
    target: str = ""
    sha256: str = ""
    started: str = ""


@dataclass(frozen=True)
class Value:
    """A value that is another one in B; None where it is absent. Of two lists, what is only in one of them."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True)
class Sides(Generic[T]):
    """What is only in A, what is only in B, and what is in both but not the same; `same` is how many are."""

    only_a: Sequence[T] = ()
    only_b: Sequence[T] = ()
    changed: Sequence[tuple[T, T]] = ()
    same: int = 0

    def __bool__(self) -> bool:
        """Whether there is a difference."""
        return bool(self.only_a or self.only_b or self.changed)


@dataclass(frozen=True)
class Values:
    """What is only in one of two lists of texts."""

    name: str
    """As in the report: "mutexes"."""
    title: str
    values: Sides[str]


@dataclass(frozen=True)
class Section:
    """A section that is not the same in both; the counts are of its members, None where it is absent."""

    name: str
    a: int | None
    b: int | None


@dataclass(frozen=True)
class Outcome:
    """What became of a module; the outcome is "" where it did not occur."""

    name: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True)
class Match:
    """A signature that matched: severity, and how many values and calls it noted."""

    name: str
    description: str
    severity: int
    evidence: int


@dataclass(frozen=True)
class File:
    """A file by its content; where there is no SHA-256, by its size."""

    name: str
    sha256: str
    size: int
    type: str


@dataclass(frozen=True)
class Process:
    """A process of one run."""

    pid: str
    name: str
    path: str
    command: str
    calls: int
    """As the report has them, repetitions not counted."""


@dataclass(frozen=True)
class Count:
    """How often something was called, repetitions included."""

    name: str
    a: int
    b: int


@dataclass(frozen=True)
class Call:
    """A call as it stands in the report; `row` is its place among the calls of the process, from 0."""

    row: int
    time: str
    api: str
    arguments: Sequence[tuple[str, str]]
    returned: str
    failed: bool


@dataclass(frozen=True)
class Divergence:
    """The first calls of two threads that are not the same; None on the side that has ended."""

    index: int
    """Calls of the thread before it."""
    thread_a: str
    thread_b: str
    context: Sequence[Call]
    """The last calls that were the same, as A made them."""
    a: Call | None
    b: Call | None
    differs: Sequence[str]
    """"api", "status", "return", "repeated" or names of arguments."""
    rejoins: tuple[int, int] | None
    """Calls of A and of B between here and the next few that are the same again; None when none are near."""


@dataclass(frozen=True)
class Conduct:
    """How the calls of two processes differ."""

    calls_a: int
    calls_b: int
    """Repetitions included."""
    apis: Sequence[Count]
    """Those that differ, the largest difference first."""
    categories: Sequence[Count]
    threads: int
    """Pairs of threads, matched by how they begin, then by the order in which they first called."""
    threads_only_a: int
    threads_only_b: int
    divergences: Sequence[Divergence]
    """Where pairs of threads part, in the order in which they happen in A; of very many the first."""
    parted: int
    """Pairs of threads that part."""
    notes: Sequence[str] = ()
    """What could not be compared."""

    def __bool__(self) -> bool:
        """Whether there is a difference."""
        return bool(self.apis or self.parted or self.threads_only_a or self.threads_only_b)


@dataclass(frozen=True)
class Pair:
    """Two processes that are taken for the same one.

    `how` says what they have in common: "all", "program and command", "program and place", "name", "folder and place".
    """

    a: Process
    b: Process
    how: str
    conduct: Conduct | None = None
    """None where calls were not asked for."""


@dataclass(frozen=True)
class Processes:
    """The processes of both, matched."""

    pairs: Sequence[Pair]
    only_a: Sequence[Process]
    only_b: Sequence[Process]


@dataclass(frozen=True)
class Difference:
    """All that is different. A part that was not asked for is None; what is the same is left out of the others."""

    a: Run
    b: Run
    exact: bool
    summary: Sequence[Value] | None = None
    sections: Sequence[Section] | None = None
    modules: Sides[Outcome] | None = None
    signatures: Sides[Match] | None = None
    processes: Processes | None = None
    activity: Sequence[Values] | None = None
    network: Sequence[Values] | None = None
    dropped: Sides[File] | None = None
    static: Sequence[Value] | None = None
    notes: Sequence[str] = ()
    """What could not be compared, in sentences."""

    def __bool__(self) -> bool:
        """Whether anything is different."""
        parts = (self.summary, self.sections, self.modules, self.signatures, self.activity)
        return any((*parts, self.network, self.dropped, self.static)) or (
            self.processes is not None and bool(_parting(self.processes))
        )

    def as_record(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        record: dict[str, Any] = _plain(self)
        return {"different": bool(self), **record}


def _plain(value: Any) -> Any:
    """Return a record as plain data; the values that `Value` holds stay as they are, however deep."""
    if isinstance(value, Value):
        return {"name": value.name, "a": value.a, "b": value.b}
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [_plain(member) for member in value] if isinstance(value, list | tuple) else value


def _parting(found: Processes) -> bool:
    """Tell whether the processes differ: in number, in what they are, or in what they called."""
    return bool(found.only_a or found.only_b) or any(
        pair.how != "all" or pair.conduct for pair in found.pairs
    )
