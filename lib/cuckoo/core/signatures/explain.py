"""Why did a signature fire, or why not? Everything that is known about one signature and one analysis."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from lib.cuckoo.core.answer import AnswerWriter
from lib.cuckoo.core.discovery import read_source
from lib.cuckoo.core.isolation import Child, kill, launch, undisturbed, wait
from lib.cuckoo.core.ledger import Run
from lib.cuckoo.core.signatures.dispatch import Listener
from lib.cuckoo.core.signatures.index import indexed
from lib.cuckoo.core.signatures.loading import Loading
from lib.cuckoo.core.signatures.plain import plain
from lib.cuckoo.core.signatures.selection import Definition, Setting, select
from lib.cuckoo.core.signatures.stage import run_signatures, view_of
from lib.cuckoo.core.stage import Conditions, judge_ended


class Verdict(StrEnum):
    """What became of the signature."""

    MATCHED = "matched"
    SILENT = "did not match"
    FAILED = "raised an exception"
    LEFT_OUT = "did not take part"
    ENDED = "ended its process"
    UNLOADABLE = "could not be loaded"
    UNKNOWN = "is not known"


@dataclass
class Explanation:
    """The answer, as plain data but for the verdict."""

    name: str
    verdict: Verdict
    reason: str = ""
    """Why it was left out or could not be loaded; for an unknown name what sounds like it."""
    file: str = ""
    line: int = 0
    class_name: str = ""
    filters: dict[str, list[str]] = field(default_factory=dict)
    """`apis`, `categories`, `processes`, `analysis types`; empty lists pass everything."""
    heard: list[dict[str, Any]] = field(default_factory=list)
    """For an evented signature, by process: `process`, `pid`, `calls`, and how many `passed` the filters."""
    method: str = ""
    """The method that gave the answer or raised."""
    answer: str = ""
    """What it returned, as `repr`."""
    marked: list[dict[str, Any]] = field(default_factory=list)
    """The calls that it marked, resolved, whether or not it matched."""
    data: list[Any] = field(default_factory=list)
    error: str = ""
    """The traceback."""
    seconds: float = 0.0

    def as_record(self) -> dict[str, Any]:
        """Return the explanation as plain data."""
        return asdict(self) | {"verdict": str(self.verdict)}


def explain(
    name: str, loading: Loading, results: Mapping[str, Any], setting: Setting, *, analysis_path: str = ""
) -> Explanation:
    """Explain what one signature makes of an analysis, by running it again.

    `results` are those of the processing modules. Where the signature asks for the matches of others, and `results`
    have no `signatures`, the others are run before it.
    """
    definition = _find(name, loading.definitions)
    if definition is None:
        return _not_loaded(name, loading)
    selection = select(loading.definitions, setting)
    if definition not in selection.chosen:
        reason = next((why for each, why in selection.left_out if each == definition), "")
        return _about(definition, Verdict.LEFT_OUT, reason=reason)
    return _tried(definition, selection.chosen, results, setting, analysis_path)


def explain_apart(
    name: str, loading: Loading, results: Mapping[str, Any], setting: Setting, conditions: Conditions
) -> Explanation:
    """Explain in a child process, so that a signature that hangs or crashes is explained as well."""

    def work(answer: AnswerWriter) -> None:
        found = explain(name, loading, results, setting, analysis_path=conditions.analysis_path)
        answer.write(found.as_record())

    running: list[Child] = []
    try:
        with undisturbed():
            running.append(launch(work, conditions.limits, conditions.analysis_path))
        (ended,) = wait(running, conditions.observer.tick).values()
    finally:
        kill(running)
    if ended.messages:
        record = ended.messages[-1]
        return Explanation(**record | {"verdict": Verdict(record["verdict"])})
    reason = judge_ended(ended, conditions.limits)[1]
    definition = _find(name, loading.definitions)
    if definition is None:
        return Explanation(name, Verdict.ENDED, reason, error=ended.output)
    return _about(definition, Verdict.ENDED, reason=reason, error=ended.output)


def _find(name: str, definitions: Sequence[Definition]) -> Definition | None:
    """Return the signature of this name, else of this class name; of several the one loaded last."""
    by_name = [each for each in definitions if each.name == name]
    return next(reversed(by_name or [each for each in definitions if each.cls.__name__ == name]), None)


def _not_loaded(name: str, loading: Loading) -> Explanation:
    run = next((run for run in loading.runs if _tells_of(run, name)), None)
    if run is not None:
        line = next((problem.line for problem in loading.problems if problem.file == run.file), 0)
        return Explanation(
            name, Verdict.UNLOADABLE, run.reason, run.file, line, run.class_name or "", error=run.traceback
        )
    known = [definition.name for definition in loading.definitions]
    similar = difflib.get_close_matches(name, known, 3)
    return Explanation(name, Verdict.UNKNOWN, f"did you mean {', '.join(similar)}?" if similar else "")


def _tells_of(run: Run, name: str) -> bool:
    """Tell whether a file that gave no signature bears the name, or has the word in its text."""
    if name in {run.module, run.class_name}:
        return True
    try:
        return re.search(rf"\b{re.escape(name)}\b", read_source(Path(run.file))) is not None
    except OSError:
        return False


def _about(definition: Definition, verdict: Verdict, **known: Any) -> Explanation:
    cls = definition.cls
    filters = {
        "apis": sorted(cls.filter_apinames or ()),
        "categories": sorted(cls.filter_categories or ()),
        "processes": sorted(cls.filter_processnames or ()),
        "analysis types": sorted(cls.filter_analysistypes or ()),
    }
    place: dict[str, Any] = {"file": definition.file, "line": definition.line, "class_name": cls.__name__}
    return Explanation(definition.name, verdict, **place, filters=filters, **known)


def _tried(
    definition: Definition,
    chosen: Sequence[Definition],
    results: Mapping[str, Any],
    setting: Setting,
    analysis_path: str,
) -> Explanation:
    earlier = [each for each in chosen if each.phase < definition.phase]
    given = dict(results)
    if definition.reads_matches and not given.get("signatures"):
        before = run_signatures(earlier, results, analysis_path=analysis_path, overlay=setting.overlay)
        given["signatures"] = before.matches
    stage = run_signatures(
        [definition], given, analysis_path=analysis_path, overlay=setting.overlay, keep_data=True
    )
    (run,) = stage.runs
    verdict = Verdict.FAILED if run.error else Verdict.MATCHED if run.matched else Verdict.SILENT
    explanation = _about(definition, verdict, method=run.method, answer=run.answer, error=run.error)
    explanation.seconds = run.seconds
    explanation.marked = list((run.evidence or {}).get("calls", ()))
    explanation.data = plain(run.data)
    if definition.evented:
        explanation.heard = _heard(definition, given)
    return explanation


def _heard(definition: Definition, results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Count, for each process, the calls that pass the filters."""
    view = view_of(results)
    listener = Listener(1, definition.cls(view))
    heard = []
    for process in view["behavior"]["processes"]:
        index = indexed(process.get("calls"))
        wanted = {number for number, kind in enumerate(index.kinds) if listener.wants(kind)}
        if not listener.wants_process(process.get("process_name")):
            wanted = set()
        heard.append(
            {
                "process": process.get("process_name"),
                "pid": process.get("process_id"),
                "calls": len(index.numbers),
                "passed": len(list(index.rows_of(wanted))),
            }
        )
    return heard
