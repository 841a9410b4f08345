"""What happened in the guest: processes, mutexes, registry keys."""

from collections.abc import Mapping

from lib.cuckoo.reporting.sharing.records import File, Findings, Process
from lib.cuckoo.reporting.stix.files import add_image
from lib.cuckoo.reporting.stix.objects import Objects


def add_processes(
    objects: Objects, findings: Findings, files: Mapping[str, str], sample: str | None
) -> list[str]:
    """Add the processes; `files` are the ids of known files by their path in lower case."""
    added = (
        objects.process(
            place,
            pid=process.pid,
            created_time=process.seen,
            command_line=process.command_line,
            image_ref=sample if _is_sample(process, findings.sample) else _image(objects, process, files),
            parent_ref=None if process.parent is None else objects.process_id(process.parent),
        )
        for place, process in enumerate(findings.processes)
    )
    return [found for found in added if found]


def _is_sample(process: Process, sample: File | None) -> bool:
    """Return whether a process without a parent in the analysis runs what was submitted."""
    return (
        sample is not None
        and process.parent is None
        and bool(sample.name)
        and process.name.lower() == sample.name.lower()
    )


def _image(objects: Objects, process: Process, files: Mapping[str, str]) -> str | None:
    return files.get(process.path.lower()) or add_image(objects, process.name, process.path)


def add_traces(objects: Objects, findings: Findings) -> list[str]:
    """Add mutexes and registry keys."""
    mutexes = [objects.observable("Mutex", name=name) for name in findings.mutexes]
    keys = [objects.observable("WindowsRegistryKey", key=key) for key in findings.keys]
    return [found for found in (*mutexes, *keys) if found]
