"""The summary of an analysis: what it was, what was found, what happened to each module."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from lib.cuckoo.analysis.inputs import has_inputs
from lib.cuckoo.console.facts import as_mapping, facts
from lib.cuckoo.console.progress import style_of
from lib.cuckoo.console.text import NOTHING_TO_READ, size_text, visible
from lib.cuckoo.core.ledger import Outcome, Run
from lib.cuckoo.core.results import Results

_QUIET = frozenset({Outcome.DISABLED, Outcome.UNCONFIGURED})
"""Outcomes that the table only counts: chosen by the user, or told as a problem."""
_SECOND = 2.0
"""How far a time in the ledger, of whole seconds, may be from that of a file."""


def summary(results: Results) -> Iterator[RenderableType]:
    """Yield the parts of the summary, ready to be printed."""
    yield Rule(Text(_title(results)), align="left", style="bold")
    yield _facts(results)
    yield _modules(results.runs)
    if not has_inputs(results.path):
        yield Text(NOTHING_TO_READ, style="yellow")
    yield from _problems(results)
    yield _reports(results)


def _title(results: Results) -> str:
    info = as_mapping(results.get("info"))
    number = info.get("id")
    return f"analysis {visible(number)}" if number is not None else visible(results.path.name)


def _facts(results: Results) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in facts(results):
        table.add_row(label, Text(text))
    return table


def _modules(runs: tuple[Run, ...]) -> Table:
    """Return the table of modules; those that nobody wanted are only counted."""
    table = Table(box=None, padding=(0, 2), header_style="dim", title_style="", show_edge=False)
    for label in ("module", "outcome"):
        table.add_column(label, no_wrap=True)
    for label in ("seconds", "memory"):
        table.add_column(label, justify="right", no_wrap=True)
    table.add_column("")
    shown = [run for run in runs if run.outcome not in _QUIET]
    for run in shown:
        table.add_row(*_module_row(run, several=[other.module for other in shown].count(run.module) > 1))
    if len(shown) < len(runs):
        table.add_row(Text(f"and {len(runs) - len(shown)} that did not run", style="dim"))
    return table


def _module_row(run: Run, *, several: bool) -> tuple[Text, ...]:
    """Return the cells of a row; the class is named where `several` of its file ran."""
    name = f"{run.module}.{run.class_name}" if several and run.class_name else run.module
    ran = run.wall_seconds > 0
    why = run.reason or "; ".join(run.notes)
    if run.outcome is Outcome.CACHED:
        why = f"of {run.cached_from} UTC{'; ' * bool(why)}{why}"
    return (
        Text(visible(name, 40)),
        Text(str(run.outcome), style=style_of(run.outcome)),
        Text(f"{run.wall_seconds:.2f}" if ran else ""),
        Text(size_text(run.peak_memory_bytes) if ran else ""),
        Text(visible(why, 300), style="dim"),
    )


def _problems(results: Results) -> Iterator[RenderableType]:
    told = {run.reason for run in results.runs if run.outcome not in _QUIET}
    for problem in results.problems:
        if problem.message in told:
            continue
        yield Text(visible(str(problem)), style="yellow")


def _reports(results: Results) -> Text:
    folder = results.path / "reports"
    written = sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []
    shown = [file for file in written if file.is_file() and not file.name.startswith(".")]
    spans = list(_writing_spans(results))
    return Text("\n".join(f"report  {visible(file)}{_age_note(file, spans)}" for file in shown))


def _age_note(file: Path, spans: Sequence[tuple[float, float]]) -> str:
    """Return what to say of a file that no report of this run can have written or found as it should be."""
    written = file.lstat().st_mtime
    return "" if any(since <= written <= until for since, until in spans) else "  (of an earlier run)"


def _writing_spans(results: Results) -> Iterator[tuple[float, float]]:
    """Yield from when until when the reports of these results were written, in seconds since 1970."""
    started = as_mapping(results.get("engine")).get("started")
    yield (_seconds(started) - _SECOND if started else -math.inf), math.inf
    for run in results.runs:
        if run.outcome is Outcome.CACHED and run.key is None:
            stored = _seconds(run.cached_from)
            yield stored - run.cached_seconds - _SECOND, stored + _SECOND


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
