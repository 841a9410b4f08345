"""Runs the stage in child processes, and goes on without a signature that hangs, crashes or eats memory.

What a child found before it ended is kept. Whoever was running when it ended is to blame: recorded by name and left
out of the next child, which takes up what had not finished. With several jobs the signatures of a phase are dealt
out to as many children.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from lib.cuckoo.core.answer import AnswerWriter
from lib.cuckoo.core.isolation import Child, Ended, expire, kill, launch, perform_here, undisturbed, wait
from lib.cuckoo.core.ledger import Outcome, Run
from lib.cuckoo.core.signatures.progress import Progress
from lib.cuckoo.core.signatures.selection import Definition, Overlay
from lib.cuckoo.core.signatures.stage import SignatureRun, by_severity, phases, run_signatures
from lib.cuckoo.core.stage import Conditions, judge_ended

STUCK_SECONDS = 30
"""How long one signature may work on one call, or in one other method, before it counts as hanging."""


@dataclass
class Conducted:
    """What came out of the stage, over all children."""

    matches: list[dict[str, Any]] = field(default_factory=list)
    runs: list[SignatureRun] = field(default_factory=list)
    faults: list[Run] = field(default_factory=list)
    """A line of the ledger for each signature that raised, hung or ended its process."""
    statistics: dict[str, Any] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Share:
    """Signatures that one child runs, and what is needed to tell how far it came."""

    definitions: list[Definition]
    progress: Progress
    position: tuple[int, int] = (0, 0)
    moved: float = 0.0
    """When the position was last seen to change, on the monotonic clock."""


class _Sink:
    """Sends what is found to the engine at once: one message a signature, so that none is counted twice."""

    def __init__(self, answer: AnswerWriter) -> None:
        self._answer = answer
        self._match: dict[str, Any] | None = None

    def matched(self, match: dict[str, Any]) -> None:
        self._match = match

    def finished(self, run: SignatureRun) -> None:
        self._answer.write({"run": run.as_record(), "match": self._match})
        self._match = None


class Conductor:
    """Runs signatures over results under the conditions of a stage."""

    def __init__(
        self,
        results: Mapping[str, Any],
        conditions: Conditions,
        overlay: Overlay,
        stuck_seconds: float = STUCK_SECONDS,
    ) -> None:
        self._results = dict(results)
        self._conditions = conditions
        self._overlay = overlay
        self._stuck_seconds = stuck_seconds
        self._earlier = list(results.get("signatures") or [])
        self.conducted = Conducted()

    def run(self, definitions: Sequence[Definition]) -> Conducted:
        """Run all; return what came out, matches by severity."""
        jobs = self._conditions.jobs
        for group in phases(definitions) if jobs > 1 else [list(definitions)]:
            shares = [group[start::jobs] for start in range(jobs)]
            self._run_shares([share for share in shares if share])
        self.conducted.matches.sort(key=by_severity)
        return self.conducted

    def _run_shares(self, pending: list[list[Definition]]) -> None:
        running: dict[int, tuple[Child, _Share]] = {}
        try:
            while pending or running:
                if self._conditions.in_process:
                    share = _Share(pending.pop(), Progress())
                    ended = perform_here(
                        self._work(share), self._conditions.limits, self._conditions.analysis_path
                    )
                    pending.extend(self._take(share, ended))
                    continue
                while pending:
                    self._launch(pending.pop(), running)
                pairs = list(running.values())
                for pid, ended in wait([child for child, _ in pairs], self._watch(pairs)).items():
                    pending.extend(self._take(running.pop(pid)[1], ended))
        finally:
            kill([child for child, _ in running.values()])

    def _launch(self, definitions: list[Definition], running: dict[int, tuple[Child, _Share]]) -> None:
        share = _Share(definitions, Progress(), moved=time.monotonic())
        conditions = self._conditions
        siblings = [child for child, _ in running.values()]
        with undisturbed():
            child = launch(self._work(share), conditions.limits, conditions.analysis_path, siblings)
            running[child.pid] = (child, share)

    def _work(self, share: _Share) -> Callable[[AnswerWriter], None]:
        results = self._results | {"signatures": [*self._earlier, *self.conducted.matches]}

        def work(answer: AnswerWriter) -> None:
            result = run_signatures(
                share.definitions,
                results,
                analysis_path=self._conditions.analysis_path,
                overlay=self._overlay,
                cells=share.progress.cells,
                sink=_Sink(answer),
            )
            answer.write({"statistics": result.statistics, "written": result.written})
            answer.write({"outcome": str(Outcome.COMPLETED)})

        return self._conditions.watched(work)

    def _watch(self, pairs: Iterable[tuple[Child, _Share]]) -> Callable[[], None]:
        """Return what is done a few times a second: end the child of a signature that does not get on."""

        def watch() -> None:
            now = time.monotonic()
            for child, share in pairs:
                position = share.progress.position
                if position != share.position or share.progress.running is None:
                    share.position, share.moved = position, now
                elif now - share.moved > self._stuck_seconds:
                    expire(child)
            self._conditions.observer.tick()

        return watch

    def _take(self, share: _Share, ended: Ended) -> Iterator[list[Definition]]:
        """Keep what a child found; yield what is still to be done."""
        done = set(map(self._keep, ended.messages))
        last = ended.messages[-1] if ended.messages else None
        if isinstance(last, dict) and last.get("outcome") == Outcome.COMPLETED and ended.signal is None:
            return
        culprit = share.progress.running
        rest = [
            each
            for position, each in enumerate(share.definitions)
            if position != culprit and position + 1 not in done
        ]
        if culprit is not None:
            self.conducted.faults.append(self._fault(share.definitions[culprit], ended))
        elif len(rest) == len(share.definitions):
            self.conducted.faults.extend(self._fault(each, ended) for each in rest)
            return
        if rest:
            yield rest

    def _keep(self, message: object) -> int | None:
        """File one message of a child; return the number of the signature if it says that one finished."""
        if not isinstance(message, dict):
            return None
        if isinstance(message.get("match"), dict):
            self.conducted.matches.append(message["match"])
        self.conducted.statistics.update(message.get("statistics") or {})
        self.conducted.written.update(message.get("written") or {})
        if not isinstance(message.get("run"), dict):
            return None
        run = SignatureRun(**{part.name: message["run"][part.name] for part in fields(SignatureRun)})
        self.conducted.runs.append(run)
        if run.error:
            self.conducted.faults.append(_raised(run))
        return run.number

    def _fault(self, definition: Definition, ended: Ended) -> Run:
        outcome, reason = judge_ended(ended, self._conditions.limits)
        if outcome is Outcome.TIMED_OUT and ended.wall_seconds < self._conditions.limits.wall_seconds:
            reason = f"hung: worked more than {self._stuck_seconds:g} s on one call"
        return Run(
            definition.name,
            definition.file,
            outcome,
            definition.cls.__name__,
            reason=f"signature {definition.name}: {reason}",
            traceback=ended.output if outcome is Outcome.CRASHED else "",
        )


def _raised(run: SignatureRun) -> Run:
    """Return the line of the ledger for a signature that raised."""
    last = run.error.strip().splitlines()[-1]
    outcome = Outcome.OUT_OF_MEMORY if last.startswith("MemoryError") else Outcome.CRASHED
    return Run(
        run.name,
        run.file,
        outcome,
        reason=f"signature {run.name}: {run.method} raised {last}",
        traceback=run.error,
        wall_seconds=round(run.seconds, 4),
    )
