"""What `fledge explain` shows: one signature, one analysis, and why it fired or did not."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lib.cuckoo.console.text import count_text, visible
from lib.cuckoo.core.signatures.explain import Explanation, Verdict

_STYLES = {Verdict.MATCHED: "bold green", Verdict.SILENT: "bold", Verdict.LEFT_OUT: "bold yellow"}
_MARKS_SHOWN, _DATA_SHOWN = 20, 10


def explanation_parts(found: Explanation) -> Iterator[RenderableType]:
    """Yield the explanation, ready to be printed."""
    style = _STYLES.get(found.verdict, "bold red")
    yield Text.assemble(visible(found.name), " ", (str(found.verdict), style))
    if found.reason:
        yield Text(f"  {visible(found.reason)}")
    if found.file:
        name = f", class {visible(found.class_name)}" if found.class_name else ""
        yield Text(f"  found in {visible(found.file)}:{found.line}{name}")
    yield from _filters(found)
    if found.method:
        yield Text(f"  {found.method} returned {visible(found.answer, 200)} after {found.seconds:.3f} s")
    yield from _marks(found)
    if found.error:
        yield Text("\n".join(visible(line) for line in found.error.splitlines()), style="red")


def _filters(found: Explanation) -> Iterator[RenderableType]:
    for kind, values in found.filters.items():
        if values:
            yield Text(f"  only {kind}: {visible(', '.join(values), 300)}")
    for process in found.heard:
        passed, calls = process["passed"], count_text(process["calls"], "call")
        name = visible(process["process"], 40)
        yield Text(f"  heard {passed:,} of {calls} of {name} ({visible(process['pid'])})")


def _marks(found: Explanation) -> Iterator[RenderableType]:
    if found.marked:
        table = Table(box=None, padding=(0, 2), header_style="dim")
        for label in ("marked call", "time", "process", "arguments"):
            table.add_column(label, overflow="fold")
        for mark in found.marked[:_MARKS_SHOWN]:
            table.add_row(*_mark_row(mark))
        yield table
    for each in found.data[:_DATA_SHOWN]:
        if not (isinstance(each, Mapping) and each.get("type") == "call"):
            yield Text(f"  noted {visible(each, 200)}")


def _mark_row(mark: Mapping[str, Any]) -> tuple[Text, ...]:
    arguments = mark.get("arguments")
    pairs = arguments.items() if isinstance(arguments, Mapping) else ()
    shown = ", ".join(f"{visible(name, 40)}={visible(value, 60)}" for name, value in pairs)
    process = f"{visible(mark.get('process'), 40)} ({visible(mark.get('pid'))})"
    return tuple(
        Text(text) for text in (visible(mark.get("api")), visible(mark.get("timestamp")), process, shown)
    )
