"""Two results to one record of their differences. Pure: reads what it is given, and nothing else.

Results may come from any engine and be of any shape; calls may be any sequence, also one that is read when asked for.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lib.cuckoo.reporting.diff.conduct import compare_conduct
from lib.cuckoo.reporting.diff.facts import (
    compare_modules,
    section_differences,
    static_values,
    summary_values,
)
from lib.cuckoo.reporting.diff.likeness import Likeness
from lib.cuckoo.reporting.diff.lists import (
    activity_values,
    compare_dropped,
    compare_signatures,
    network_values,
)
from lib.cuckoo.reporting.diff.processes import match_processes, pid_of, process_record, seen_processes
from lib.cuckoo.reporting.diff.record import Difference, Pair, Processes, Run
from lib.cuckoo.reporting.story.values import Record, first, mapping, records, text

Likenesses = tuple[Likeness, Likeness]


@dataclass(frozen=True)
class Side:
    """Results to compare, what to call them, and what is known to be missing from them."""

    label: str
    results: Record
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Wanted:
    """What is compared, and how."""

    parts: Collection[str] = ()
    """Names of `PARTS`; none are all."""
    exact: bool = False
    """Whether handles, addresses, times, temporary names … count as well."""
    context: int = 3
    """Calls told before a divergence."""


def compare(a: Side, b: Side, wanted: Wanted | None = None) -> Difference:
    """Return all that is different between two runs."""
    asked = wanted or Wanted()
    likenesses = _likenesses(a.results, b.results, exact=asked.exact)
    parts = {
        name: build(a.results, b.results, likenesses)
        for name, build in _PARTS.items()
        if not asked.parts or name in asked.parts
    }
    if not asked.parts or {"processes", "calls"} & set(asked.parts):
        parts["processes"] = _processes(a.results, b.results, likenesses, asked)
    notes = [f"{name}: {note}" for name, side in (("A", a), ("B", b)) for note in side.notes]
    return Difference(_run(a), _run(b), asked.exact, **parts, notes=notes)


_PARTS: dict[str, Callable[[Record, Record, Likenesses], Any]] = {
    "summary": lambda a, b, likenesses: summary_values(a, b, likenesses[0]),
    "sections": section_differences,
    "modules": lambda a, b, _: compare_modules(a, b),
    "signatures": lambda a, b, _: compare_signatures(a, b),
    "activity": activity_values,
    "network": network_values,
    "dropped": compare_dropped,
    "static": lambda a, b, _: static_values(a, b),
}
PARTS = (
    *("summary", "sections", "modules", "signatures", "processes", "calls"),
    *("activity", "network", "dropped", "static"),
)
"""The parts of a comparison, in the order in which they are told."""


def _processes(a: Record, b: Record, likenesses: Likenesses, asked: Wanted) -> Processes:
    one, other = (seen_processes(side, like) for side, like in zip((a, b), likenesses, strict=True))
    pairs, only_a, only_b = match_processes(one, other)
    with_calls = not asked.parts or "calls" in asked.parts
    return Processes(
        pairs=[
            Pair(
                process_record(x.record),
                process_record(y.record),
                how,
                compare_conduct(x.record, y.record, likenesses, asked.context) if with_calls else None,
            )
            for x, y, how in pairs
        ],
        only_a=[process_record(seen.record) for seen in only_a],
        only_b=[process_record(seen.record) for seen in only_b],
    )


def _likenesses(a: Record, b: Record, *, exact: bool) -> Likenesses:
    """Return what counts as the same in A and in B; a sample's name counts only where both have the same."""
    names = [_sample(results) for results in (a, b)]
    if names[0].lower() == names[1].lower():
        names = ["", ""]
    one, other = (
        Likeness(exact=exact, pids=frozenset(_pids(results)), sample=name)
        for results, name in zip((a, b), names, strict=True)
    )
    return one, other


def _sample(results: Record) -> str:
    return first(mapping(mapping(results.get("target")).get("file")).get("name"))


def _pids(results: Record) -> Iterator[str]:
    for process in records(mapping(results.get("behavior")).get("processes")):
        yield text(pid_of(process))


def _run(side: Side) -> Run:
    info, target = mapping(side.results.get("info")), mapping(side.results.get("target"))
    file = mapping(target.get("file"))
    return Run(
        label=side.label,
        analysis=text(info.get("id")),
        target=first(file.get("name")) or text(target.get("url")),
        sha256=text(file.get("sha256")),
        started=text(info.get("started")),
    )
