"""Which process of one run is which of the other; their numbers say nothing, they differ between runs."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

from lib.cuckoo.common.text import last_part
from lib.cuckoo.reporting.diff.likeness import Likeness
from lib.cuckoo.reporting.diff.record import Process
from lib.cuckoo.reporting.story.values import Record, mapping, records, sequence, text

_DEEPEST = 64
"""Ancestors that count as a process's place in the tree."""
_SYSTEM = ("c:\\windows\\", "\\systemroot\\", "\\windows\\", "/usr/", "/bin/", "/sbin/")
"""Folders whose programs are known by their names: two different ones are never the same program."""


@dataclass(frozen=True)
class Seen:
    """A process, and what it is recognised by."""

    record: Record
    place: int
    name: str
    path: str
    command: str
    ancestors: int
    """The same number for processes below the same chain of programs."""

    @property
    def folder(self) -> str:
        """The folder of the program."""
        return self.path[: len(self.path) - len(last_part(self.path))]


Rule = Callable[[Seen], Hashable]
RULES: tuple[tuple[str, Rule], ...] = (
    ("all", lambda seen: (seen.path or seen.name, seen.command, seen.ancestors)),
    ("program and command", lambda seen: (seen.path or seen.name, seen.command)),
    ("program and place", lambda seen: (seen.path or seen.name, seen.ancestors)),
    ("name", lambda seen: seen.name or None),
    (
        "folder and place",
        lambda seen: (
            None if not seen.folder or seen.folder.startswith(_SYSTEM) else (seen.folder, seen.ancestors)
        ),
    ),
)
"""What two processes have in common, the most telling first; None is nothing."""


def seen_processes(results: Record, likeness: Likeness) -> list[Seen]:
    """Return the processes of a run in the order of the report."""
    processes = records(mapping(results.get("behavior")).get("processes"))
    found: list[Seen] = []
    latest: dict[str, Seen] = {}
    depths: dict[int, int] = {}
    for place, record in enumerate(processes):
        parent = latest.get(text(record.get("parent_id", record.get("ppid"))))
        seen = _seen(record, place, likeness, _ancestors(parent, depths))
        found.append(seen)
        latest[text(pid_of(record))] = seen
    return found


def _ancestors(parent: Seen | None, depths: dict[int, int]) -> int:
    """Return what stands for a chain of programs; the farthest ancestors of a very long one do not count."""
    if parent is None:
        return 0
    above = parent.ancestors if depths.get(parent.ancestors, 0) < _DEEPEST else 0
    chain = hash((above, parent.path or parent.name))
    depths.setdefault(chain, depths.get(above, 0) + 1)
    return chain


def _seen(record: Record, place: int, likeness: Likeness, ancestors: int) -> Seen:
    path = likeness.of_name(path_of(record))
    return Seen(
        record=record,
        place=place,
        name=likeness.of_name(name_of(record)) or last_part(path),
        path=path,
        command=likeness.of_command(command_of(record)).strip(),
        ancestors=ancestors,
    )


def match_processes(
    a: Sequence[Seen], b: Sequence[Seen]
) -> tuple[list[tuple[Seen, Seen, str]], list[Seen], list[Seen]]:
    """Return pairs with what they have in common, and what is left of A and of B.

    Of several that have the same in common the first belongs to the first, the second to the second.
    """
    pairs: list[tuple[Seen, Seen, str]] = []
    for how, rule in RULES:
        found = list(_matching(a, b, rule))
        pairs += [(one, other, how) for one, other in found]
        taken = {one.place for one, _ in found}, {other.place for _, other in found}
        a, b = (
            [seen for seen in side if seen.place not in gone]
            for side, gone in zip((a, b), taken, strict=True)
        )
    return sorted(pairs, key=lambda pair: pair[0].place), list(a), list(b)


def _matching(a: Sequence[Seen], b: Sequence[Seen], rule: Rule) -> Iterator[tuple[Seen, Seen]]:
    waiting: dict[Hashable, list[Seen]] = {}
    for seen in reversed(b):
        waiting.setdefault(rule(seen), []).append(seen)
    for seen in a:
        key = rule(seen)
        if key is not None and waiting.get(key):
            yield seen, waiting[key].pop()


def process_record(record: Record) -> Process:
    """Return what is told of a process."""
    return Process(
        pid=text(pid_of(record)),
        name=name_of(record) or last_part(path_of(record)),
        path=path_of(record),
        command=command_of(record),
        calls=len(sequence(record.get("calls"))),
    )


def pid_of(record: Record) -> object:
    """Return the number of a process, in the words of either family."""
    return record.get("process_id", record.get("pid"))


def name_of(record: Record) -> str:
    """Return the name of a process."""
    return text(record.get("process_name"))


def path_of(record: Record) -> str:
    """Return the path of a program in the guest."""
    return text(record.get("module_path") or record.get("process_path"))


def command_of(record: Record) -> str:
    """Return the command line of a process."""
    return text(record.get("command_line") or mapping(record.get("environ")).get("CommandLine"))
