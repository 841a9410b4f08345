"""Processes of an analysis, and who started whom."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from lib.cuckoo.behavior.calls import Calls
from lib.cuckoo.behavior.log import ProcessSpan
from lib.cuckoo.behavior.shapes import Call, ProcessNode, ProcessRecord
from lib.cuckoo.behavior.wire import Value
from lib.cuckoo.common.text import readable_text

DEEPEST_TREE = 64
"""Generations nested in one another; later ones stand beside their parents."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process and its calls."""

    span: ProcessSpan
    calls: Calls
    process_id: int

    @property
    def name(self) -> str:
        """The file name of the program."""
        return self.span.module_path.replace("/", "\\").rpartition("\\")[2]

    @property
    def environ(self) -> dict[str, str]:
        """What the monitor told of the environment; the second family tells the command line only."""
        command = (self.span.second or {}).get("command_line")
        return self.span.environ or ({"CommandLine": as_text(command)} if command else {})

    def threads(self) -> list[str]:
        """Return the threads in the order in which they called, then those that were only announced."""
        return list(map(str, dict.fromkeys(self.calls.threads) | self.span.threads))

    def record(self) -> ProcessRecord:
        """Return the process in the contract's shape."""
        record: ProcessRecord = {
            "process_id": self.process_id,
            "process_name": self.name,
            "parent_id": self.span.parent_id,
            "module_path": self.span.module_path,
            "first_seen": self.calls.first_seen,
            "calls": cast("Sequence[Call]", self.calls),
            "threads": self.threads(),
            "environ": self.environ,
        }
        _add_second(record, self.span.second)
        shown, total = self.calls.limits.calls, len(self.calls)
        if 0 < shown < total:
            record["truncated"] = {"calls": {"shown": shown, "total": total}}
        return record


def as_text(value: Value) -> str:
    """Return a value that should be text as text."""
    if isinstance(value, bytes):
        return readable_text(value)
    return "" if value is None else str(value)


def _add_second(record: ProcessRecord, second: dict[str, Value] | None) -> None:
    """Add what only the second family says of a process."""
    if second is None:
        return
    modules = second.get("modules")
    record["command_line"] = as_text(second.get("command_line"))
    record["is_64bit"] = bool(second.get("is_64bit"))
    record["track"] = bool(second.get("track"))
    record["modules"] = modules if isinstance(modules, list) else []


def call_counts(calls: Calls) -> Counter[str]:
    """Return how often each API was called, repetitions included."""
    numbers: Counter[int] = Counter(calls.kind_numbers)
    for number, repeated in zip(calls.kind_numbers, calls.repeats, strict=True):
        if repeated:
            numbers[number] += repeated
    counts: Counter[str] = Counter()
    for number, count in numbers.items():
        counts[calls.kinds[number].api] += count
    return counts


def process_tree(records: Sequence[ProcessRecord]) -> list[ProcessNode]:
    """Return the processes, which come in the order of their first appearance, below those that started them.

    A process number used twice is two processes: the parent is the last one of that number seen before its child,
    or the first one seen after it where clocks disagree. A process whose parent is unknown is a root, and so is
    the first one of a cycle.
    """
    parents = _parents(records)
    _cut_cycles(parents)
    nodes = [_node(record) for record in records]
    depths = _depths(parents)
    roots: list[ProcessNode] = []
    for place, node in enumerate(nodes):
        parent: int | None = parents[place]
        while parent is not None and depths[parent] >= DEEPEST_TREE - 1:
            parent = parents[parent]
        (roots if parent is None else nodes[parent]["children"]).append(node)
    return roots


def _node(record: ProcessRecord) -> ProcessNode:
    return {
        "name": record["process_name"],
        "pid": record["process_id"],
        "parent_id": record["parent_id"],
        "module_path": record["module_path"],
        "children": [],
        "threads": record["threads"],
        "environ": record["environ"],
    }


def _parents(records: Sequence[ProcessRecord]) -> list[int | None]:
    """Return the place of each process's parent."""
    first: dict[int, int] = {}
    for place, record in enumerate(records):
        first.setdefault(record["process_id"], place)
    parents: list[int | None] = []
    latest: dict[int, int] = {}
    for place, record in enumerate(records):
        wanted = record["parent_id"]
        parent = latest.get(wanted, first.get(wanted))
        parents.append(None if parent == place else parent)
        latest[record["process_id"]] = place
    return parents


def _cut_cycles(parents: list[int | None]) -> None:
    """Make the first process of each cycle a root."""
    settled: set[int] = set()
    for start in range(len(parents)):
        path: dict[int, None] = {}
        place: int | None = start
        while place is not None and place not in settled and place not in path:
            path[place] = None
            place = parents[place]
        if place is not None and place in path:
            ring = list(path)[list(path).index(place) :]
            parents[min(ring)] = None
        settled.update(path)


def _depths(parents: Sequence[int | None]) -> list[int]:
    """Return how many ancestors each process has."""
    depths: dict[int, int] = {}
    for start in range(len(parents)):
        path, place = [], start
        while place not in depths:
            path.append(place)
            parent = parents[place]
            if parent is None:
                break
            place = parent
        depth = depths.get(place, -1)
        for one in reversed(path):
            depth += 1
            depths[one] = depth
    return [depths[place] for place in range(len(parents))]
