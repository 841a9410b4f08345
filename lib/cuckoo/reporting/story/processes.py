"""The processes: the tree, when each lived, what they touched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from lib.cuckoo.reporting.story.parts import Limits, Listing
from lib.cuckoo.reporting.story.values import Record, mapping, moment, records, sequence, text
from lib.cuckoo.reporting.story.verdict import severity_of

_DEEPEST = 12
TOUCHED = (
    ("executed_commands", "Commands"),
    ("mutexes", "Mutexes"),
    ("created_services", "Services created"),
    ("started_services", "Services started"),
    ("write_files", "Files written"),
    ("delete_files", "Files deleted"),
    ("read_files", "Files read"),
    ("write_keys", "Registry values written"),
    ("delete_keys", "Registry values deleted"),
    ("read_keys", "Registry values read"),
    ("files", "Files touched"),
    ("keys", "Keys touched"),
    ("resolved_apis", "Functions resolved"),
)
"""Lists of the summary with their titles, in the order in which they are told."""


@dataclass(frozen=True)
class Mark:
    """A moment in a process's life that a signature points to; `at` from 0 to 1."""

    at: float
    severity: int
    text: str


@dataclass(frozen=True)
class Process:
    """One line of the tree; `begin` and `end` from 0 to 1 of the time that all processes span."""

    name: str
    pid: str
    depth: int
    command: str
    calls: int
    first_seen: str
    seconds: float | None
    """How long it was heard of, None where the log has no times."""
    begin: float = 0.0
    end: float = 0.0
    marks: Sequence[Mark] = ()


@dataclass(frozen=True)
class Tree:
    """The processes, children below their parents; `seconds` is the time that they span."""

    kind: ClassVar[str] = "tree"
    processes: Sequence[Process]
    total: int
    seconds: float


@dataclass(frozen=True)
class _Life:
    begin: float
    end: float


def process_parts(results: Record, limits: Limits) -> Iterator[Any]:
    """Yield the tree, then what was touched."""
    tree = process_tree(results, limits)
    if tree.processes:
        yield tree
    yield from touched(results, limits)


def touched(results: Record, limits: Limits) -> Iterator[Listing]:
    """Yield the lists of the summary that are not empty."""
    summary = mapping(mapping(results.get("behavior")).get("summary"))
    for name, title in TOUCHED:
        values = sequence(summary.get(name))
        if values:
            yield Listing(title, values[: limits.entries], len(values))


def process_tree(results: Record, limits: Limits) -> Tree:
    """Return the processes in the order of the tree, each with the time of its first and last call."""
    processes = records(mapping(results.get("behavior")).get("processes"))
    known = {text(process.get("process_id")): process for process in processes}
    lives = {pid: life for pid, process in known.items() if (life := _life(process))}
    start = min((life.begin for life in lives.values()), default=0.0)
    span = max((life.end for life in lives.values()), default=0.0) - start
    marks = _marks(results)
    lines = []
    for node, depth in _nodes(results, limits.entries):
        pid = text(node.get("pid", node.get("process_id")))
        line = _line(node, known.get(pid, {}), pid, depth)
        lines.append(_placed(line, lives.get(pid), start, span or 1.0, marks.get(pid, ())))
    return Tree(lines, max(len(processes), len(lines)), span)


def _nodes(results: Record, most: int) -> Iterator[tuple[Record, int]]:
    """Yield the nodes of the tree with their depth; without a tree the processes."""
    behavior = mapping(results.get("behavior"))
    roots = records(behavior.get("processtree")) or records(behavior.get("processes"))
    pending = [(root, 0) for root in reversed(roots)]
    for _ in range(most):
        if not pending:
            return
        node, depth = pending.pop()
        yield node, depth
        below = records(node.get("children"))
        pending += [(child, min(depth + 1, _DEEPEST)) for child in reversed(below)]


def _line(node: Record, process: Record, pid: str, depth: int) -> Process:
    environ = mapping(process.get("environ") or node.get("environ"))
    command = process.get("command_line") or environ.get("CommandLine") or node.get("command_line")
    return Process(
        name=text(node.get("name") or node.get("process_name") or process.get("process_name")) or "?",
        pid=pid,
        depth=depth,
        command=text(command or process.get("module_path") or node.get("module_path")),
        calls=call_count(process),
        first_seen=text(process.get("first_seen")),
        seconds=None,
    )


def _placed(line: Process, life: _Life | None, start: float, span: float, marks: Sequence[Mark]) -> Process:
    if life is None:
        return line
    placed = [replace(mark, at=(mark.at - start) / span) for mark in marks]
    return replace(
        line,
        seconds=life.end - life.begin,
        begin=(life.begin - start) / span,
        end=(life.end - start) / span,
        marks=[mark for mark in placed if 0 <= mark.at <= 1],
    )


def _life(process: Record) -> _Life | None:
    calls = sequence(process.get("calls"))
    ends = [mapping(calls[at]).get("timestamp") for at in (0, -1)] if calls else []
    moments = [found for value in (process.get("first_seen"), *ends) if (found := moment(value)) is not None]
    return _Life(min(moments), max(moments)) if moments else None


def _marks(results: Record) -> dict[str, list[Mark]]:
    """Return the calls that signatures marked, by process, each moment and severity once."""
    found: dict[str, dict[tuple[float, int], Mark]] = {}
    for match in records(results.get("signatures")):
        severity, title = severity_of(match), text(match.get("description") or match.get("name"))
        for call in records(mapping(match.get("evidence")).get("calls")):
            at = moment(call.get("timestamp"))
            if at is not None:
                of_process = found.setdefault(text(call.get("pid")), {})
                of_process.setdefault((round(at, 1), severity), Mark(at, severity, title))
    return {pid: list(marks.values())[:100] for pid, marks in found.items()}


def call_count(process: Record) -> int:
    """Return how many calls a process made, also where the report has them not."""
    told = process.get("calls_count")
    return len(sequence(process.get("calls"))) or (told if isinstance(told, int) else 0)


def count_of_calls(results: Record) -> int:
    """Return how many calls there are altogether."""
    return sum(map(call_count, records(mapping(results.get("behavior")).get("processes"))))
