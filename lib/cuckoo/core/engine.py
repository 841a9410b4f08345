"""The engine: one analysis folder in, all sections and the ledger out."""

import dataclasses
import datetime
import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from lib.cuckoo import __version__, behavior, network
from lib.cuckoo.analysis.task import DEFAULTS, load_task
from lib.cuckoo.common.constants import SCHEMA_VERSION
from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.ini import read_sections
from lib.cuckoo.common.processing import Processing
from lib.cuckoo.common.report import Report
from lib.cuckoo.common.root import Root
from lib.cuckoo.core import execution
from lib.cuckoo.core.answer import AnswerWriter
from lib.cuckoo.core.cache.keeper import (
    LEDGER,
    Common,
    Forgetful,
    SignatureKeeper,
    StageKeeper,
    ledger_identity,
)
from lib.cuckoo.core.cache.shelf import configured_shelf
from lib.cuckoo.core.choice import Choice
from lib.cuckoo.core.discovery import Candidate, Discovery, discover
from lib.cuckoo.core.execution import Analysis
from lib.cuckoo.core.ledger import Ledger, Problem, Run
from lib.cuckoo.core.limits import Limits
from lib.cuckoo.core.sections import Sections
from lib.cuckoo.core.shapes import EngineRecord, Machine
from lib.cuckoo.core.signatures.explain import Explanation, explain_apart
from lib.cuckoo.core.signatures.loading import load_signatures
from lib.cuckoo.core.signatures.section import (
    SignatureResults,
    SignatureSettings,
    apply_signatures,
    signature_settings,
)
from lib.cuckoo.core.signatures.selection import Setting
from lib.cuckoo.core.stage import Conditions, Observer, Silence, run_stage
from lib.cuckoo.core.tracking import copied


@dataclass(frozen=True)
class Settings:
    """How to process; the same for every analysis of a run."""

    root: Root
    modules: Sequence[Path] = ()
    """Further folders of processing modules."""
    signatures: Sequence[Path] = ()
    """Further collections of signatures."""
    jobs: int = 1
    """Modules that may run at the same time."""
    in_process: bool = False
    """Run modules in the engine's own process, without limits, for debuggers."""
    deterministic: bool = False
    """Leave out of the results what differs between two runs on the same input."""
    observer: Observer = field(default_factory=Silence)
    only: Sequence[str] = ()
    """Names of modules: of each stage that one of them belongs to, no other module runs."""
    skip: Sequence[str] = ()
    """Names of modules that do not run."""
    cache: bool = False
    """Take answers that still hold from the cache, and keep new ones there; a module that is left out gives its
    section then, too. Ignored with `in_process` and `deterministic`: the one is for watching modules run, the other
    for ledgers that do not tell one run from the next."""
    again: Collection[str] = ()
    """Stages, "signatures" or "reporting", that run even if their earlier answer still holds."""


def discover_processing(settings: Settings, analysis_platform: str = "") -> Discovery:
    """Find the processing modules of the shipped folder, the root's and the further ones."""
    folders = [*settings.root.module_folders("processing"), *settings.modules]
    return _discover(settings.root, Processing, folders, "processing", analysis_platform)


def discover_reporting(settings: Settings) -> Discovery:
    """Find the reporting modules of the shipped folder and the root's."""
    return _discover(settings.root, Report, settings.root.module_folders("reporting"), "reporting", "")


def _discover(root: Root, kind: type, folders: list[Path], name: str, analysis_platform: str) -> Discovery:
    configuration = root.configuration(name)
    with root.active():
        return discover(kind, folders, read_sections(configuration), configuration, analysis_platform)


def stage_limits(root: Root, stage: str) -> Limits:
    """Return the limits of a stage: section [<stage>] of conf/fledge.conf over the built-in ones."""
    section = read_sections(root.configuration("fledge")).get(stage)
    if section is None:
        return Limits()
    return Limits().overridden(section.options, f"[{stage}] in {section.file}:{section.line}")


