"""What happened in the guest: processes, mutexes, registry keys."""

from lib.cuckoo.reporting.misp.objects import Attribute, Objects
from lib.cuckoo.reporting.sharing.records import Findings, Process


def add_processes(objects: Objects, findings: Findings) -> None:
    """Add the processes, each with its parent."""
    added = [_process(objects, place, process) for place, process in enumerate(findings.processes)]
    for place, process in enumerate(findings.processes):
        if process.parent is not None:
            objects.refer(added[place], "child-of", added[process.parent])


def _process(objects: Objects, place: int, process: Process) -> str | None:
    attributes = [
        Attribute("name", process.name),
        Attribute("pid", str(process.pid)),
        Attribute("parent-pid", None if process.parent_pid is None else str(process.parent_pid)),
        Attribute("image", process.path),
        Attribute("command-line", process.command_line),
        Attribute("start-time", process.seen),
    ]
    return objects.add("process", str(place), attributes)


def add_traces(objects: Objects, findings: Findings) -> None:
    """Add mutexes and registry keys."""
    for name in findings.mutexes:
        objects.add("mutex", name, [Attribute("name", name, "mutex")])
    for key in findings.keys:
        objects.add("registry-key", key, [Attribute("key", key, "registry")])
