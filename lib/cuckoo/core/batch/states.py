"""How the last run of each analysis ended; a small file for each, written whole.

A file that is damaged counts as absent. Its modification time, by the clock of the file system, says when the run
ended: so runs on several machines can tell what was done since they began.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from lib.cuckoo.common.replacing import replacing
from lib.cuckoo.common.text import readable_name, visible
from lib.cuckoo.core.batch.place import Place, identity, make_folder
from lib.cuckoo.core.ledger import Run
from lib.cuckoo.core.results import Results

DUMP = "jsondump"
"""The reporting module that writes the report which other commands read."""
_LARGEST_BYTES = 1 << 20
_FAILURES, _REASON_CHARACTERS, _NAME_CHARACTERS = 50, 300, 300
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Ending(StrEnum):
    """How a run of an analysis ended."""

    COMPLETED = "COMPLETED"
    """Every module that was to run did."""
    FAILED = "FAILED"
    """Some module failed; the report has the rest."""
    UNPROCESSED = "UNPROCESSED"
    """There is no report: the folder cannot be read, or the process that worked on it died."""
    INTERRUPTED = "INTERRUPTED"
    """It was stopped, or killed with all that belongs to it, before it was done."""


@dataclass(frozen=True)
class State:
    """What is known of the last run of an analysis."""

    ending: Ending
    name: str = ""
    """Of the analysis, for people."""
    attempt: str = ""
    """The token of the lease under which it ran."""
    run: str = ""
    tries: int = 0
    """Runs without success since the last that completed, this one counted."""
    retry_at: float = 0.0
    """When to try again, in seconds since 1970; 0 for never."""
    seconds: float = 0.0
    error: str = ""
    """Why there is no report."""
    failed: int = 0
    """Modules that failed."""
    failures: Sequence[Mapping[str, str]] = field(default_factory=list)
    """The first of them: `module`, `outcome`, `reason`."""
    report: Mapping[str, str] = field(default_factory=dict)
    """How `DUMP` ended, by `outcome` and `reason`; empty where that is not known."""


@dataclass(frozen=True)
class Recorded:
    """A state that was read, and when it was written, by the clock of the file system."""

    state: State
    at: float


class States:
    """The states of the analyses in one folder."""

    def __init__(self, place: Place) -> None:
        self._folder = place.states

    def read(self, name: str) -> Recorded | None:
        """Return the state of an analysis, None if there is none or it is damaged."""
        try:
            with os.fdopen(os.open(self._file(name), _READ), "rb") as file:
                return _parsed(file)
        except OSError:
            return None

    def write(self, name: str, state: State) -> None:
        """Replace the state of an analysis.

        Raises:
            OSError: it cannot be written.
            CuckooOperationalError: its folder is a link, or cannot be made.
        """
        file = self._file(name)
        make_folder(file.parent)
        with replacing(file, 0o644) as stream:
            stream.write(json.dumps(asdict(state)).encode() + b"\n")

    def _file(self, name: str) -> Path:
        digits = identity(name)
        return self._folder / digits[:2] / f"{digits}.json"


def state_of(results: Results) -> State:
    """Return how a run ended that wrote its reports, with nothing of when and where."""
    failures = results.failures
    return State(
        Ending.FAILED if failures else Ending.COMPLETED,
        failed=len(failures),
        failures=[{"module": short(run.module)} | _how(run) for run in failures[:_FAILURES]],
        report=next((_how(run) for run in reversed(results.runs) if run.module == DUMP and not run.key), {}),
    )


def _how(run: Run) -> dict[str, str]:
    return {"outcome": str(run.outcome), "reason": visible(run.reason, _REASON_CHARACTERS)}


def short(name: str) -> str:
    """Return a name as text of bounded length."""
    return readable_name(name)[:_NAME_CHARACTERS]


def from_record(record: object) -> State | None:
    """Return the state that `asdict` made a record of, `report` or not; None for anything else."""
    wanted = asdict(State(Ending.COMPLETED)).items()
    if not isinstance(record, dict) or record.get("ending") not in list(Ending):
        return None
    record = dict[str, Any](report={}) | record
    if any(type(record.get(name)) is not type(value) for name, value in wanted if name != "ending"):
        return None
    if not all(isinstance(failure, dict) for failure in record["failures"]):
        return None
    fields: dict[str, Any] = {name: record[name] for name, _ in wanted}
    return State(**fields | {"ending": Ending(record["ending"])})


def _parsed(file: BinaryIO) -> Recorded | None:
    try:
        state = from_record(json.loads(file.read(_LARGEST_BYTES)))
    except (ValueError, RecursionError):
        return None
    return None if state is None else Recorded(state, os.fstat(file.fileno()).st_mtime)
