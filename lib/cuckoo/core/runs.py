"""A run that was processed before, ready to be compared: its report, and its calls from wherever they are."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lib.cuckoo.behavior.calls import Calls, Limits
from lib.cuckoo.behavior.listing import UNPACKED_BYTES
from lib.cuckoo.behavior.sections import find_logs, processes_of, read_logs
from lib.cuckoo.common.text import count_text
from lib.cuckoo.core.batch.outdated import why_outdated
from lib.cuckoo.reporting.diff.compare import Side
from lib.cuckoo.reporting.diff.conduct import count_of_calls
from lib.cuckoo.reporting.saved import analysis_around, find_report
from lib.cuckoo.reporting.story.values import mapping, records, sequence, text
from lib.cuckoo.reporting.unread import opened_report


@contextmanager
def opened_run(path: str | os.PathLike[str], label: str) -> Iterator[Side]:
    """Open the run that `path` means, an analysis folder or a report file; calls can be read within the block.

    Calls that the report leaves out are read from the analysis's own logs, where there are any; what is missing even
    then is noted, and so is a report that the last run did not write.

    Raises:
        CuckooOperationalError: there is no report, or it cannot be read.
        CuckooDependencyError: it takes a library that is not installed.
    """
    with opened_report(path) as results:
        file = find_report(path)
        processes = records(mapping(results.get("behavior")).get("processes"))
        missing = [process for process in processes if _is_incomplete(process)]
        logged = _logged_calls(analysis_around(file)) if missing and file.parent.name == "reports" else {}
        found = sum(_fill(process, logged) for process in missing if isinstance(process, dict))
        outdated = why_outdated(file)
        notes = [f"the report is {outdated}"] if outdated else []
        yield Side(label, results, [*notes, *_notes(found, len(missing))])


def _is_incomplete(process: Mapping[str, Any]) -> bool:
    return len(sequence(process.get("calls"))) < count_of_calls(process)


def _logged_calls(analysis: Path) -> dict[str, list[Calls]]:
    """Return what the logs have by number of the process, the last first of processes of one number."""
    found: dict[str, list[Calls]] = {}
    logs, _ = find_logs(analysis / "logs")
    for process in reversed(processes_of(read_logs(logs, UNPACKED_BYTES), Limits())):
        found.setdefault(str(process.process_id), []).append(process.calls)
    return found


def _fill(process: dict[str, Any], logged: dict[str, list[Calls]]) -> bool:
    calls = logged.get(text(process.get("process_id")))
    if calls:
        process["calls"] = calls.pop()
    return bool(calls is not None and len(process["calls"]))


def _notes(found: int, missing: int) -> Iterator[str]:
    if found:
        whose = count_text(found, "process", "processes")
        yield f"the report has not all calls of {whose}; they were read from logs/"
    if missing > found:
        whose = count_text(missing - found, "process", "processes")
        yield f"the report has not all calls of {whose}, and there are no logs with them"
