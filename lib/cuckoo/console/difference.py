"""What `fledge diff` prints: the differences of two runs, for a terminal."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.rule import Rule
from rich.text import Text

from lib.cuckoo.common.text import count_text, visible
from lib.cuckoo.console.show import cell, grid, more, part_renderables
from lib.cuckoo.reporting.diff.record import Call, Difference
from lib.cuckoo.reporting.diff.story import CHAPTERS, OVERVIEW, Chapter
from lib.cuckoo.reporting.story.parts import Limits

_SIGNS = {"a": ("- only in A", "red"), "b": ("+ only in B", "green"), "ab": ("~ changed", "yellow")}
_BAR = 20
_LONGEST, _LONGEST_ARGUMENT = 300, 160


def difference(found: Difference, limits: Limits) -> Iterator[RenderableType]:
    """Yield the sections that have something to tell, ready to be printed."""
    yield from headline(found, limits)
    if found:
        for chapter in CHAPTERS:
            yield from _chapter(chapter, found, limits)


def headline(found: Difference, limits: Limits) -> Iterator[RenderableType]:
    """Yield which runs these are and how much of what is different."""
    yield from _chapter(OVERVIEW, found, limits)
    if not found:
        yield Text("no difference", style="bold green")


def _chapter(chapter: Chapter, found: Difference, limits: Limits) -> Iterator[RenderableType]:
    parts = chapter.parts(found, limits)
    if parts:
        yield Rule(Text(chapter.title), align="left", style="dim")
    for part in parts:
        yield from _RENDERERS.get(part.kind, part_renderables)(part)


def _title(part: Any) -> Iterator[Text]:
    if part.title:
        yield Text(f"{visible(part.title)} ({part.total:,})", style="bold")


def _versus(part: Any) -> Iterator[RenderableType]:
    yield from _title(part)
    table = grid("", "A", "B")
    for label, a, b in part.rows:
        table.add_row(Text(visible(label, 80), style="dim"), _value(a), _value(b))
    yield table
    yield from more(len(part.rows), part.total)


def _value(value: object) -> Text:
    return Text("-", style="dim") if value in (None, "", [], {}) else cell(value)


def _changes(part: Any) -> Iterator[RenderableType]:
    title = f"{visible(part.title)} " if part.title else ""
    same = f", {part.same:,} the same" if part.same else ""
    yield Text.assemble((title, "bold"), (f"{count_text(part.total, 'difference')}{same}", "dim"))
    table = grid("", *(visible(column, 40) for column in part.columns))
    for sign, cells in part.rows:
        word, style = _SIGNS[sign]
        table.add_row(Text(word, style=style), *(cell(value, _LONGEST) for value in cells))
    yield table
    yield from more(len(part.rows), part.total)


def _partings(part: Any) -> Iterator[RenderableType]:
    calls = f"  {part.calls_a:,} calls in A, {part.calls_b:,} in B"
    yield Text.assemble((visible(part.title, 120), "bold"), calls)
    for note in part.notes:
        yield Text(f"  {visible(note, _LONGEST)}", style="yellow")
    for each in part.partings:
        yield Text(f"  {visible(each.title, _LONGEST)}", style="bold")
        yield from _divergence(each.divergence)
        if each.remark:
            yield Text(f"    {visible(each.remark, _LONGEST)}", style="yellow")
    yield from more(len(part.partings), part.partings_total)
    yield from _counts(part)


def _divergence(each: Any) -> Iterator[RenderableType]:
    for call in each.context:
        yield Text.assemble(("    ", "dim"), (_call(call), "dim"))
    for sign, name, call in (("-", "A", each.a), ("+", "B", each.b)):
        style = "red" if sign == "-" else "green"
        yield Text(f"  {sign} {name} {_call(call) if call else 'calls nothing more'}", style=style)


def _call(call: Call) -> str:
    arguments = ", ".join(f"{name}={value[:_LONGEST_ARGUMENT]}" for name, value in call.arguments)
    time = visible(call.time.partition(" ")[2] or call.time, 20)
    failed = " (failed)" if call.failed else ""
    api = visible(call.api, 60)
    return f"#{call.row:,} {time} {api}({visible(arguments, 600)}) = {visible(call.returned, 40)}{failed}"


def _counts(part: Any) -> Iterator[RenderableType]:
    table = grid("", "A", "", "B", "")
    for title, counts in (("category", part.categories), ("call", part.apis)):
        for count in counts:
            name = Text.assemble((f"  {title} ", "dim"), visible(count.name, 60))
            bars = Text(_bar(count.a, part), style="red"), Text(_bar(count.b, part), style="green")
            table.add_row(name, f"{count.a:,}", bars[0], f"{count.b:,}", bars[1])
    if table.row_count:
        yield table
    yield from more(len(part.apis), part.apis_total)


def _bar(count: int, part: Any) -> str:
    return "█" * (max(1, round(count / part.largest * _BAR)) if count else 0)


_RENDERERS: Mapping[str, Callable[[Any], Iterator[RenderableType]]] = {
    "versus": _versus,
    "changes": _changes,
    "partings": _partings,
}
