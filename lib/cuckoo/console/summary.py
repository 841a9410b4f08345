"""The summary of an analysis: what it was, what was found, what happened to each module."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from lib.cuckoo.console.progress import style_of
from lib.cuckoo.console.text import count_text, size_text, visible
from lib.cuckoo.core.ledger import Outcome, Run
from lib.cuckoo.core.results import Results

Line = tuple[str, str]
"""A label and what stands beside it."""

_QUIET = frozenset({Outcome.DISABLED, Outcome.UNCONFIGURED})
"""Outcomes that the table only counts: chosen by the user, or told as a problem."""


def summary(results: Results) -> Iterator[RenderableType]:
    """Yield the parts of the summary, ready to be printed."""
    yield Rule(Text(_title(results)), align="left", style="bold")
    yield _facts(results)
    yield _modules(results.runs)
    yield from _problems(results)
    yield _reports(results)


def _title(results: Results) -> str:
    info = _mapping(results.get("info"))
    number = info.get("id")
    return f"analysis {visible(number)}" if number is not None else visible(results.path.name)


def _facts(results: Results) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for describe in _SECTIONS:
        for label, text in describe(results):
            table.add_row(label, Text(text))
    return table


def _target(results: Mapping[str, Any]) -> Iterator[Line]:
    target = _mapping(results.get("target"))
    file = _mapping(target.get("file"))
    if file:
        yield "target", f"{visible(file.get('name'), 60)}  {size_text(file.get('size') or 0)}"
        yield "", visible(file.get("type") or "unknown type", 100)
        yield "sha256", visible(file.get("sha256"))
    elif target.get("url"):
        yield "target", visible(target["url"], 120)


def _info(results: Mapping[str, Any]) -> Iterator[Line]:
    info = _mapping(results.get("info"))
    if info.get("started"):
        machine = info.get("machine")
        name = machine.get("name") if isinstance(machine, dict) else machine
        where = f" on {visible(name, 40)}" if name else ""
        yield "ran", f"{visible(info['started'])}, {visible(info.get('duration', '?'))} s{where}"


def _strings(results: Mapping[str, Any]) -> Iterator[Line]:
    strings = results.get("strings")
    if isinstance(strings, list) and strings:
        yield "strings", count_text(len(strings), "string")


def _dropped(results: Mapping[str, Any]) -> Iterator[Line]:
    dropped = results.get("dropped")
    if isinstance(dropped, list) and dropped:
        size = sum(file.get("size") or 0 for file in dropped if isinstance(file, dict))
        yield "dropped", f"{count_text(len(dropped), 'file')}, {size_text(size)}"
        for file in dropped[:4]:
            if isinstance(file, dict):
                yield "", f"{visible(_first(file.get('name')), 44):<44}  {visible(file.get('type'), 50)}"


def _debug(results: Mapping[str, Any]) -> Iterator[Line]:
    errors = _mapping(results.get("debug")).get("errors")
    if isinstance(errors, list) and errors:
        yield (
            "log",
            f"{count_text(len(errors), 'error')} in the sandbox's logs; the last: {visible(errors[-1], 80)}",
        )


_SECTIONS: tuple[Callable[[Mapping[str, Any]], Iterator[Line]], ...] = (
    _target,
    _info,
    _strings,
    _dropped,
    _debug,
)


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
    written = sorted(folder.iterdir()) if folder.is_dir() else []
    lines = [
        f"report  {visible(file)}" for file in written if file.is_file() and not file.name.startswith(".")
    ]
    return Text("\n".join(lines))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value
