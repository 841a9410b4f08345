"""What `fledge show` prints: the story of a report that is there already, for a terminal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.text import count_text, visible
from lib.cuckoo.reporting.story.parts import Limits
from lib.cuckoo.reporting.story.processes import Process
from lib.cuckoo.reporting.story.sections import CALLS, LEDGER, SECTIONS, Section
from lib.cuckoo.reporting.story.values import Record, sequence, text

SECTION_NAMES = tuple(section.name for section in (*SECTIONS, CALLS, LEDGER))
FIRST = ("summary", "processes", "signatures", "network")
"""Shown when no section is asked for."""
_LIMITS = Limits(entries=20, text=300, calls=50)
_SEVERITY_STYLES = {3: "bold red", 2: "bold yellow", 1: "bold blue"}
_LEVEL_STYLES = {"high": "bold red", "medium": "bold yellow", "low": "bold blue", "none": "bold green"}
_MOOD_STYLES = {"good": "green", "bad": "red"}
_BAR = 24


def pick(results: Record, path: str) -> Any:
    """Return the value at a path such as "network.dns.0.request"; a name may hold dots itself.

    Raises:
        CuckooOperationalError: nothing is there; the message says up to where there is.
    """
    found: Any = results
    words = path.split(".")
    at = 0
    while at < len(words):
        step = next((end for end in range(len(words), at, -1) if _has(found, ".".join(words[at:end]))), None)
        if step is None:
            raise CuckooOperationalError(_nothing_at(".".join(words[: at + 1]), found))
        word = ".".join(words[at:step])
        found = found[word] if isinstance(found, Mapping) else found[int(word)]
        at = step
    return found


def _has(value: object, word: str) -> bool:
    if isinstance(value, Mapping):
        return word in value
    members = sequence(value)
    return word.removeprefix("-").isdecimal() and -len(members) <= int(word) < len(members)


def _nothing_at(path: str, parent: object) -> str:
    if isinstance(parent, Mapping):
        names = ", ".join(visible(name, 60) for name in list(parent)[:20])
        return f"nothing at {path}; there are {names or 'no members'}"
    if not isinstance(parent, str) and isinstance(parent, Sequence):
        return f"nothing at {path}; the list has {count_text(len(parent), 'member')}"
    return f"nothing at {path}; what is above it has no members"


def warning(note: str) -> Iterator[RenderableType]:
    """Yield what a reader must know before the story, if there is anything."""
    if note:
        yield Text(visible(note), style="yellow")


def story(results: Record, names: Sequence[str]) -> Iterator[RenderableType]:
    """Yield the sections of these names, ready to be printed."""
    known = {section.name: section for section in (*SECTIONS, CALLS, LEDGER)}
    for name in names or FIRST:
        yield from _section(known[name], results)


def _section(section: Section, results: Record) -> Iterator[RenderableType]:
    yield Rule(Text(section.title), align="left", style="dim")
    empty = True
    for part in section.parts(results, _LIMITS):
        render = _RENDERERS.get(part.kind)
        if render is not None:
            empty = False
            yield from render(part)
    if empty:
        yield Text("nothing to tell", style="dim")


def part_renderables(part: Any) -> Iterator[RenderableType]:
    """Yield what shows one part of the story; nothing for what is only drawn on the page."""
    render = _RENDERERS.get(part.kind)
    if render is not None:
        yield from render(part)


def cell(value: object, width: int = 200) -> Text:
    """Return a value of any shape as one cell of a table."""
    return Text(visible(text(value), width))


def grid(*columns: str) -> Table:
    """Return a table without lines, which has a head where a column has a name."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_header=any(columns))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def more(shown: int, total: int) -> Iterator[Text]:
    """Yield how many are not shown."""
    if total > shown:
        yield Text(f"… {total - shown:,} more", style="dim")


def _verdict(part: Any) -> Iterator[RenderableType]:
    score = "" if part.score is None else f"{part.score} of 10  "
    yield Text.assemble(
        (f"{score}{part.word}", _LEVEL_STYLES.get(part.level, "bold")), "  ", cell(part.target)
    )
    if part.families:
        yield Text.assemble("families  ", (visible(", ".join(part.families), 200), "bold red"))
    table = grid("", "", "")
    for each in part.contributions:
        bar = "█" * max(1, round(each.share * _BAR))
        table.add_row(
            f"{each.points:.2f}", Text(bar, style=_SEVERITY_STYLES[each.severity]), cell(each.description)
        )
    if part.contributions:
        yield table


def _facts(part: Any) -> Iterator[RenderableType]:
    table = grid("", "")
    for label, value in part.rows:
        table.add_row(Text(visible(label, 40), style="dim"), cell(value))
    yield table


