"""The engine's side of the cache: what is asked before a stage's modules run, and what is kept of them after."""

import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from lib.cuckoo.common.processing import Processing
from lib.cuckoo.common.root import Root
from lib.cuckoo.core.answer import AnswerWriter, MalformedError, UnencodableError, pack, read_messages, unpack
from lib.cuckoo.core.cache.files import FileDigests, tree_state
from lib.cuckoo.core.cache.memory import AnalysisMemory, Observed, Question
from lib.cuckoo.core.cache.setting import digest_of, is_as_loaded, setting
from lib.cuckoo.core.cache.shelf import Kept, Shelf
from lib.cuckoo.core.cache.trace import Trace
from lib.cuckoo.core.discovery import Candidate
from lib.cuckoo.core.isolation import Ended
from lib.cuckoo.core.ledger import Ledger, Outcome, Problem, Run
from lib.cuckoo.core.limits import Limits
from lib.cuckoo.core.signatures.loading import signature_folder
from lib.cuckoo.core.signatures.section import SignatureResults, SignatureSettings
from lib.cuckoo.core.signatures.selection import Setting
from lib.cuckoo.core.stage import Attempt, NoKeeper
from lib.cuckoo.core.warden import Work

REPORTING = "reporting"
LEDGER = "engine"
"""The section under which the ledger's outcomes count as something that a signature or a report reads."""


@dataclass(frozen=True)
class Common:
    """What all answers of a run have in common."""

    memory: AnalysisMemory
    path: str
    conditions: Sequence[Any]
    """Engine, machine, root and task, as plain data or not."""
    code: FileDigests
    shelf: Shelf

    @classmethod
    def of(cls, shelf: Shelf, root: Root, path: str, task: Mapping[str, Any]) -> "Common | None":
        """Look at the analysis and at the code; None if nothing can be kept of this analysis.

        Nor can anything where the engine's files were changed after they were loaded, as below a watcher that runs
        on during an upgrade: what the old code says would pass for an answer of the new.
        """
        memory = AnalysisMemory.opened(shelf, path, [root.path / "storage" / "cache"])
        if memory is None:
            return None
        code = FileDigests(shelf.code().get("files"))
        engine = setting(code)
        if not is_as_loaded(code):
            return None
        return cls(memory, path, [engine, str(root.path), dict(task)], code, shelf)

    def conditions_of(self, *parts: Any) -> str:
        """Return a digest of the conditions, "" when they are not plain data."""
        try:
            return digest_of([*self.conditions, *parts])
        except UnencodableError:
            return ""

    def finish(self) -> None:
        """Write what the end of a stage settles."""
        self.memory.finish()
        if self.code.changed:
            self.code.changed = False
            with contextlib.suppress(OSError):
                self.shelf.put_code({"files": self.code.as_plain()})


class Forgetful(NoKeeper):
    """Recalls and keeps nothing, for runs without a cache."""

    def watched(self, attempt: Attempt) -> Attempt:
        """Return it as it is."""
        return attempt

    def settle(self, run: Run, messages: Sequence[Any]) -> None:
        """Ignore it."""


