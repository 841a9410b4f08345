"""The calls of one process boiled down: how often what was called, and for each thread one number a call.

A call costs 12 bytes here, however long its arguments are, and is read once.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lib.cuckoo.reporting.diff.likeness import Likeness
from lib.cuckoo.reporting.story.values import mapping, text

MOST_THREADS = 4096
"""Of a process; calls of later ones are counted and not compared."""
BEGINNINGS = (8, 3, 1)
"""Calls by which threads of two runs are recognised: many at first, fewer for those that are left."""
_COMPARED = 4096


@dataclass(frozen=True, slots=True)
class Trail:
    """The calls of one thread: a number for each, and its row among the calls of the process."""

    thread: str
    likenesses: "array[int]" = field(default_factory=lambda: array("q"))
    rows: "array[int]" = field(default_factory=lambda: array("I"))

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Trails:
    """All calls of a process."""

    apis: Counter[str] = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)
    threads: dict[str, Trail] = field(default_factory=dict)
    """In the order in which they first called."""


def trails_of(calls: Sequence[Any], likeness: Likeness) -> Trails:
    """Read all calls of a process, once and in order."""
    found = Trails()
    threads, of_call = found.threads, likeness.of_call
    for row, member in enumerate(calls):
        call = mapping(member)
        times = 1 + _repetitions(call.get("repeated"))
        found.apis[text(call.get("api"))] += times
        found.categories[text(call.get("category")) or "none"] += times
        thread = text(call.get("thread_id", call.get("tid")))
        trail = threads.get(thread)
        if trail is None:
            if len(threads) >= MOST_THREADS:
                continue
            trail = threads[thread] = Trail(thread)
        trail.likenesses.append(of_call(call))
        trail.rows.append(row)
    return found


def _repetitions(value: object) -> int:
    return min(value, 1 << 53) if isinstance(value, int) and value > 0 else 0


def match_threads(a: Trails, b: Trails) -> list[tuple[Trail, Trail]]:
    """Return the threads that belong together: those that begin alike, then the others by their order."""
    pairs: dict[str, Trail] = {}
    left, others = list(a.threads.values()), list(b.threads.values())
    for length in (*BEGINNINGS, 0):
        pairs |= _alike(left, others, length)
        taken = {trail.thread for trail in pairs.values()}
        left = [trail for trail in left if trail.thread not in pairs]
        others = [trail for trail in others if trail.thread not in taken]
    return [(trail, pairs[trail.thread]) for trail in a.threads.values() if trail.thread in pairs]


def _alike(a: Sequence[Trail], b: Sequence[Trail], length: int) -> dict[str, Trail]:
    """Return for threads of A those of B whose first `length` calls are the same, the first for the first."""
    waiting: dict[bytes, list[Trail]] = {}
    for trail in reversed(b):
        waiting.setdefault(trail.likenesses[:length].tobytes(), []).append(trail)
    found = {}
    for trail in a:
        alike = waiting.get(trail.likenesses[:length].tobytes())
        if alike:
            found[trail.thread] = alike.pop()
    return found


def first_difference(a: Trail, b: Trail) -> int | None:
    """Return how many calls are the same before two threads part, None when they never do."""
    shorter = min(len(a), len(b))
    for start in range(0, shorter, _COMPARED):
        one, other = (trail.likenesses[start : start + _COMPARED] for trail in (a, b))
        if one != other:
            for place in range(min(len(one), len(other), shorter - start)):
                if one[place] != other[place]:
                    return start + place
    return None if len(a) == len(b) else shorter
