"""The ledger: what failed, was skipped or cut, and how long each part took."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lib.cuckoo.common.text import size_text
from lib.cuckoo.reporting.story.parts import Facts, Limits, Listing, Passage, table
from lib.cuckoo.reporting.story.values import Record, mapping, number, pairs, records, sequence, text

_CALM = {"COMPLETED", "CACHED"}
_UNWANTED = {"DISABLED", "UNCONFIGURED", "UNAVAILABLE"}
_IDLE = _UNWANTED | {"CACHED"}


@dataclass(frozen=True)
class Line:
    """One module; `share` of the time of the slowest, 0 to 1."""

    module: str
    outcome: str
    mood: str
    """"good", "idle" or "bad"."""
    seconds: float | None
    """None of what was not run this time."""
    share: float
    memory: str
    why: str


@dataclass(frozen=True)
class Ledger:
    """What happened to each module."""

    kind: ClassVar[str] = "ledger"
    lines: Sequence[Line]
    total: int


def ledger_parts(results: Record, limits: Limits) -> Iterator[Any]:
    """Yield the modules, problems, signatures that did not run, what was cut, and errors of the guest."""
    engine = mapping(results.get("engine"))
    runs = records(engine.get("modules")) or _old_statistics(results)
    if runs:
        yield Ledger(_lines(runs[: limits.entries]), len(runs))
    problems = records(engine.get("problems"))
    rows = [[each.get("kind"), each.get("message"), each.get("file"), each.get("line")] for each in problems]
    yield from table("Problems", ("kind", "message", "file", "line"), rows[: limits.entries], total=len(rows))
    yield from _signatures(engine, limits)
    yield from _cut(results)
    yield from _log(results, limits)
    for run in runs[: limits.entries]:
        if run.get("traceback"):
            yield Passage(f"Traceback of {text(run.get('module'))}", text(run["traceback"]))


def _old_statistics(results: Record) -> list[Record]:
    """Return what other engines wrote of their modules: names and seconds."""
    measured = records(mapping(results.get("statistics")).get("processing"))
    return [{"module": each.get("name"), "wall_seconds": each.get("time")} for each in measured]


def _lines(runs: Sequence[Record]) -> list[Line]:
    slowest = max(number(run.get("wall_seconds")) for run in runs) or 1.0
    return [_line(run, slowest) for run in runs]


def _line(run: Record, slowest: float) -> Line:
    outcome, seconds = text(run.get("outcome")), number(run.get("wall_seconds"))
    memory = number(run.get("peak_memory_bytes"))
    return Line(
        module=text(run.get("module")),
        outcome=outcome or "ran",
        mood="good" if outcome in _CALM or not outcome else "idle" if outcome in _UNWANTED else "bad",
        seconds=seconds if outcome not in _IDLE else None,
        share=min(1.0, max(0.0, seconds / slowest)),
        memory=size_text(memory) if memory else "",
        why=_why(run),
    )


def _why(run: Record) -> str:
    """Return when a cached answer was computed, and the reason of a failure or the notes of the module."""
    cached = text(run.get("cached_from"))
    why = text(run.get("reason")) or "; ".join(map(text, sequence(run.get("notes"))))
    return "; ".join(filter(None, (cached and f"of {cached} UTC", why)))


def _signatures(engine: Record, limits: Limits) -> Iterator[Any]:
    signatures = mapping(engine.get("signatures"))
    counts = [(name, value) for name, value in pairs(signatures) if isinstance(value, int)]
    if counts:
        yield Facts([(f"signatures {name}", value) for name, value in counts])
    for name, value in pairs(signatures):
        found = records(value)
        rows = [
            [each.get("name"), each.get("outcome"), each.get("reason") or each.get("error")]
            for each in found[: limits.entries]
        ]
        title = f"Signatures: {name.replace('_', ' ')}"
        yield from table(title, ("name", "outcome", "why"), rows, total=len(found), closed=True)


def _cut(results: Record) -> Iterator[Facts]:
    behavior = mapping(results.get("behavior"))
    processes, logs = records(behavior.get("processes")), records(behavior.get("logs"))
    rows = [
        *((f"behavior: {name}", value) for name, value in pairs(behavior.get("truncated"))),
        *((f"calls of {text(each.get('process_name'))}", each.get("truncated")) for each in processes),
        *((f"unread in {text(each.get('path'))}", each.get("unread")) for each in logs),
    ]
    cut = [row for row in rows if row[1]]
    if cut:
        yield Facts(cut[:100])


def _log(results: Record, limits: Limits) -> Iterator[Listing]:
    errors = sequence(mapping(results.get("debug")).get("errors"))
    if errors:
        yield Listing("Errors in the sandbox's logs", errors[: limits.entries], len(errors))