class StageKeeper:
    """Recalls and keeps the answers of one stage's modules."""

    keeps = True

    def __init__(
        self, stage: str, common: Common, limits_of: Callable[[Candidate], Limits], *, again: bool = False
    ) -> None:
        self._stage = stage
        self._common = common
        self._limits_of = limits_of
        self._again = again
        self._runs: dict[str, _Watched] = {}
        self._recalled: dict[str, str] = {}
        self._asked: dict[str, str] = {}
        """Conditions by name: a report may look for the files of those before it, and these go by their options."""

    def recall(self, candidate: Candidate) -> tuple[Run, list[Any]] | None:
        """Return what a candidate answered before, if it would answer the same today."""
        question = self._question(candidate)
        kept = None if self._again else self._common.memory.recall(question)
        found = _answer_of(kept, candidate, self._common.path) if kept else None
        if kept and found:
            self._recalled[question.name] = str(kept.record["told"]["identity"])
        return found

    def starting(self, candidate: Candidate) -> None:
        """Prepare to watch a candidate."""
        question = self._question(candidate)
        sections = {} if _reads_folder_only(candidate) else dict(self._common.memory.sections)
        self._runs[question.name] = _Watched(question, Trace(), time.time_ns(), sections)

    def ended(self, candidate: Candidate, ended: Ended) -> None:
        """Take what is left of a candidate, until `settle` tells how that was judged."""
        watched = self._runs.get(self._name(candidate))
        if watched:
            watched.ended = ended

    def watched(self, attempt: Attempt) -> Attempt:
        """Return an attempt that is watched; it happens in the child, which must not see what others do."""

        def watching(candidate: Candidate, answer: AnswerWriter) -> None:
            own = self._runs[self._name(candidate)].trace
            for watched in self._runs.values():
                if watched.trace is not own:
                    watched.trace.close()
            own.begin()
            attempt(candidate, answer)
            own.end()

        return watching

    def settle(self, run: Run, messages: Sequence[Any]) -> None:
        """Hear how a candidate's run was judged in the end: note its sections, and keep its answer."""
        name = f"{self._stage}.{run.module}.{run.class_name}"
        watched = self._runs.pop(name, None)
        identity = self._recalled.pop(name, "")
        if watched:
            identity = self._settled(watched, run, messages)
            watched.trace.close()
        if self._stage == REPORTING:
            self._common.memory.sections[f"report {name}"] = self._asked.get(name, "")
        elif run.outcome.is_answer and run.key:
            written = messages[-2]["writes"]
            sections = self._common.memory.sections
            sections |= {key: f"{identity} {key}" for key in written} | {run.key: identity}

    def _settled(self, watched: "_Watched", run: Run, messages: Sequence[Any]) -> str:
        """Keep an answer if that may be; return the identity of what it says."""
        memory, traced = self._common.memory, watched.trace.read()
        outputs = memory.claim(traced, watched.started_ns)
        if run.outcome is not Outcome.COMPLETED or watched.ended is None:
            return ""
        observed = Observed(traced, watched.started_ns, watched.sections, _took(watched.question, messages))
        inputs = memory.inputs(watched.question, observed, outputs)
        answer = watched.ended.answer
        if isinstance(inputs, str):
            return secrets.token_hex(32)
        identity = digest_of([inputs, hashlib.sha256(answer).digest()])
        lost = any(unit.outcome.is_failure for unit in run.units)
        if watched.question.conditions and watched.question.cacheable and not lost:
            told = {"run": _plain(run), "identity": identity}
            memory.keep(watched.question, observed, inputs, outputs, told, answer)
        return identity

    def _name(self, candidate: Candidate) -> str:
        return f"{self._stage}.{candidate.name}.{candidate.cls.__name__}"

    def _question(self, candidate: Candidate) -> Question:
        name = self._name(candidate)
        conditions = self._asked[name] = self._common.conditions_of(
            self._stage,
            candidate.cls.__name__,
            str(candidate.file),
            self._common.code.state(str(candidate.file)),
            dict(candidate.section.options),
            asdict(self._limits_of(candidate)),
        )
        return Question(
            name,
            conditions,
            traceable=_is_traceable(candidate),
            needs_files=not issubclass(candidate.cls, Processing),
            cacheable=_is_cacheable(candidate),
        )


@dataclass
class _Watched:
    """A candidate that runs."""

    question: Question
    trace: Trace
    started_ns: int
    sections: dict[str, str]
    """Identities of the sections that it can see."""
    ended: Ended | None = None


