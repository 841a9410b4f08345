"""All sections of `behavior`, from the logs of one analysis."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

from lib.cuckoo.behavior.calls import Limits
from lib.cuckoo.behavior.columns import MOST_KINDS
from lib.cuckoo.behavior.enhanced import EventColumns
from lib.cuckoo.behavior.events import add_event_names
from lib.cuckoo.behavior.follow import add_tracking
from lib.cuckoo.behavior.generic import add_generic, generic_record
from lib.cuckoo.behavior.kinds import Kind
from lib.cuckoo.behavior.log import LogIndex
from lib.cuckoo.behavior.names import lists_of
from lib.cuckoo.behavior.processes import Process, call_counts, process_tree
from lib.cuckoo.behavior.reader import active
from lib.cuckoo.behavior.records import add_records
from lib.cuckoo.behavior.scene import SUMMARY_LISTS, Findings, Plan, Scene
from lib.cuckoo.behavior.shapes import (
    Anomaly,
    BehaviorSection,
    EncryptedBuffer,
    Event,
    LogRecord,
    ShownPart,
    Summary,
)
from lib.cuckoo.behavior.source import LogSource
from lib.cuckoo.behavior.summary import add_summary
from lib.cuckoo.common.text import readable_name

SUFFIXES = (".bson", ".bson.gz")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the report shows; 0 is everything. Sections are computed from everything, whatever is shown of them."""

    calls: int = 0
    argument_length: int = 0
    events: int = 0
    records: int = 0


class FoundLogs(NamedTuple):
    """The logs of an analysis, and in sentences what looks like logs and is not."""

    paths: list[Path]
    refused: list[str]


def find_logs(folder: str | os.PathLike[str]) -> FoundLogs:
    """Find the behaviour logs in a `logs` folder, by number, then by name; links and other files are no logs."""
    path = Path(folder)
    try:
        if path.is_symlink():
            return FoundLogs([], [f"{path.name} is a link: refused"])
        with os.scandir(folder) as entries:
            named = [
                (one.name, one.is_file(follow_symlinks=False))
                for one in entries
                if one.name.endswith(SUFFIXES)
            ]
    except FileNotFoundError:
        return FoundLogs([], [])
    except OSError as error:
        return FoundLogs([], [f"cannot list {path.name}: {error.strerror}"])
    named.sort(key=lambda one: (_number(one[0]), len(one[0]), one[0]))
    refused = [
        f"{path.name}/{readable_name(name)} is a link or no file: refused"
        for name, is_file in named
        if not is_file
    ]
    return FoundLogs([path / name for name, is_file in named if is_file], refused)


