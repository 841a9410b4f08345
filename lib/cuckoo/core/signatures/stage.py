"""Runs signatures over the results of one analysis, in this process.

The order is fixed: by phase (the attribute `order`, then whether a signature reads the matches of others);
within a phase the evented ones share a walk over the calls, then conclude in order of name, then the others
run in order of name. Matches are visible to all that come later.
"""

import gc
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from time import perf_counter
from typing import Any, Protocol

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.common.view import ResultsView
from lib.cuckoo.core.signatures.dispatch import Listener, Walk
from lib.cuckoo.core.signatures.evidence import Filters, resolve
from lib.cuckoo.core.signatures.index import Allowance, LoggedCalls, SharedCalls
from lib.cuckoo.core.signatures.plain import plain, shown
from lib.cuckoo.core.signatures.progress import Cells
from lib.cuckoo.core.signatures.selection import Definition, Overlay

MOST_KEPT_CALLS = 40_000
"""Decoded calls that are kept for the next signature that iterates, over all processes: some 80 MB."""

NEW_OBJECTS = 50_000
"""That make the garbage collector look for cycles among them."""


@dataclass(frozen=True)
class SignatureRun:
    """How one signature ended."""

    name: str
    file: str
    matched: bool = False
    seconds: float = 0.0
    """Spent in its own code."""
    method: str = ""
    """Which method gave the answer or raised: `on_call`, `on_complete`, `run` or `__init__`."""
    answer: str = ""
    """What that method returned, as `repr`, cut to 200 characters."""
    error: str = ""
    """The traceback, "" when it did not raise."""
    data: list[Any] | None = None
    """What it had gathered when it ended, where that was asked for."""
    evidence: dict[str, Any] | None = None
    """The calls that it had marked, where that was asked for."""
    number: int = 0
    """Its position in the list given to the stage, from 1: names need not differ."""

    def as_record(self) -> dict[str, Any]:
        """Return the run as plain data."""
        return dict(vars(self))


class Sink(Protocol):
    """Takes what the stage finds at once, so that nothing is lost when the process ends early."""

    def matched(self, match: dict[str, Any]) -> None:
        """Take a match, in the shape of `results["signatures"]`."""

    def finished(self, run: SignatureRun) -> None:
        """Take the record of a signature that will not run again."""


class Nowhere:
    """A sink for those who wait for the result."""

    def matched(self, match: dict[str, Any]) -> None:
        """Drop it."""

    def finished(self, run: SignatureRun) -> None:
        """Drop it."""


@dataclass(frozen=True)
class StageResult:
    """What came out of the stage."""

    matches: list[dict[str, Any]]
    """For `results["signatures"]`, by severity, then name."""
    runs: list[SignatureRun]
    """In the order in which the signatures ended."""
    statistics: dict[str, dict[str, Any]]
    """What signatures noted with `add_statistic`."""
    written: dict[str, Any]
    """Top-level sections that signatures added to the results."""


@dataclass
class _Started:
    """A signature that was made and has not ended."""

    number: int
    definition: Definition
    signature: Signature
    listener: Listener | None
    """Of an evented signature."""
    seconds: float = 0.0


@dataclass
class _Stage:
    """The state of one pass through the phases."""

    results: ResultsView
    cells: Cells
    sink: Sink
    analysis_path: str
    overlay: Overlay
    keep_data: bool = False
    runs: list[SignatureRun] = field(default_factory=list)
    statistics: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run_phase(self, numbered: Sequence[tuple[int, Definition]]) -> None:
        made = [self._start(*each) for each in numbered if each[1].evented]
        for started in self._walk([each for each in made if each]):
            self._ask(started, "on_complete")
        for number, definition in numbered:
            if not definition.evented:
                plain_one = self._start(number, definition)
                if plain_one:
                    self._ask(plain_one, _only_method(definition.cls))

    def _start(self, number: int, definition: Definition) -> _Started | None:
        self.cells[0], self.cells[1] = number, 0
        before = perf_counter()
        try:
            signature = definition.cls(self.results)
            signature.set_path(self.analysis_path)
            for name, value in self.overlay.get(definition.name, {}).items():
                setattr(signature, name, value)
            listener = Listener(number, signature) if definition.evented else None
        except Exception as error:  # noqa: BLE001 - a signature may raise anything, and is recorded with it
            self._record(
                SignatureRun(definition.name, definition.file, number=number),
                "__init__",
                perf_counter() - before,
                error=error,
            )
            return None
        finally:
            self.cells[0] = 0
        return _Started(number, definition, signature, listener, perf_counter() - before)

    def _walk(self, evented: Sequence[_Started]) -> list[_Started]:
        """Walk the calls; return those that neither matched nor raised."""
        by_number = {started.number: started for started in evented}

        def ending(listener: Listener, answer: object, error: Exception | None) -> None:
            started = by_number.pop(listener.number)
            started.seconds += listener.seconds
            self._end(started, "on_call", answer, error)

        walk = Walk([each.listener for each in evented if each.listener], self.cells, ending)
        for process in self.results["behavior"]["processes"]:
            walk.over(process)
        for listener in walk.listeners:
            by_number[listener.number].seconds += listener.seconds
        return list(by_number.values())

    def _ask(self, started: _Started, method: str) -> None:
        """Call `run` or `on_complete`, measured and recorded."""
        answer, failure = None, None
        self.cells[0], self.cells[1] = started.number, 0
        before = perf_counter()
        try:
            answer = getattr(started.signature, method)()
        except Exception as error:  # noqa: BLE001 - as above
            failure = error
        finally:
            self.cells[0] = 0
        started.seconds += perf_counter() - before
        self._end(started, method, answer, failure)

    def _end(self, started: _Started, method: str, answer: object, error: Exception | None) -> None:
        signature, definition, gathered = started.signature, started.definition, {}
        try:
            for name, fields in signature.statistics.items():
                self.statistics.setdefault(name, {}).update(plain(fields))
            if self.keep_data:
                gathered = {"data": plain(signature.data), "evidence": self._evidence(signature)}
            if answer:
                signature.matched = True
                self._keep(self._match(started))
        except Exception as broken:  # noqa: BLE001 - what a signature leaves in its attributes may be anything
            error = error or broken
        run = SignatureRun(definition.name, definition.file, number=started.number, **gathered)
        self._record(run, method, started.seconds, answer, error)

    def _keep(self, match: dict[str, Any]) -> None:
        self.results["signatures"].append(match)
        self.sink.matched(match)

    def _match(self, started: _Started) -> dict[str, Any]:
        signature = started.signature
        match: dict[str, Any] = plain(signature.as_result())
        match["name"] = match["name"] or started.definition.name
        match["ttps"] = plain(signature.ttps)
        match["mbcs"] = plain(signature.mbcs)
        match["evidence"] = self._evidence(signature)
        return match

    def _evidence(self, signature: Signature) -> dict[str, Any]:
        filters = Filters(
            signature.filter_apinames, signature.filter_categories, signature.filter_processnames
        )
        return resolve(signature.data, self.results["behavior"]["processes"], filters)

    def _record(
        self,
        run: SignatureRun,
        method: str,
        seconds: float,
        answer: object = None,
        error: Exception | None = None,
    ) -> None:
        text = "".join(traceback.format_exception(error)) if error else ""
        matched = error is None and bool(answer)
        run = replace(run, matched=matched, seconds=seconds, method=method, answer=shown(answer), error=text)
        self.runs.append(run)
        self.sink.finished(run)