class SignatureKeeper:
    """Recalls and keeps what the signatures say."""

    def __init__(
        self, common: Common, settings: SignatureSettings, setting_: Setting, limits: Limits, *, again: bool
    ) -> None:
        self._common = common
        self._again = again
        trees = [
            [str(folder), tree_state(signature_folder(folder), common.code)] for folder in settings.folders
        ]
        conditions = common.conditions_of(
            dict(settings.options),
            settings.overlay,
            trees,
            [setting_.category, setting_.platform, setting_.version],
            asdict(limits),
        )
        self._question = Question("signatures", conditions)
        self._started_ns = time.time_ns()
        self._trace = Trace()

    def watched(self, work: Work) -> Work:
        """Return work that is watched, in the child that does it."""

        def watching(answer: AnswerWriter) -> None:
            self._trace.begin()
            work(answer)
            self._trace.end()

        return watching

    def recall(self) -> SignatureResults | None:
        """Return what the signatures said before, if they would say the same today."""
        kept = None if self._again else self._common.memory.recall(self._question)
        if kept is None:
            return None
        try:
            plain = unpack(kept.answer)
            record = plain["record"] | {"cached_from": _when(kept)}
            problems = [Problem(**problem) for problem in plain["problems"]]
            return self._noted(SignatureResults(plain["sections"], [], record, [], problems))
        except (MalformedError, KeyError, TypeError):
            return None

    def settle(self, found: SignatureResults) -> SignatureResults:
        """Keep what the signatures said, unless one of them failed."""
        memory, traced = self._common.memory, self._trace.read()
        self._trace.close()
        outputs = memory.claim(traced, self._started_ns)
        observed = Observed(traced, self._started_ns, dict(memory.sections), None)
        inputs = memory.inputs(self._question, observed, outputs)
        if not isinstance(inputs, str) and not found.faults:
            problems = [asdict(problem) for problem in found.problems]
            plain = {"sections": found.sections, "record": found.record, "problems": problems}
            with contextlib.suppress(UnencodableError):
                memory.keep(self._question, observed, inputs, outputs, {}, memoryview(pack(plain)))
        return self._noted(found)

    def _noted(self, found: SignatureResults) -> SignatureResults:
        for key, section in found.sections.items():
            self._common.memory.sections[key] = digest_of(section)
        return found


def ledger_identity(ledger: Ledger, own: Mapping[str, Any]) -> str:
    """Return a digest of what signatures and reports can read of the ledger, but for times.

    Args:
        ledger: with its lines so far; whether an answer is of this run or of an earlier one makes no difference.
        own: what else the engine says of itself.
    """
    lines = [
        replace(run.without_measures(), cached_from="", cached_seconds=0.0, units=()) for run in ledger.runs
    ]
    outcomes = {Outcome.CACHED: Outcome.COMPLETED}
    plain = [asdict(line) | {"outcome": str(outcomes.get(line.outcome, line.outcome))} for line in lines]
    said = {name: part for name, part in own.items() if name != "signatures"}
    said["signatures"] = {
        name: part for name, part in own.get("signatures", {}).items() if name != "cached_from"
    }
    return digest_of([plain, [asdict(problem) for problem in ledger.problems], said])


def _answer_of(kept: Kept, candidate: Candidate, analysis_path: str) -> tuple[Run, list[Any]] | None:
    """Return the line of the ledger and the messages of an answer that was kept."""
    try:
        told = kept.record["told"]["run"]
        units = tuple(_recalled(Run(**unit), _when(kept)) for unit in told["units"])
        details = {name: told[name] for name in ("key", "output", "answer_bytes")}
        run = candidate.ended(Outcome.COMPLETED, notes=tuple(told["notes"]), units=units, **details)
        run = _recalled(replace(run, wall_seconds=told["wall_seconds"]), _when(kept))
        return run, list(read_messages(kept.answer, analysis_path))
    except (MalformedError, KeyError, TypeError, ValueError):
        return None


def _recalled(run: Run, when: str) -> Run:
    """Return the line for an answer that was kept: it took no time today."""
    outcome = Outcome.CACHED if run.outcome == Outcome.COMPLETED else Outcome(run.outcome)
    return replace(
        run,
        outcome=outcome,
        notes=tuple(run.notes),
        units=tuple(run.units),
        wall_seconds=0.0,
        cached_from=when,
        cached_seconds=run.wall_seconds,
    )


def _when(kept: Kept) -> str:
    return datetime.fromtimestamp(float(kept.record["stored"]), UTC).strftime("%Y-%m-%d %H:%M:%S")


def _plain(run: Run) -> dict[str, Any]:
    """Return a line of the ledger as plain data."""
    return asdict(run) | {"outcome": str(run.outcome), "units": [_plain(unit) for unit in run.units]}


def _took(question: Question, messages: Sequence[Any]) -> Sequence[str] | None:
    """Return the keys that a module asked the results for; of a module that may have ways around that, all."""
    took = messages[-1].get("took") if question.traceable and messages else None
    return [key for key in took if isinstance(key, str)] if isinstance(took, list) else None


def _reads_folder_only(candidate: Candidate) -> bool:
    return bool(getattr(candidate.cls, "folder_only", False))


def _is_cacheable(candidate: Candidate) -> bool:
    return bool(getattr(candidate.cls, "cacheable", True))


def _is_traceable(candidate: Candidate) -> bool:
    return bool(getattr(candidate.cls, "traceable", False))
