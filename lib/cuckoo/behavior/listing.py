"""Looking at calls without a report: which calls of an analysis fit, read one by one from its logs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.cuckoo.behavior.calls import Calls, Limits
from lib.cuckoo.behavior.processes import Process
from lib.cuckoo.behavior.sections import find_logs, processes_of, read_logs
from lib.cuckoo.common.exceptions import CuckooProcessingError

UNPACKED_BYTES = 4096 << 20
_CLOCK = slice(11, None)  # "13:21:44,590" of "2026-01-31 13:21:44,590"


@dataclass(frozen=True)
class Wanted:
    """Which calls; every condition that is given must hold."""

    pids: frozenset[int] = frozenset()
    apis: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None
    """Found in an argument written as `name=value`."""
    since: str = ""
    """"2026-01-31 13:21:44,590" or the beginning of it; without the date, any day's time of day."""

    def fits_time(self, timestamp: str) -> bool:
        """Tell whether a call's time is not before `since`."""
        return (timestamp if self.since[4:5] == "-" else timestamp[_CLOCK]) >= self.since

    def fits(self, call: dict[str, Any]) -> bool:
        """Tell whether an argument of the call holds the pattern."""
        if self.pattern is None:
            return True
        return any(self.pattern.search(f"{each['name']}={each['value']}") for each in call["arguments"])


def matching_calls(analysis: Path, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the calls of an analysis that fit, each with `process_id` and `process_name` in front.

    Processes come in the order in which they were first seen, calls in the order of the log.

    Raises:
        CuckooProcessingError: the analysis has no behaviour log.
    """
    logs, refused = find_logs(analysis / "logs")
    if not logs:
        raise CuckooProcessingError("; ".join([f"{analysis / 'logs'} holds no behaviour log", *refused[:1]]))
    for process in processes_of(read_logs(logs, UNPACKED_BYTES), Limits()):
        if not wanted.pids or process.process_id in wanted.pids:
            yield from _calls_of(process, wanted)


def _calls_of(process: Process, wanted: Wanted) -> Iterator[dict[str, Any]]:
    calls: Calls = process.calls
    for row in calls.rows(wanted.apis, wanted.categories):
        calls.source.passed(calls.offsets[row])
        if wanted.since and not wanted.fits_time(calls.timestamp_at(row)):
            continue
        call = calls.call(row)
        if wanted.fits(call):
            yield {"process_id": process.process_id, "process_name": process.name, **call}