class Engine:
    """One analysis on its way: `process()`, `match()`, `report()`; `results` and `ledger` fill meanwhile."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        settings: Settings,
        task: Mapping[str, Any] | None = None,
        results: dict[str, Any] | None = None,
    ) -> None:
        self.path = _existing_folder(path)
        self.settings = settings
        self.ledger = Ledger()
        self.task = self._read_task(task)
        self._given = bool(results)
        self._sections = Sections(results)
        self._statistics: dict[str, Any] = {}
        self._own: dict[str, Any] = {}
        self._started = datetime.datetime.now(datetime.UTC)
        self._clock = time.monotonic()

    @property
    def results(self) -> dict[str, Any]:
        """All sections so far, by key."""
        return self._sections.results

    def process(self) -> None:
        """Run the processing modules and write the sections `statistics` and `engine`."""
        found = discover_processing(self.settings, str(self.task.get("platform") or ""))
        if self._choice.is_made:
            self._choice.check([found, discover_reporting(self.settings)])
        self.ledger.problems.extend(found.problems)
        limits = stage_limits(self.settings.root, "processing")
        self.settings.observer.planned("processing", [each.name for each in found.candidates])
        with self.settings.root.active():
            conditions = self._conditions(limits, found.candidates)
            keeper = self._keeper("processing", conditions)
            attempt = keeper.watched(self._attempt_processing)
            for run, messages in run_stage(found.candidates, attempt, replace(conditions, keeper=keeper)):
                merged = self._sections.merge(run, messages)
                keeper.settle(merged, messages)
                self._record(merged)
        self._finish_stage()
        self.ledger.runs.extend(found.left_out)
        self._conclude("processing", self._module_times(), limits=dataclasses.asdict(limits))

    def match(self) -> None:
        """Run the signatures over the results and write the sections `signatures`, `score` and `ttps`."""
        settings = signature_settings(self.settings.root, self.settings.signatures)
        if not settings.enabled:
            return
        conditions = self._conditions(stage_limits(self.settings.root, "signatures"))
        with self.settings.root.active():
            found = self._signatures(settings, conditions)
        self._finish_stage()
        self.results.update(found.sections)
        for run in found.faults:
            self._record(run)
        self.ledger.problems.extend(found.problems)
        self._conclude("signatures", found.times, signatures=found.record)

    def explain(self, name: str) -> Explanation:
        """Run one signature over the results, and tell why it matched or did not."""
        settings = signature_settings(self.settings.root, self.settings.signatures)
        conditions = self._conditions(stage_limits(self.settings.root, "signatures"))
        with self.settings.root.active():
            loading = load_signatures(settings.folders)
            return explain_apart(name, loading, self.results, self._signature_setting(settings), conditions)

    def report(self) -> None:
        """Run the reporting modules; how they ended stands in the ledger and, afterwards, in the results."""
        found = discover_reporting(self.settings)
        self.ledger.problems.extend(found.problems)
        limits = stage_limits(self.settings.root, "reporting")
        self.settings.observer.planned("reporting", [each.name for each in found.candidates])
        with self.settings.root.active():
            conditions = self._conditions(limits, found.candidates)
            keeper = self._keeper("reporting", conditions)
            attempt = keeper.watched(self._attempt_report)
            for run, messages in run_stage(found.candidates, attempt, replace(conditions, keeper=keeper)):
                keeper.settle(run, messages)
                self._record(run)
        self._finish_stage()
        self.ledger.runs.extend(found.left_out)

    def _signatures(self, settings: SignatureSettings, conditions: Conditions) -> SignatureResults:
        """Return what the signatures say, or said before of the same."""
        setting, common = self._signature_setting(settings), self._cache
        if common is None:
            return apply_signatures(self.results, settings, setting, conditions)
        common.memory.sections[LEDGER] = ledger_identity(self.ledger, self._own)
        again = "signatures" in self.settings.again
        keeper = SignatureKeeper(common, settings, setting, conditions.limits, again=again)
        recalled = keeper.recall()
        if recalled is not None:
            return recalled
        conditions = replace(conditions, watched=keeper.watched)
        return keeper.settle(apply_signatures(self.results, settings, setting, conditions))

    @cached_property
    def _cache(self) -> Common | None:
        """What earlier runs on this analysis left; None where nothing is to be taken or kept."""
        settings = self.settings
        if not settings.cache or settings.in_process or settings.deterministic or self._given:
            return None
        shelf = configured_shelf(settings.root)
        return Common.of(shelf, settings.root, str(self.path), self.task) if shelf else None

    def _keeper(self, stage: str, conditions: Conditions) -> StageKeeper | Forgetful:
        if self._cache is None:
            return Forgetful()
        if stage == "reporting":
            self._cache.memory.sections[LEDGER] = ledger_identity(self.ledger, self._own)
        return StageKeeper(stage, self._cache, conditions.limits_of, again=stage in self.settings.again)

    def _finish_stage(self) -> None:
        if self._cache is not None:
            self._cache.finish()

    def _read_task(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        if given is not None:
            return DEFAULTS | dict(given)
        task, problems = load_task(self.path)
        self.ledger.problems.extend(Problem("task", problem, str(self.path)) for problem in problems)
        return task

    def _conditions(self, limits: Limits, stage: Sequence[Candidate] = ()) -> Conditions:
        settings = self.settings
        return Conditions(
            str(self.path),
            limits,
            settings.jobs,
            settings.in_process,
            settings.observer,
            why_left_out=lambda candidate: self._choice.reason_of(candidate, stage),
        )

    @property
    def _choice(self) -> Choice:
        return Choice(self.settings.only, self.settings.skip)

    @property
    def _analysis(self) -> Analysis:
        return Analysis(str(self.path), self.task)

    def _attempt_processing(self, candidate: Candidate, answer: AnswerWriter) -> None:
        results = (
            copied(self.results) if self.settings.in_process else self.results
        )  # a fork has its own anyway
        execution.process(candidate, self._analysis, results, answer)

    def _attempt_report(self, candidate: Candidate, answer: AnswerWriter) -> None:
        execution.report(candidate, self._analysis, self.results, answer)

    def _record(self, run: Run) -> None:
        for line in (*run.units, run):
            self.ledger.runs.append(line.without_measures() if self.settings.deterministic else line)
            self.settings.observer.finished(line)

    def _signature_setting(self, settings: SignatureSettings) -> Setting:
        category, platform = (str(self.task.get(name) or "") for name in ("category", "platform"))
        return Setting(category, platform, overlay=settings.overlay)

    def _module_times(self) -> list[dict[str, Any]]:
        """Return what readers of existing reports know: class name and seconds of each module that ran."""
        ran = [run for run in self.ledger.runs if run.class_name and run.wall_seconds]
        return [{"name": run.class_name, "time": round(run.wall_seconds, 3)} for run in ran]

    def _conclude(self, stage: str, times: list[dict[str, Any]], **parts: Any) -> None:
        """Bring the sections that the engine writes itself up to date after a stage."""
        if not self.settings.deterministic:
            self._statistics[stage] = times
        self._own |= parts
        self.results["statistics"] = self._statistics
        self.results["engine"] = self._engine_record()

    def _engine_record(self) -> EngineRecord:
        record: EngineRecord = {
            "name": "fledge",
            "version": __version__,
            "schema": SCHEMA_VERSION,
            "python": ".".join(map(str, sys.version_info[:3])),
            "readers": {"behavior": behavior.reader_name(), "network": network.reader_name()},
            "isolation": not self.settings.in_process,
            "modules": [run.as_record() for run in self.ledger.runs],
            "problems": [dataclasses.asdict(problem) for problem in self.ledger.problems],
        }
        record.update(cast("EngineRecord", self._own))
        if not self.settings.deterministic:
            record["started"] = self._started.strftime("%Y-%m-%d %H:%M:%S")
            record["duration_seconds"] = round(time.monotonic() - self._clock, 3)
            record["jobs"] = self.settings.jobs
            record["host"] = _host()
        return record


def _host() -> Machine:
    """Return what the machine has: `cpus` that this process may use, `memory_bytes`, and `system`."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    system = os.uname()
    return {
        "system": f"{system.sysname} {system.release}",
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": memory,
    }


def _existing_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder as an absolute path.

    Raises:
        CuckooOperationalError: it does not exist, is not a folder or cannot be read.
    """
    try:
        folder = Path(os.path.realpath(path, strict=True))
        next(folder.iterdir(), None)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CuckooOperationalError(
            f"cannot read the analysis folder {os.path.abspath(path)}: {reason}"  # noqa: PTH100 - follows no link
        ) from error
    return folder
