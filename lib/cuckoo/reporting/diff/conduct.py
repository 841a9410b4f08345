"""What two processes called: counts side by side, and where each pair of threads parts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lib.cuckoo.common.text import count_text
from lib.cuckoo.reporting.diff.likeness import Likeness, arguments_of
from lib.cuckoo.reporting.diff.record import Call, Conduct, Count, Divergence
from lib.cuckoo.reporting.diff.trails import (
    MOST_THREADS,
    Trail,
    Trails,
    first_difference,
    match_threads,
    trails_of,
)
from lib.cuckoo.reporting.story.values import Record, mapping, number, sequence, text

if TYPE_CHECKING:
    from array import array

_NEAR = 200
"""Calls behind a divergence among which the threads may find each other again."""
MOST_DIVERGENCES = 100
"""Of a process are told; the others are counted."""
_AGAIN = 4
"""Calls in a row that are the same: then they have."""


def compare_conduct(a: Record, b: Record, likenesses: tuple[Likeness, Likeness], context: int) -> Conduct:
    """Compare the calls of two processes that belong together.

    Args:
        a: the process of A.
        b: the process of B.
        likenesses: what counts as the same in A and in B.
        context: calls told before a divergence.
    """
    one, other = (
        trails_of(sequence(process.get("calls")), likeness)
        for process, likeness in zip((a, b), likenesses, strict=True)
    )
    pairs = match_threads(one, other)
    ends = _Ends(a, b)
    parting = _Parting(ends, likenesses, context)
    places = sorted(ends.places(pairs))
    return Conduct(
        calls_a=one.apis.total(),
        calls_b=other.apis.total(),
        apis=counts(one.apis, other.apis),
        categories=counts(one.categories, other.categories),
        threads=len(pairs),
        threads_only_a=len(one.threads) - len(pairs),
        threads_only_b=len(other.threads) - len(pairs),
        divergences=[parting.told(*pairs[place.pair], place.after) for place in places[:MOST_DIVERGENCES]],
        parted=len(places),
        notes=[*ends.notes(), *_many_threads(one, other)],
    )


def counts(a: Counter[str], b: Counter[str]) -> list[Count]:
    """Return what was not called equally often, the largest difference first, then by name."""
    found = [Count(name, a[name], b[name]) for name in a.keys() | b.keys() if a[name] != b[name]]
    return sorted(found, key=lambda count: (-abs(count.a - count.b), count.name))


def _many_threads(a: Trails, b: Trails) -> Iterator[str]:
    if MOST_THREADS in (len(a.threads), len(b.threads)):
        yield f"only the first {MOST_THREADS:,} threads are compared"


class _Ends:
    """Both processes, and whether the report has their calls to the end."""

    def __init__(self, a: Record, b: Record) -> None:
        self.calls = tuple(sequence(process.get("calls")) for process in (a, b))
        self._totals = tuple(count_of_calls(process) for process in (a, b))
        self._cut = [total > len(calls) for total, calls in zip(self._totals, self.calls, strict=True)]

    def notes(self) -> Iterator[str]:
        for side, calls, total in zip("AB", self.calls, self._totals, strict=True):
            if total > len(calls):
                yield f"{side} holds the first {len(calls):,} of {count_text(total, 'call')}"

    def places(self, pairs: Sequence[tuple[Trail, Trail]]) -> Iterator["_Place"]:
        """Yield where pairs of threads part; where one was cut off, nobody knows."""
        for pair, (a, b) in enumerate(pairs):
            index = first_difference(a, b)
            if index is None:
                continue
            ended = [index == len(trail) for trail in (a, b)]
            if not any(end and cut for end, cut in zip(ended, self._cut, strict=True)):
                rows = (trail.rows[index] for trail, end in zip((a, b), ended, strict=True) if not end)
                yield _Place(next(rows), pair, index)


class _Place(NamedTuple):
    """Where a pair of threads parts; they sort as they happened."""

    row: int
    pair: int
    after: int


def count_of_calls(process: Record) -> int:
    """Return how many calls a process made, also where the report does not have them all; 0 where it does not say."""
    cut = mapping(mapping(process.get("truncated")).get("calls")).get("total")
    return int(max(number(cut), number(process.get("calls_count"))))


class _Parting:
    """Tells of the place where two threads part."""

    def __init__(self, ends: _Ends, likenesses: tuple[Likeness, Likeness], context: int) -> None:
        self._calls = ends.calls
        self._likenesses = likenesses
        self._context = context

    def told(self, a: Trail, b: Trail, index: int) -> Divergence:
        found = [self._at(side, trail, index) for side, trail in enumerate((a, b))]
        same = range(max(0, index - self._context), index)
        return Divergence(
            index=index,
            thread_a=a.thread,
            thread_b=b.thread,
            context=[shown for place in same if (shown := _shown(*self._at(0, a, place)))],
            a=_shown(*found[0]),
            b=_shown(*found[1]),
            differs=list(dict.fromkeys(self._differing(found[0][1], found[1][1]))),
            rejoins=rejoining(a.likenesses, b.likenesses, index),
        )

    def _at(self, side: int, trail: Trail, place: int) -> tuple[int, Record | None]:
        if place >= len(trail):
            return -1, None
        row = trail.rows[place]
        return row, mapping(self._calls[side][row])

    def _differing(self, a: Record | None, b: Record | None) -> Iterator[str]:
        """Yield what is not the same of two calls; of other functions, only that."""
        if a is None or b is None:
            return
        if text(a.get("api")) != text(b.get("api")):
            yield "api"
            return
        seen = [likeness.members(call) for likeness, call in zip(self._likenesses, (a, b), strict=True)]
        yield from sorted(set(seen[0]) ^ set(seen[1]))
        for name in seen[0]:
            if name in seen[1] and seen[0][name] != seen[1][name]:
                yield name


def _shown(row: int, call: Record | None) -> Call | None:
    if call is None:
        return None
    return Call(
        row=row,
        time=text(call.get("timestamp", call.get("time"))),
        api=text(call.get("api")),
        arguments=[(name, text(value)) for name, value in arguments_of(call)],
        returned=text(call.get("return", call.get("return_value"))),
        failed=call.get("status") in (False, 0, "FAILURE"),
    )


def rejoining(a: "array[int]", b: "array[int]", index: int) -> tuple[int, int] | None:
    """Return how many calls of each lie between `index` and the next few that are the same again.

    Of several ways the shortest; None when a few hundred calls on there is none.
    """
    places: dict[tuple[int, ...], int] = {}
    for place, window in _windows(b, index):
        places.setdefault(window, place)
    ways = ((place, places[window]) for place, window in _windows(a, index) if window in places)
    return min(ways, key=sum, default=None)


def _windows(likenesses: "array[int]", index: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    near = likenesses[index : index + _NEAR + _AGAIN]
    for place in range(len(near) - _AGAIN + 1):
        yield place, tuple(near[place : place + _AGAIN])
