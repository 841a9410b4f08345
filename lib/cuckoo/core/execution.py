"""Running one module: builds it, calls it, and puts into plain words how that ended.

This is the one place that catches whatever a module raises. It runs inside the child process and speaks to the
engine in two messages: how the module ended, then its data.
"""

import errno
import inspect
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooOperationalError, CuckooReportError
from lib.cuckoo.common.processing import Processing
from lib.cuckoo.common.report import Report
from lib.cuckoo.core.answer import AnswerWriter, TooLargeError, UnencodableError
from lib.cuckoo.core.discovery import Candidate
from lib.cuckoo.core.ledger import Outcome
from lib.cuckoo.core.status import StatusLine
from lib.cuckoo.core.tracking import TrackedResults
from lib.cuckoo.core.units import units_of

_ENGINE_FRAMES = str(Path(__file__))
_MAX_NOTES, _MAX_TEXT = 100, 20_000
_MAX_FRAMES = 100  # a recursion may have millions
_RESERVE_BYTES = 4 << 20  # given back when memory runs out, so that there is some to say so


@dataclass(frozen=True)
class Analysis:
    """What every module is told about the analysis."""

    path: str
    """Absolute, and without a link on the way when the run began."""
    task: Mapping[str, Any]

    def require_in_place(self) -> None:
        """See that no link has taken the folder's place meanwhile: what a module writes would go elsewhere.

        Raises:
            CuckooOperationalError: one has.
        """
        real = os.path.realpath(self.path)
        if real != self.path:
            raise CuckooOperationalError(f"the analysis folder {self.path} is a link to {real} now: refused")


@dataclass(frozen=True)
class Processed:
    """What a processing module gives back."""

    key: str | None
    data: Any
    writes: dict[str, Any]
    """Other sections that it set or changed."""
    notes: list[str]
    units: list[Any]
    took: list[str] | None
    """Keys of the sections that it asked for; None for all."""


def process(
    candidate: Candidate, analysis: Analysis, results: Mapping[str, Any], answer: AnswerWriter
) -> None:
    """Run a processing module and write two messages: its ending, and what it gives back."""
    reserve = bytearray(_RESERVE_BYTES)
    try:
        processed = _run_processing(candidate, analysis, results, answer.status)
        _deliver(candidate, processed, answer)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the boundary: a module may raise anything, SystemExit included
        reserve.clear()
        answer.restart()
        answer.write(ending_of(error))


def report(
    candidate: Candidate, analysis: Analysis, results: Mapping[str, Any], answer: AnswerWriter
) -> None:
    """Run a reporting module and write one message: its ending."""
    reserve = bytearray(_RESERVE_BYTES)
    try:
        analysis.require_in_place()
        _prepare_reports_folder(Path(analysis.path))
        module: Report = candidate.cls()
        _introduce(module, candidate, analysis)
        module.run(dict(results))
        answer.write({"outcome": str(Outcome.COMPLETED), "notes": _notes_of(module)})
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the boundary: a report may raise anything, SystemExit included
        reserve.clear()
        answer.restart()
        answer.write(ending_of(error))


def _prepare_reports_folder(analysis_path: Path) -> None:
    """Make `reports/`; a link in its place would lead what we write out of the analysis.

    Raises:
        CuckooReportError: it is not a folder of the analysis, or cannot be made.
    """
    folder = analysis_path / "reports"
    try:
        if not folder.is_dir():  # who is watched making it counts as having written what is in it
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise CuckooReportError(f"cannot make {folder}: {error.strerror}") from error
    if folder.is_symlink():
        raise CuckooReportError(f"{folder} is a link to {folder.resolve()}: refused")


def ending_of(error: BaseException) -> dict[str, Any]:
    """Return the message for a module that ended with an error."""
    outcome, reason = _judge(error)
    text = "" if outcome in {Outcome.FAILED, Outcome.UNAVAILABLE, Outcome.TOO_LARGE} else _traceback(error)
    return {"outcome": str(outcome), "reason": reason[:_MAX_TEXT], "traceback": text[-_MAX_TEXT:]}


def _run_processing(
    candidate: Candidate, analysis: Analysis, results: Mapping[str, Any], status: StatusLine | None
) -> Processed:
    analysis.require_in_place()
    tracked = TrackedResults({} if candidate.cls.folder_only else results)  # type: ignore[attr-defined]  # a class of Processing
    module = _build(candidate.cls, tracked)
    _introduce(module, candidate, analysis)
    if status is not None:
        module.__dict__["_show"] = status.write
    data = module.run()
    took = tracked.taken()
    return Processed(module.key, data, tracked.writes(), _notes_of(module), units_of(module), took)


def _notes_of(module: Processing | Report) -> list[str]:
    """Return what `note()` collected; a dropped-in module may use the name for something else."""
    notes = getattr(module, "notes", None)
    return (
        [note[:_MAX_TEXT] for note in notes[:_MAX_NOTES] if isinstance(note, str)]
        if isinstance(notes, list)
        else []
    )


def _build(cls: type[Processing], results: dict[str, Any]) -> Processing:
    """Construct a module, with the results if its constructor takes them, and hand it the results in any case."""
    try:
        inspect.signature(cls).bind(results)
    except TypeError:
        module = cls()
    else:
        module = cls(results)
    module.results = results
    return module


def _introduce(module: Processing | Report, candidate: Candidate, analysis: Analysis) -> None:
    module.set_path(analysis.path)
    module.set_task(analysis.task)
    module.set_options(candidate.section.options)


def _deliver(candidate: Candidate, processed: Processed, answer: AnswerWriter) -> None:
    if not processed.key or not isinstance(processed.key, str):
        raise CuckooOperationalError(f"{candidate.where} has no key, not even after run()")
    answer.write({"data": processed.data})
    answer.write({"writes": {name: data for name, data in processed.writes.items() if name != processed.key}})
    ending = {"outcome": str(Outcome.COMPLETED), "key": processed.key}
    answer.write(ending | {"notes": processed.notes, "units": processed.units, "took": processed.took})


def _judge(error: BaseException) -> tuple[Outcome, str]:
    """Return who must act on an error, and what to tell them."""
    if isinstance(error, CuckooDependencyError):
        return Outcome.UNAVAILABLE, str(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return Outcome.UNAVAILABLE, f"needs the Python package {package}, which is not installed"
    if isinstance(error, CuckooOperationalError):
        return Outcome.FAILED, str(error)
    if isinstance(error, UnencodableError):
        return Outcome.FAILED, str(error).replace("answer['data']", "answer").replace(
            "answer['writes']", "results"
        )
    if isinstance(error, TooLargeError):
        return Outcome.TOO_LARGE, f"the answer is {error}"
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return Outcome.OUT_OF_MEMORY, "needs more memory than its limit"
    if isinstance(error, SystemExit):
        return Outcome.CRASHED, f"called sys.exit({error.code!r})"
    return Outcome.CRASHED, f"{type(error).__name__}: {_message(error)}"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a class of the module's own may fail at anything
        return "(its message cannot be shown)"


def _traceback(error: BaseException) -> str:
    """Return the traceback from the module's own frames on; ours say nothing to its author."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == _ENGINE_FRAMES:
        trace = trace.tb_next
    return "".join(
        traceback.format_exception(type(error), error, trace or error.__traceback__, limit=-_MAX_FRAMES)
    )
