"""A stage: runs candidates in their order, some at the same time, and turns what is left of each into the ledger.

The merged results depend on the order of the candidates only, never on which of them ended first.
"""

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

from lib.cuckoo.core.answer import AnswerWriter
from lib.cuckoo.core.discovery import Candidate
from lib.cuckoo.core.isolation import Child, Ended, kill, launch, perform_here, undisturbed, wait
from lib.cuckoo.core.ledger import Outcome, Run
from lib.cuckoo.core.limits import Limits
from lib.cuckoo.core.status import StatusLine
from lib.cuckoo.core.units import unit_runs
from lib.cuckoo.core.warden import Work

Attempt = Callable[[Candidate, AnswerWriter], None]
"""Runs a candidate inside the child and writes its messages."""


class Observer(Protocol):
    """Who watches the engine work; called in the engine's process, between children."""

    def planned(self, stage: str, names: Sequence[str]) -> None:
        """Hear what a stage, "processing", "signatures" or "reporting", will run."""

    def started(self, candidate: Candidate) -> None:
        """Hear that a candidate was launched."""

    def progress(self, candidate: Candidate, text: str) -> None:
        """Hear how far a running candidate says it is; the text may be a sample's."""

    def finished(self, run: Run) -> None:
        """Hear how a candidate ended."""

    def tick(self) -> None:
        """Be called a few times a second while children run."""


class Silence:
    """An observer that does nothing."""

    def planned(self, stage: str, names: Sequence[str]) -> None:
        """Ignore the plan."""

    def started(self, candidate: Candidate) -> None:
        """Ignore the launch."""

    def progress(self, candidate: Candidate, text: str) -> None:
        """Ignore the progress."""

    def finished(self, run: Run) -> None:
        """Ignore the end."""

    def tick(self) -> None:
        """Ignore the time."""


class Keeper(Protocol):
    """Who knows earlier answers, and looks on while new ones are made; called in the engine's process."""

    @property
    def keeps(self) -> bool:
        """Tell whether it wants the answers as they were written."""

    def recall(self, candidate: Candidate) -> tuple[Run, list[Any]] | None:
        """Return what a candidate answered before, if it would answer the same today."""

    def starting(self, candidate: Candidate) -> None:
        """Hear that a candidate is about to be launched."""

    def ended(self, candidate: Candidate, ended: Ended) -> None:
        """Hear what a candidate left behind."""


class NoKeeper:
    """A keeper that remembers nothing."""

    keeps = False

    def recall(self, candidate: Candidate) -> None:
        """Know no earlier answer."""

    def starting(self, candidate: Candidate) -> None:
        """Ignore the launch."""

    def ended(self, candidate: Candidate, ended: Ended) -> None:
        """Ignore the end."""


def _everything(_candidate: Candidate) -> str:
    return ""


def _unwatched(work: Work) -> Work:
    return work


@dataclass(frozen=True)
class Conditions:
    """Under which conditions a stage runs its candidates."""

    analysis_path: str
    limits: Limits
    jobs: int = 1
    in_process: bool = False
    observer: Observer = Silence()  # noqa: RUF009 - it has no state
    keeper: Keeper = NoKeeper()  # noqa: RUF009 - it has no state
    why_left_out: Callable[[Candidate], str] = _everything
    """Says why a candidate is not to run, "" when it is; an earlier answer that still holds is taken even so."""
    watched: Callable[[Work], Work] = _unwatched
    """Wraps the work of a child that runs signatures."""

    def limits_of(self, candidate: Candidate) -> Limits:
        """Return the stage's limits with those of the candidate's section in place."""
        section = candidate.section
        return self.limits.overridden(section.options, f"[{section.name}] in {section.file}:{section.line}")


def run_stage(
    candidates: Sequence[Candidate], attempt: Attempt, conditions: Conditions
) -> Iterator[tuple[Run, list[Any]]]:
    """Run each candidate; yield its line of the ledger and its messages, in the order given.

    Those that need not or shall not run cost no launch. Whoever takes what is yielded files it before the next
    is asked for, so that the keeper knows what the next one finds.

    Raises:
        CuckooStartupError: the section of one sets a limit that is none; nothing has run then.
    """
    for candidate in candidates:
        conditions.limits_of(candidate)
    for batch in _batches(candidates):
        idle = {
            position: spared for position, each in enumerate(batch) if (spared := _spared(each, conditions))
        }
        running = [candidate for position, candidate in enumerate(batch) if position not in idle]
        ran = _run_batch(running, attempt, conditions)
        for position in range(len(batch)):
            yield idle[position] if position in idle else next(ran)


def _spared(candidate: Candidate, conditions: Conditions) -> tuple[Run, list[Any]] | None:
    """Return what stands for a candidate that does not run: its earlier answer, or why it is left out."""
    if recalled := conditions.keeper.recall(candidate):
        return recalled
    reason = conditions.why_left_out(candidate)
    return (candidate.ended(Outcome.DISABLED, reason), []) if reason else None


def _run_batch(
    batch: Sequence[Candidate], attempt: Attempt, conditions: Conditions
) -> Iterator[tuple[Run, list[Any]]]:
    run = _run_here if conditions.in_process else _run_children
    for candidate, ended in run(batch, attempt, conditions):
        conditions.keeper.ended(candidate, ended)
        yield _judge(candidate, ended, conditions.limits_of(candidate)), ended.messages