def run_signatures(
    definitions: Sequence[Definition],
    results: Mapping[str, Any],
    *,
    analysis_path: str = "",
    overlay: Overlay | None = None,
    cells: Cells | None = None,
    sink: Sink | None = None,
    keep_data: bool = False,
) -> StageResult:
    """Run signatures, all in this process; `results` stay as they are.

    `results["signatures"]` may hold matches of an earlier part of the stage; they are visible, and not
    returned.
    `cells` are those of a `Progress`: the number of a signature is its position in `definitions`, from 1. With
    `keep_data` each run keeps what the signature gathered, matched or not.
    """
    view = view_of(results)
    earlier = list(view["signatures"])
    view["signatures"] = list(earlier)
    cells = [0, 0] if cells is None else cells
    stage = _Stage(view, cells, sink or Nowhere(), analysis_path, overlay or {}, keep_data)
    with _collecting_seldom():
        for phase in _phases(enumerate(definitions, 1)):
            stage.run_phase(phase)
    matches = sorted(view["signatures"][len(earlier) :], key=by_severity)
    return StageResult(matches, stage.runs, stage.statistics, _written(view, results))


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Let the garbage collector wait longer: decoded calls are many and hold no cycles, yet each makes it look."""
    before = gc.get_threshold()
    gc.set_threshold(NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def view_of(results: Mapping[str, Any]) -> ResultsView:
    """Return the results as signatures see them, the logs of processes with an allowance in common."""
    view = ResultsView(results)
    allowance = Allowance(MOST_KEPT_CALLS)
    behavior = view["behavior"]
    if isinstance(behavior, dict) and "processes" in behavior:
        behavior["processes"] = [_with_shared_calls(process, allowance) for process in behavior["processes"]]
    return view


def _with_shared_calls(process: Any, allowance: Allowance) -> Any:
    calls = process.get("calls")
    return {**process, "calls": SharedCalls(calls, allowance)} if isinstance(calls, LoggedCalls) else process


def phases(definitions: Iterable[Definition]) -> list[list[Definition]]:
    """Return groups that must run one after another; those inside a group do not depend on each other."""
    return [[definition for _, definition in phase] for phase in _phases(enumerate(definitions))]


def _phases(numbered: Iterable[tuple[int, Definition]]) -> Iterator[list[tuple[int, Definition]]]:
    ordered = sorted(numbered, key=lambda each: (each[1].phase, each[1].name, each[1].file))
    for _, phase in groupby(ordered, key=lambda each: each[1].phase):
        yield list(phase)


def _only_method(cls: type[Signature]) -> str:
    """Return `run`, or `on_complete` for a signature that says it is evented and defines nothing else."""
    completes = cls.on_complete is not Signature.on_complete
    return "on_complete" if completes and cls.run is Signature.run else "run"


def by_severity(match: Mapping[str, Any]) -> tuple[float, str]:
    """Return the key that sorts matches: severity, then name."""
    severity = match["severity"]
    return (severity if isinstance(severity, int | float) else 0, str(match["name"]))


def _written(view: ResultsView, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections that signatures added."""
    before = ResultsView(results)
    return {name: plain(value) for name, value in view.items() if name != "signatures" and name not in before}