def _table(part: Any) -> Iterator[RenderableType]:
    yield Text(f"{visible(part.title)} ({part.total:,})", style="bold")
    table = grid(*(visible(column, 40) for column in part.columns))
    for row in part.rows:
        table.add_row(*(cell(value) for value in row))
    yield table
    yield from more(len(part.rows), part.total)


def _listing(part: Any) -> Iterator[RenderableType]:
    yield Text(f"{visible(part.title)} ({part.total:,})", style="bold")
    for value in part.values:
        yield Text.assemble("  ", cell(value))
    yield from more(len(part.values), part.total)


def _passage(part: Any) -> Iterator[RenderableType]:
    yield Text(visible(part.title), style="bold")
    lines = part.text[:20_000].splitlines()
    for line in lines[:40]:
        yield Text.assemble("  ", cell(line))
    yield from more(min(40, len(lines)), len(lines))


def _note(part: Any) -> Iterator[RenderableType]:
    yield Text(visible(part.text, 300), style="yellow")


def _matrix(part: Any) -> Iterator[RenderableType]:
    table = grid("tactic", "technique", "")
    for tactic, techniques in part.tactics:
        for place, each in enumerate(techniques):
            table.add_row(cell(tactic if place == 0 else ""), cell(each.number, 20), cell(each.name, 60))
    yield table


def _tree(part: Any) -> Iterator[RenderableType]:
    table = grid("process", "calls", "life", "command")
    for each in part.processes:
        indent = "   " * (each.depth - 1) + "└─ " if each.depth else ""
        name = f"{indent}{visible(each.name, 40)} ({visible(each.pid, 20)})"
        table.add_row(Text(name), f"{each.calls:,}", Text(_life(each), style="blue"), cell(each.command, 100))
    yield table
    yield from more(len(part.processes), part.total)


def _life(process: Process) -> str:
    if process.seconds is None:
        return ""
    begin = min(_BAR - 1, int(process.begin * _BAR))
    end = max(begin + 1, round(process.end * _BAR))
    return "·" * begin + "━" * (end - begin) + "·" * (_BAR - end)


def _match(part: Any) -> Iterator[RenderableType]:
    marks = Text("!" * part.severity + " ", style=_SEVERITY_STYLES[part.severity])
    techniques = f"  {visible(' '.join(part.techniques), 60)}" if part.techniques else ""
    yield marks + cell(part.description) + Text(techniques, style="dim")
    for label, value in part.noted:
        yield Text.assemble("      ", (f"{visible(label, 40)}  ", "dim"), cell(value))
    for each in part.calls:
        arguments = ", ".join(f"{name}={visible(text(value), 60)}" for name, value in each.arguments)
        yield Text.assemble(
            "      ", cell(each.process), "  ", (visible(each.api, 60), "bold"), " ", cell(arguments)
        )
    if part.omitted:
        yield Text(f"      … {part.omitted:,} more", style="dim")


def _entropy(part: Any) -> Iterator[RenderableType]:
    table = grid("section", "entropy", "", "size")
    for each in part.blocks:
        bar = "" if each.entropy is None else "█" * round(each.entropy / 8 * _BAR)
        value = "" if each.entropy is None else f"{each.entropy:.2f}"
        style = "red" if each.packed else "blue"
        table.add_row(cell(each.name, 20), Text(bar, style=style), value, cell(each.size, 20))
    yield table
    yield from more(len(part.blocks), part.total)


def _calls(part: Any) -> Iterator[RenderableType]:
    yield Text(
        f"{visible(part.process, 40)} ({visible(part.pid, 20)}), {count_text(part.total, 'call')}",
        style="bold",
    )
    for each in part.calls:
        arguments = ", ".join(f"{name}={value}" for name, value in each.arguments)
        line = Text.assemble("  ", (visible(each.time, 30), "dim"), " ", (visible(each.api, 60), "bold"))
        yield line + Text(
            f"({visible(arguments, 300)}) = {visible(each.result, 60)}", style="red" if each.failed else ""
        )
    yield from more(len(part.calls), part.total)


def _ledger(part: Any) -> Iterator[RenderableType]:
    table = grid("module", "outcome", "seconds", "memory", "remarks")
    for each in part.lines:
        outcome = Text(visible(each.outcome, 20), style=_MOOD_STYLES.get(each.mood, "dim"))
        seconds = "" if each.seconds is None else f"{each.seconds:.2f}"
        table.add_row(cell(each.module, 40), outcome, seconds, cell(each.memory), cell(each.why, 300))
    yield table


_RENDERERS: Mapping[str, Callable[[Any], Iterator[RenderableType]]] = {
    "verdict": _verdict,
    "facts": _facts,
    "table": _table,
    "listing": _listing,
    "passage": _passage,
    "note": _note,
    "matrix": _matrix,
    "tree": _tree,
    "match": _match,
    "entropy": _entropy,
    "calls": _calls,
    "ledger": _ledger,
}
"""How each kind of part is shown; what is only drawn on the page has none."""
