"""What is not a list: verdict and circumstances, which sections there are, what became of modules, static facts."""

from collections.abc import Iterator, Mapping
from typing import Any

from lib.cuckoo.reporting.diff.likeness import Likeness
from lib.cuckoo.reporting.diff.record import Outcome, Section, Sides, Value
from lib.cuckoo.reporting.story.parts import Limits
from lib.cuckoo.reporting.story.values import Record, first, mapping, pairs, records, sequence, text
from lib.cuckoo.reporting.story.verdict import verdict
from lib.cuckoo.reporting.view.report import SavedReport

_DEEPEST = 40
"""Levels of a value that are compared member by member."""
_OF_A_RUN = frozenset({
    *("started", "ended", "duration", "id", "time", "first_seen", "timestamp", "wall_seconds", "cpu_seconds"),
    *("peak_memory_bytes", "answer_bytes", "output", "traceback", "path", "offset", "pid", "process_id", "guest_paths"),
})  # fmt: skip
"""Members that differ between two runs of the same sample, and mean nothing."""
_TOLD = frozenset({
    *("info", "target", "signatures", "score", "malscore", "detections", "malfamily", "ttps", "mbcs", "behavior"),
    *("network", "dropped", "static", "strings", "engine", "statistics", "debug", "detections2pid", "malfamily_tag"),
})  # fmt: skip
"""Sections whose contents other parts of the comparison tell, or that hold times and sizes only."""
_OPTIONS = ("category", "package", "timeout", "machine", "platform", "route", "options", "custom", "version")
_MOMENTS = ("id", "started", "ended", "duration")
_EMPTY: tuple[object, ...] = (None, "", [], {})


def summary_values(a: Record, b: Record, likeness: Likeness) -> list[Value]:
    """Return what differs of verdict, sample and circumstances."""
    one, other = (dict(_headline(results, exact=likeness.exact)) for results in (a, b))
    return [
        Value(name, one.get(name), other.get(name))
        for name in dict.fromkeys([*one, *other])
        if one.get(name) != other.get(name)
    ]


def _headline(results: Record, *, exact: bool) -> Iterator[tuple[str, Any]]:
    told = verdict(results, Limits())
    yield "verdict", told.word
    yield "score", SavedReport(results).score if told.score is None else told.score
    yield "families", sorted(told.families) or None
    target = mapping(results.get("target"))
    file = mapping(target.get("file"))
    yield "sample", first(file.get("name")) or text(target.get("url")) or None
    for name in ("sha256", "size", "type"):
        yield name, file.get(name)
    info = mapping(results.get("info"))
    for name in (*_OPTIONS, *_MOMENTS) if exact else _OPTIONS:
        value = info.get(name)
        yield name, text(mapping(value).get("name", value)) or None
    engine = mapping(results.get("engine"))
    yield "processed by", f"{text(engine.get('name'))} {text(engine.get('version'))}".strip() or None


def section_differences(a: Record, b: Record, likenesses: tuple[Likeness, Likeness]) -> list[Section]:
    """Return the sections that only one of the two has, and those that no other part tells about and that differ."""
    names = dict.fromkeys([*_names(a), *_names(b)])
    return [
        Section(name, _members(a, name), _members(b, name))
        for name in names
        if (name in a) != (name in b)
        or (name not in _TOLD and not _alike(a.get(name), b.get(name), likenesses))
    ]


def _names(results: Record) -> list[str]:
    return [name for name in results if isinstance(name, str)]


def _members(results: Record, name: str) -> int | None:
    """Return how many members a section has; a text or a number is one."""
    if name not in results:
        return None
    value = results[name]
    return len(mapping(value) or sequence(value)) if not value or isinstance(value, dict | list) else 1


def _alike(a: object, b: object, likenesses: tuple[Likeness, Likeness], depth: int = 0) -> bool:
    """Tell whether two values are the same but for what differs in every run."""
    if depth > _DEEPEST:
        return text(a) == text(b)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        names = dict.fromkeys([*a, *b])
        exact = likenesses[0].exact
        return all(
            _alike(a.get(name), b.get(name), likenesses, depth + 1)
            for name in names
            if exact or name not in _OF_A_RUN
        )
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(lambda x, y: _alike(x, y, likenesses, depth + 1), a, b))
    if isinstance(a, str) and isinstance(b, str):
        return likenesses[0].of_text(a) == likenesses[1].of_text(b)
    return _identity(a) == _identity(b)


def compare_modules(a: Record, b: Record) -> Sides[Outcome]:
    """Return the modules and signatures that ran in one only, or ended otherwise."""
    one, other = ({found.name: found for found in _outcomes(results)} for results in (a, b))
    both = [(found, other[name]) for name, found in one.items() if name in other]
    changed = [pair for pair in both if pair[0].outcome != pair[1].outcome]
    return Sides(
        only_a=[found for name, found in one.items() if name not in other],
        only_b=[found for name, found in other.items() if name not in one],
        changed=changed,
        same=len(both) - len(changed),
    )


def _outcomes(results: Record) -> Iterator[Outcome]:
    engine = mapping(results.get("engine"))
    met: set[str] = set()
    for run in records(engine.get("modules")):
        name = text(run.get("module"))
        name = f"{name}.{text(run.get('class'))}" if name in met else name
        met.add(name)
        yield Outcome(name, text(run.get("outcome")), text(run.get("reason")))
    if not engine:
        for run in records(mapping(results.get("statistics")).get("processing")):
            yield Outcome(text(run.get("name")), "ran")
    for _, value in pairs(engine.get("signatures")):
        for run in records(value):
            reason = text(run.get("reason") or run.get("error"))
            yield Outcome(f"signature {text(run.get('name'))}", text(run.get("outcome")), reason)


def static_values(a: Record, b: Record) -> list[Value] | None:
    """Return the facts of the samples that differ, by where they stand: "static.pe.imphash".

    None where one of the two has none: then it is the section that differs.
    """
    both = [name for name in ("static", "strings") if a.get(name) not in _EMPTY and b.get(name) not in _EMPTY]
    if not both:
        return None
    return [value for name in both for value in _leaves(name, a[name], b[name], 0)]


def _leaves(name: str, a: object, b: object, depth: int) -> Iterator[Value]:
    if isinstance(a, Mapping) and isinstance(b, Mapping) and depth < _DEEPEST:
        for member in dict.fromkeys([*a, *b]):
            yield from _leaves(f"{name}.{text(member)}", a.get(member), b.get(member), depth + 1)
    elif isinstance(a, list) and isinstance(b, list):
        one, other = ({_identity(each): each for each in side} for side in (a, b))
        only_a = [each for key, each in one.items() if key not in other]
        only_b = [each for key, each in other.items() if key not in one]
        if only_a or only_b or len(a) != len(b):
            yield Value(name, only_a, only_b)
    elif _identity(a) != _identity(b):
        yield Value(name, a, b)


def _identity(value: object, depth: int = 0) -> int:
    """Return a number for a value of any shape, the same for equal ones for as long as the program runs."""
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return hash(frozenset((text(name), _identity(each, depth + 1)) for name, each in value.items()))
    if isinstance(value, list) and depth < _DEEPEST:
        return hash(tuple(_identity(each, depth + 1) for each in value))
    return hash(value if isinstance(value, str | int | None) else text(value))
