"""What happened in the guest: files, processes, mutexes, registry keys."""

from collections.abc import Sequence
from typing import Any

from lib.cuckoo.common.text import last_part, visible
from lib.cuckoo.reporting.sharing.records import Bounds, File, Process
from lib.cuckoo.reporting.sharing.tally import Tally
from lib.cuckoo.reporting.sharing.values import ALGORITHMS, digest, exact, instant, size
from lib.cuckoo.reporting.story.values import Record, first, mapping, records, sequence, text

_MOST_PATHS = 10
_DROPPED_BY_THE_SAMPLE = ("sample", "dropped")
"""Origins whose paths are those of the sample; dumps lie where the monitor put them."""


def sample(target: Record, tally: Tally, bounds: Bounds) -> File | None:
    """Return the analysed file, None when there was none or its hashes are missing."""
    record = mapping(target.get("file"))
    found = tally.kept("file", [record] if record else [], lambda file: _file(file, "sample", tally, bounds))
    return found[0] if found else None


def files(results: Record, tally: Tally, bounds: Bounds) -> list[File]:
    """Return dropped files, payloads and dumped programs."""
    lists = (
        ("dropped", results.get("dropped")),
        ("payload", mapping(results.get("CAPE")).get("payloads")),
        ("procdump", results.get("procdump")),
    )
    found = [(origin, file) for origin, value in lists for file in records(value)]
    return tally.kept("file", found, lambda each: _file(each[1], each[0], tally, bounds))


def _file(record: Record, origin: str, tally: Tally, bounds: Bounds) -> File | None:
    given = [(name, record.get(name)) for name in ALGORITHMS if text(record.get(name))]
    hashes = tuple((name, right) for name, value in given if (right := digest(name, value)) is not None)
    tally.unfit("hash", len(given) - len(hashes))
    if not hashes:
        return None
    given_paths = sequence(record.get("guest_paths")) if origin in _DROPPED_BY_THE_SAMPLE else ()
    paths = [visible(text(path), bounds.text) for path in given_paths[:_MOST_PATHS]]
    tally.beyond("path", max(0, len(given_paths) - _MOST_PATHS))
    return File(
        origin=origin,
        name=visible(last_part(first(record.get("name"))), 255),
        paths=tuple(path for path in paths if path),
        size=size(record.get("size")),
        kind=visible(text(record.get("type")), bounds.text),
        hashes=hashes,
    )


def processes(results: Record, tally: Tally, bounds: Bounds) -> list[Process]:
    """Return the processes in order of first appearance; of two with one id the later one is told by its place."""
    found: list[Process] = []
    places: dict[int, int] = {}
    for record in records(mapping(results.get("behavior")).get("processes")):
        pid = size(record.get("process_id"))
        if len(found) >= bounds.entries:
            tally.beyond("process")
        elif pid is None:
            tally.unfit("process")
        else:
            found.append(_process(record, pid, places, bounds))
            places[pid] = len(found) - 1
    return found


def _process(record: Record, pid: int, places: dict[int, int], bounds: Bounds) -> Process:
    parent = size(record.get("parent_id"))
    environment = mapping(record.get("environ"))
    return Process(
        pid=pid,
        parent_pid=parent,
        parent=None if parent is None else places.get(parent),
        name=visible(text(record.get("process_name")), 255),
        path=visible(text(record.get("module_path")), bounds.text),
        command_line=visible(text(record.get("command_line") or environment.get("CommandLine")), bounds.text),
        seen=instant(record.get("first_seen")),
    )


def mutexes(results: Record, tally: Tally, bounds: Bounds) -> list[str]:
    """Return the names of mutexes."""
    return tally.kept("mutex", _summary(results, "mutexes"), lambda value: exact(value, bounds.text))


def keys(results: Record, tally: Tally, bounds: Bounds) -> list[str]:
    """Return what was written in the registry; reading is what every program does."""
    return tally.kept("key", _summary(results, "write_keys"), lambda value: exact(value, bounds.text))


def _summary(results: Record, name: str) -> Sequence[Any]:
    return sequence(mapping(mapping(results.get("behavior")).get("summary")).get(name))