def logs_of(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the paths that `find_logs` finds."""
    return find_logs(folder).paths


def _number(name: str) -> int:
    stem = name.partition(".")[0]
    digits = stem.partition("-")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else 0


def read_logs(paths: Iterable[Path], unpacked_bytes: int) -> Iterator[LogIndex]:
    """Index each of the logs."""
    for path in paths:
        index = LogIndex(LogSource(path, unpacked_bytes))
        index.read()
        yield index


def processes_of(indexes: Iterable[LogIndex], limits: Limits) -> list[Process]:
    """Return the processes of all logs in the order in which they were first seen."""
    found = []
    for index in indexes:
        path = index.source.path
        for span, calls in zip(
            index.spans, index.calls(f"{path.parent.name}/{path.name}", limits), strict=True
        ):
            told = span.process_id
            if told is not None or len(calls):
                found.append(Process(span, calls, _number(path.name) if told is None else told))
    return sorted(found, key=lambda process: process.span.first_seen_ms)


def sections(indexes: list[LogIndex], shown: Shown) -> BehaviorSection:
    """Return the `behavior` section: the contract's parts, `apistats`, and for each log what was read of it."""
    processes = processes_of(indexes, Limits(shown.calls, shown.argument_length))
    records = [process.record() for process in processes]
    findings, plans, events = Findings(most_records=shown.records), _Plans(), EventColumns()
    generic, followed = [], []
    for process in processes:
        scene = _watch(process, findings, plans)
        followed.append(scene.followed)
        if process.span.second is not None:
            generic.append(generic_record(process, scene))
    names, lists = (
        findings.lists.finish()
    )  # before the events: what finds a name again is large, and done with
    for process, named in zip(processes, followed, strict=True):
        events.add(process.calls, named)
    behavior: BehaviorSection = {
        "processes": records,
        "anomaly": cast("list[Anomaly]", findings.anomalies),
        "processtree": process_tree(records),
        "summary": cast("Summary", dict(zip(SUMMARY_LISTS, lists_of(names, lists), strict=True))),
        "enhanced": cast("Sequence[Event]", events.events(names, shown.events)),
        "encryptedbuffers": cast("list[EncryptedBuffer]", findings.buffers),
        "apistats": _api_counts(processes),
        "logs": [_log_record(index) for index in indexes],
    }
    if generic:
        behavior["generic"] = generic
    truncated = _truncated(findings, behavior, shown)
    if truncated:
        behavior["truncated"] = truncated
    return behavior


class _Plans:
    """One plan for each kind of call; logs of one analysis share their kinds."""

    def __init__(self) -> None:
        self._plans: dict[int, Plan] = {}

    def of(self, kind: Kind) -> Plan:
        plan = self._plans.get(id(kind))
        if plan is None:
            plan = self._plans[id(kind)] = Plan(kind)
            for add in (add_tracking, add_summary, add_records, add_generic, add_event_names):
                add(plan)
        return plan


def _watch(process: Process, findings: Findings, plans: _Plans) -> Scene:
    """Read those calls of a process that some section needs, in order."""
    calls = process.calls
    scene = Scene(findings, process.process_id, process.name)
    found = [plans.of(kind) for kind in calls.kinds]
    needed = set().union(*(plan.needs for plan in found))
    wanted = bytearray(MOST_KINDS)
    for number, plan in enumerate(found):
        wanted[number] = plan.tells or not needed.isdisjoint(plan.feeds)
    scanner, data = active(), calls.source.data()
    pick, offsets, numbers, statuses = scanner.pick, calls.offsets, calls.kind_numbers, calls.statuses
    for row in scanner.select(numbers, bytes(wanted)):
        plan = found[numbers[row]]
        texts = pick(data, offsets[row], plan.kind, plan.positions)
        scene.row = row
        if not row & 63:
            calls.source.passed(offsets[row])
        for step in plan.steps:
            step(scene, texts, statuses[row] == 1)
    calls.source.left()
    return scene


def _api_counts(processes: Iterable[Process]) -> dict[str, dict[str, int]]:
    """Return calls per API per process; processes that had the same number one after the other are counted together."""
    counts: dict[str, Counter[str]] = {}
    for process in processes:
        counts.setdefault(str(process.process_id), Counter()).update(call_counts(process.calls))
    return {process_id: dict(sorted(found.items())) for process_id, found in counts.items()}


def _log_record(index: LogIndex) -> LogRecord:
    path = index.source.path
    return {
        "path": f"{path.parent.name}/{path.name}",
        "size_bytes": index.size_bytes,
        "calls": len(index.columns),
        "unread": index.faults.count,
        "first_unread": index.faults.first,
    }


def _truncated(findings: Findings, behavior: BehaviorSection, shown: Shown) -> dict[str, ShownPart]:
    """Return how much is shown of what there is, for the sections that are not shown whole."""
    totals = {
        "enhanced": (shown.events, len(behavior["enhanced"])),
        "anomaly": (shown.records, findings.anomaly_count),
        "encryptedbuffers": (shown.records, findings.buffer_count),
    }
    return {
        name: {"shown": most, "total": total} for name, (most, total) in totals.items() if 0 < most < total
    }
