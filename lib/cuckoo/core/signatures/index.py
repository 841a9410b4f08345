"""The calls of a process with their kinds in numbers, whether they are a plain list or a log in columns."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from lib.cuckoo.common.calls import Call

Kind = tuple[str, str]
"""API name and category."""


class DeclaredKind(Protocol):
    """A call type of a log."""

    @property
    def api(self) -> str:
        """The name of the API."""

    @property
    def category(self) -> str:
        """The category that the monitor gives it."""


@runtime_checkable
class LoggedCalls(Protocol):
    """A log in columns: knows the kind of each call without decoding it."""

    kinds: Sequence[DeclaredKind]
    kind_numbers: Sequence[int]

    def __len__(self) -> int:
        """Return the number of calls."""

    def rows_of_kinds(self, numbers: Iterator[int]) -> Sequence[int]:
        """Return the rows of the calls whose kind is one of `numbers`, in order."""

    def call(self, row: int, *, raw: bool = False) -> Call:
        """Decode one call; with `raw` its arguments carry `raw_value`."""


@dataclass(frozen=True)
class Index:
    """What the walk needs of the calls of one process."""

    kinds: Sequence[Kind]
    numbers: Sequence[int]
    """For each call the position of its kind in `kinds`."""
    rows_of: Callable[[Iterable[int]], Iterable[int]]
    """Gives the rows of the calls of some kinds, by number, in order."""
    call: Callable[[int], Call]


def indexed(calls: object) -> Index:
    """Number the kinds of a process's calls; a log in columns has done so already."""
    if isinstance(calls, SharedCalls):
        kinds = [(kind.api, kind.category) for kind in calls.log.kinds]
        return Index(kinds, calls.log.kind_numbers, calls.rows_of, calls.fresh)
    return _indexed_list(calls if isinstance(calls, Sequence) else ())


def _indexed_list(calls: Sequence[Any]) -> Index:
    kinds: dict[Kind, int] = {}
    numbers = [
        kinds.setdefault((call.get("api", ""), call.get("category", "")), len(kinds)) for call in calls
    ]

    def rows_of(wanted: Iterable[int]) -> Iterable[int]:
        chosen = set(wanted)
        return [row for row, number in enumerate(numbers) if number in chosen] if chosen else ()

    return Index(list(kinds), numbers, rows_of, lambda row: calls[row])


class Allowance:
    """How many decoded calls may be kept, over all processes of an analysis."""

    def __init__(self, calls: int) -> None:
        self.left = calls


class SharedCalls(Sequence[Call]):
    """A log in columns whose decoded calls are kept, as far as the allowance goes, for the next that iterates.

    Its calls carry `raw_value` beside each argument's value.
    """

    def __init__(self, log: LoggedCalls, allowance: Allowance) -> None:
        self.log = log
        self._allowance = allowance
        self._kept: dict[int, Call] = {}

    def __len__(self) -> int:
        return len(self.log)

    def __iter__(self) -> Iterator[Call]:
        return map(self.call, range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        """Return one call, for a slice a list."""
        rows = range(len(self))[index]
        return self.call(rows) if isinstance(rows, int) else [self.call(row) for row in rows]

    def call(self, row: int) -> Call:
        """Return one call; the same dict each time as long as it is kept."""
        kept = self._kept.get(row)
        if kept is not None:
            return kept
        call = self.fresh(row)
        if self._allowance.left > 0:
            self._allowance.left -= 1
            self._kept[row] = call
        return call

    def fresh(self, row: int) -> Call:
        """Return one call that is not kept: a walk asks once, and to keep a call costs more than to decode it."""
        return self.log.call(row, raw=True)

    def rows_of(self, numbers: Iterable[int]) -> Sequence[int]:
        """Return the rows of the calls of some kinds, by number, in order."""
        return self.log.rows_of_kinds(iter(numbers))

    def of(self, api: str = "", category: str = "") -> Iterator[Call]:
        """Yield the calls of that API and category, in order; "" passes all."""
        wanted = (
            number
            for number, kind in enumerate(self.log.kinds)
            if api in {"", kind.api} and category in {"", kind.category}
        )
        return map(self.call, self.rows_of(wanted))