def _batches(candidates: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """Split into what may run at the same time: neighbours of equal order that read only the folder."""
    for _, group in groupby(
        candidates, key=lambda candidate: (candidate.order, _reads_folder_only(candidate))
    ):
        members = list(group)
        if _reads_folder_only(members[0]):
            yield members
        else:
            yield from ([member] for member in members)


def _reads_folder_only(candidate: Candidate) -> bool:
    return bool(getattr(candidate.cls, "folder_only", False))


def _run_here(
    batch: Sequence[Candidate], attempt: Attempt, conditions: Conditions
) -> Iterator[tuple[Candidate, Ended]]:
    for candidate in batch:
        conditions.observer.started(candidate)
        limits = conditions.limits_of(candidate)
        yield candidate, perform_here(_work(candidate, attempt), limits, conditions.analysis_path)


def _run_children(
    batch: Sequence[Candidate], attempt: Attempt, conditions: Conditions
) -> Iterator[tuple[Candidate, Ended]]:
    """Keep up to `jobs` children running; yield in the order of the batch."""
    waiting = list(enumerate(batch))
    running: dict[int, tuple[int, Child]] = {}
    lines: dict[int, StatusLine] = {}

    def tick() -> None:
        for position, _ in running.values():
            if text := lines[position].read():
                conditions.observer.progress(batch[position], text)
        conditions.observer.tick()

    ended: dict[int, Ended] = {}
    try:
        for position, candidate in enumerate(batch):
            while position not in ended:
                while waiting and len(running) < conditions.jobs:
                    line = lines[waiting[0][0]] = StatusLine()
                    _launch_next(waiting, running, _showing(line, attempt), conditions)
                children = [child for _, child in running.values()]
                ended |= {
                    running.pop(pid)[0]: end if conditions.keeper.keeps else end.without_answer()
                    for pid, end in wait(children, tick).items()
                }
            yield candidate, ended.pop(position)
    finally:
        kill([child for _, child in running.values()])


def _showing(line: StatusLine, attempt: Attempt) -> Attempt:
    """Let an attempt write to a line of the engine's."""

    def showing(candidate: Candidate, answer: AnswerWriter) -> None:
        answer.status = line
        attempt(candidate, answer)

    return showing


def _launch_next(
    waiting: list[tuple[int, Candidate]],
    running: dict[int, tuple[int, Child]],
    attempt: Attempt,
    conditions: Conditions,
) -> None:
    position, candidate = waiting.pop(0)
    conditions.observer.started(candidate)
    conditions.keeper.starting(candidate)
    limits = conditions.limits_of(candidate)
    siblings = [child for _, child in running.values()]
    with undisturbed():
        child = launch(_work(candidate, attempt), limits, conditions.analysis_path, siblings)
        running[child.pid] = (position, child)


def _work(candidate: Candidate, attempt: Attempt) -> Callable[[AnswerWriter], None]:
    return lambda answer: attempt(candidate, answer)


def _judge(candidate: Candidate, ended: Ended, limits: Limits) -> Run:
    """Turn how a child ended into a line of the ledger."""
    ending = ended.messages[-1] if ended.messages else None
    outcome, reason = judge_ended(ended, limits)
    told = ending if isinstance(ending, dict) else {}
    died = "outcome" not in told
    return candidate.ended(
        outcome,
        reason,
        key=told.get("key") if isinstance(told.get("key"), str) else candidate.key,
        traceback=ended.output if died and outcome is Outcome.CRASHED else _text(told.get("traceback")),
        notes=_notes(told.get("notes")),
        units=unit_runs(candidate, told.get("units")),
        output="" if died and outcome is Outcome.CRASHED else ended.output,
        wall_seconds=round(ended.wall_seconds, 4),
        cpu_seconds=round(ended.cpu_seconds, 4),
        peak_memory_bytes=ended.peak_memory_bytes,
        answer_bytes=ended.answer_bytes,
    )


def judge_ended(ended: Ended, limits: Limits) -> tuple[Outcome, str]:
    """Return the outcome of a child, and why, from how it ended and the last thing it said."""
    ending = ended.messages[-1] if ended.messages else None
    if ended.timed_out:
        return Outcome.TIMED_OUT, f"ended at its limit of {limits.wall_seconds} s of wall-clock time"
    if ended.signal == signal.SIGXCPU or (
        ended.signal == signal.SIGKILL and ended.cpu_seconds >= limits.cpu_seconds
    ):
        return Outcome.TIMED_OUT, f"ended at its limit of {limits.cpu_seconds} s of CPU time"
    if ended.signal is not None:
        return Outcome.CRASHED, f"its process was killed by {signal_name(ended.signal)}"
    if ended.malformed:
        return Outcome.CRASHED, ended.malformed
    if not isinstance(ending, dict) or ending.get("outcome") not in list(Outcome):
        return Outcome.CRASHED, f"its process ended without an answer (exit status {ended.exit_code})"
    outcome = Outcome(ending["outcome"])
    if outcome is Outcome.OUT_OF_MEMORY:
        return outcome, f"ended at its limit of {limits.memory_mb} MB of memory"
    return outcome, _text(ending.get("reason"))


def signal_name(number: int) -> str:
    """Return a signal as people know it, "SIGKILL"."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _notes(value: object) -> tuple[str, ...]:
    return tuple(note for note in value if isinstance(note, str)) if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
