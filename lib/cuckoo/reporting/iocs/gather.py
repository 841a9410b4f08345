"""All indicators of an analysis: sightings of one value put together, within bounds, with what was left out counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lib.cuckoo.common.text import readable_name
from lib.cuckoo.reporting.iocs.allowed import NOTHING, Allowed
from lib.cuckoo.reporting.iocs.indicator import KINDS, Indicator, folded, spelled
from lib.cuckoo.reporting.iocs.sightings import Sighting, sightings, time_of
from lib.cuckoo.reporting.story.values import Record, mapping, records, sequence, text

_MOST_MEMBERS = 50
"""Sources, processes and names of one indicator."""
_TRACED = frozenset({"mutex", "registry", "path"})
"""Kinds that the sections list without time and process; the calls have both."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is told."""

    entries: int = 10_000
    """Indicators of one kind."""
    length: int = 4096
    """Characters of a value. A cut indicator is none, so longer ones are left out."""
    calls: int = 100_000
    """Calls looked at for the time and the process of files, keys and mutexes."""
    touched: bool = False
    """Also files and keys that were only opened or read."""


@dataclass(frozen=True)
class Gathered:
    """The indicators by kind, in the order in which they were met, and how many were left out."""

    indicators: Sequence[Indicator]
    beyond: Mapping[str, int]
    """Indicators of a kind that there were too many of."""
    too_long: Mapping[str, int]
    """Places with a value that is too long."""


@dataclass(slots=True)
class _Found:
    kind: str
    value: str
    first_seen: str = ""
    sources: dict[str, None] = field(default_factory=dict)
    pids: dict[int, None] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)

    def add(self, sighting: Sighting) -> None:
        _note(self.sources, readable_name(sighting.source))
        self.first_seen = _earlier(self.first_seen, sighting.seen)
        for pid in sighting.process_ids:
            if isinstance(pid, int) and not isinstance(pid, bool) and 0 <= pid < 1 << 63:
                _note(self.pids, pid)
        if isinstance(sighting.process_name, str) and sighting.process_name:
            _note(self.names, readable_name(sighting.process_name))


def gathered_indicators(results: Record) -> Sequence[Indicator]:
    """Return the indicators of all sections, each once, within the usual bounds and without an allow-list."""
    return gather(results).indicators


def gather(results: Record, bounds: Bounds | None = None, allowed: Allowed = NOTHING) -> Gathered:
    """Put together what all sections have.

    Args:
        results: the sections, or what was read of a report of any engine.
        bounds: how much is told.
        allowed: what `Indicator.allowed` tells.
    """
    bounds = bounds or Bounds()
    found, beyond, too_long = _merged(sightings(results, touched=bounds.touched), bounds)
    for key, sighting in _traces(results, found.keys(), bounds.calls):
        found[key].add(sighting)
    names = _process_names(results)
    ordered = sorted(found.values(), key=lambda each: KINDS.index(each.kind))
    return Gathered([_indicator(each, allowed, names) for each in ordered], beyond, too_long)


def _merged(
    places: Iterable[Sighting], bounds: Bounds
) -> tuple[dict[Key, _Found], Counter[str], Counter[str]]:
    found: dict[Key, _Found] = {}
    kept: Counter[str] = Counter()
    too_long: Counter[str] = Counter()
    beyond: set[Key] = set()
    for place in places:
        if isinstance(place.value, str) and len(place.value) > bounds.length:
            too_long[place.kind] += 1
        elif value := spelled(place.kind, place.value):
            key = (place.kind, folded(place.kind, value))
            if key not in found and kept[place.kind] >= bounds.entries:
                beyond.add(key)
                continue
            if key not in found:
                kept[place.kind] += 1
                found[key] = _Found(place.kind, value)
            found[key].add(place)
    return found, Counter(kind for kind, _ in beyond), too_long


def _traces(results: Record, wanted: Iterable[Key], most: int) -> Iterator[tuple[Key, Sighting]]:
    """Yield the calls that name a wanted file, key or mutex in an argument."""
    looked_for: dict[str, list[Key]] = {}
    for key in wanted:
        if key[0] in _TRACED:
            looked_for.setdefault(key[1].casefold(), []).append(key)
    left = most if looked_for else 0
    for process in records(mapping(results.get("behavior")).get("processes")):
        calls = sequence(process.get("calls"))
        yield from _of_process(process, calls[:left], looked_for)
        left = max(0, left - len(calls))


def _of_process(
    process: Record, calls: Sequence[Record], looked_for: Mapping[str, Sequence[Key]]
) -> Iterator[tuple[Key, Sighting]]:
    pids, name = [process.get("process_id")], process.get("process_name")
    for call in calls:
        for argument in records(mapping(call).get("arguments")):
            value = argument.get("value")
            if isinstance(value, str):
                for key in looked_for.get(value.casefold(), ()):
                    seen = time_of(call.get("timestamp"))
                    yield key, Sighting(key[0], value, "behavior.processes.calls", seen, pids, name)


def _process_names(results: Record) -> dict[int, str]:
    processes = records(mapping(results.get("behavior")).get("processes"))
    return {
        process["process_id"]: readable_name(text(process.get("process_name")))
        for process in processes
        if isinstance(process.get("process_id"), int)
    }


def _indicator(found: _Found, allowed: Allowed, names: Mapping[int, str]) -> Indicator:
    called = [*found.names, *(names.get(pid, "") for pid in found.pids)]
    return Indicator(
        kind=found.kind,
        value=found.value,
        sources=tuple(found.sources),
        first_seen=found.first_seen,
        allowed=allowed.covers(found.kind, found.value),
        process_ids=tuple(found.pids),
        process_names=tuple(dict.fromkeys(filter(None, called))),
    )


def _note(members: dict[Any, None], member: object) -> None:
    if len(members) < _MOST_MEMBERS:
        members.setdefault(member)


def _earlier(one: str, other: str) -> str:
    """Return the earlier of two times; the guest's clock and that of the capture are taken to agree."""
    return min(one, other) if one and other else one or other
