"""The differences of two runs as parts, section by section, for the page and for the terminal."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lib.cuckoo.common.text import count_text, size_text
from lib.cuckoo.reporting.diff.parts import Changes, Parting, Partings, Sign, Versus
from lib.cuckoo.reporting.diff.record import (
    Difference,
    Divergence,
    File,
    Match,
    Outcome,
    Pair,
    Process,
    Section,
    Sides,
    Value,
    Values,
)
from lib.cuckoo.reporting.story.parts import Facts, Limits, Note

Build = Callable[[Difference, Limits], Iterator[Any]]
_SEVERITIES = ("", "low", "medium", "high")
_WORDS = {"api": "the function", "status": "success", "return": "what it returned", "repeated": "repetitions"}
_HOW = {
    "program and command": "at another place in the tree",
    "program and place": "with another command line",
    "name": "of the same name only",
    "folder and place": "under another name",
}


@dataclass(frozen=True)
class Chapter:
    """One section of the comparison: its name on the command line and in links, its title, its parts."""

    name: str
    title: str
    build: Build

    def parts(self, found: Difference, limits: Limits) -> list[Any]:
        """Return the parts; none where there is no difference, or nobody asked."""
        return list(self.build(found, limits))


def _overview(found: Difference, limits: Limits) -> Iterator[Any]:
    a, b = found.a, found.b
    rows = [
        ("report", a.label, b.label),
        ("analysis", a.analysis, b.analysis),
        ("sample", a.target, b.target),
        ("sha256", a.sha256, b.sha256),
        ("started", a.started, b.started),
    ]
    shown = [row for row in rows if row[1] or row[2]]
    yield Versus("", shown, len(shown))
    tally = [(chapter.title, _tally(chapter, found, limits)) for chapter in CHAPTERS]
    if any(text for _, text in tally):
        yield Facts([(title, text) for title, text in tally if text])
    same = [title for title, text in tally if text == ""]
    if same:
        yield Note(f"No difference: {', '.join(same)}.")
    for note in found.notes[: limits.entries]:
        yield Note(note)
    if found.exact:
        yield Note("Compared exactly: handles, addresses, times and temporary names count.")


def _tally(chapter: Chapter, found: Difference, limits: Limits) -> str | None:
    """Return how much is different, "" for nothing, None where nobody asked."""
    if not _asked(chapter.name, found):
        return None
    parts = chapter.parts(found, limits)
    if chapter.name == "calls":
        return count_text(_parted(found), "process", "processes") if _parted(found) else ""
    counted = [part.total for part in parts if isinstance(part, Changes | Versus)]
    return count_text(sum(counted), "difference") if counted else ""


def _asked(name: str, found: Difference) -> bool:
    if name == "calls":
        pairs = found.processes.pairs if found.processes else ()
        return any(pair.conduct is not None for pair in pairs)
    return getattr(found, name) is not None


def _parted(found: Difference) -> int:
    return sum(1 for _ in _parting_pairs(found))


def _parting_pairs(found: Difference) -> Iterator[Pair]:
    for pair in found.processes.pairs if found.processes else ():
        if pair.conduct:
            yield pair


def _values(values: Sequence[Value] | None, title: str, limits: Limits) -> Iterator[Versus]:
    if values:
        rows = [(each.name, each.a, each.b) for each in values[: limits.entries]]
        yield Versus(title, rows, len(values))


def _summary(found: Difference, limits: Limits) -> Iterator[Any]:
    yield from _values(found.summary, "", limits)


def _static(found: Difference, limits: Limits) -> Iterator[Any]:
    yield from _values(found.static, "", limits)


def _sections(found: Difference, limits: Limits) -> Iterator[Any]:
    sections = found.sections or ()
    if sections:
        rows = [(_where(each), (each.name, each.a, each.b)) for each in sections[: limits.entries]]
        yield Changes("", ("section", "members in A", "members in B"), rows, len(sections), 0)


def _where(section: Section) -> Sign:
    return "b" if section.a is None else "a" if section.b is None else "ab"


def _sides(
    title: str,
    columns: Sequence[str],
    sides: Sides[Any] | None,
    cells: Callable[[Any, Any], Sequence[Any]],
    limits: Limits,
    codes: Sequence[str] = (),
) -> Iterator[Changes]:
    """Yield the rows of both sides: what is only in A, only in B, and what has changed."""
    if not sides:
        return
    rows: list[tuple[Sign, Sequence[Any]]] = [
        *(("ab", cells(*pair)) for pair in sides.changed[: limits.entries]),
        *(("a", cells(each, each)) for each in sides.only_a[: limits.entries]),
        *(("b", cells(each, each)) for each in sides.only_b[: limits.entries]),
    ]
    total = len(sides.changed) + len(sides.only_a) + len(sides.only_b)
    yield Changes(title, columns, _fair(rows, limits.entries), total, sides.same, frozenset(codes))


def _fair(rows: list[tuple[Sign, Sequence[Any]]], most: int) -> list[tuple[Sign, Sequence[Any]]]:
    """Return as many rows as are shown, of each sort about as many."""
    if len(rows) <= most:
        return rows
    sorts = [[row for row in rows if row[0] == sign] for sign in ("ab", "a", "b")]
    shares, left = [0, 0, 0], most
    for turn, place in enumerate(sorted(range(3), key=lambda place: len(sorts[place]))):
        shares[place] = min(len(sorts[place]), left // (3 - turn))
        left -= shares[place]
    return [row for sort, share in zip(sorts, shares, strict=True) for row in sort[:share]]


def _then(a: object, b: object) -> str:
    """Return a value, or both where they are not the same."""
    return f"{a}" if a == b else f"{a} → {b}"


def _modules(found: Difference, limits: Limits) -> Iterator[Any]:
    def cells(a: Outcome, b: Outcome) -> Sequence[Any]:
        reasons = dict.fromkeys(filter(None, (a.reason, b.reason)))
        return a.name, _then(a.outcome, b.outcome), "; ".join(reasons)

    yield from _sides("", ("module", "outcome", "why"), found.modules, cells, limits)


def _signatures(found: Difference, limits: Limits) -> Iterator[Any]:
    def cells(a: Match, b: Match) -> Sequence[Any]:
        severity = _then(_SEVERITIES[a.severity], _SEVERITIES[b.severity])
        return b.description, severity, _then(a.evidence, b.evidence), b.name

    heads = ("signature", "severity", "evidence", "name")
    yield from _sides("", heads, found.signatures, cells, limits)


def _dropped(found: Difference, limits: Limits) -> Iterator[Any]:
    def cells(a: File, b: File) -> Sequence[Any]:
        size = _then(size_text(a.size), size_text(b.size))
        return _then(a.name, b.name), _then(a.sha256, b.sha256), size, _then(a.type, b.type)

    heads = ("name", "SHA-256", "size", "type")
    yield from _sides("", heads, found.dropped, cells, limits, ("name", "SHA-256"))


def _lists(lists: Sequence[Values] | None, limits: Limits) -> Iterator[Changes]:
    for values in lists or ():
        yield from _sides(values.title, ("value",), values.values, lambda a, _: (a,), limits, ("value",))


def _activity(found: Difference, limits: Limits) -> Iterator[Any]:
    yield from _lists(found.activity, limits)


def _network(found: Difference, limits: Limits) -> Iterator[Any]:
    yield from _lists(found.network, limits)


def _processes(found: Difference, limits: Limits) -> Iterator[Any]:
    if found.processes is None:
        return
    pairs = found.processes.pairs
    hows = {(pair.a.pid, pair.b.pid): _HOW.get(pair.how, "") for pair in pairs}
    sides = Sides(
        found.processes.only_a,
        found.processes.only_b,
        [(pair.a, pair.b) for pair in pairs if pair.how != "all"],
        sum(pair.how == "all" for pair in pairs),
    )

    def cells(a: Process, b: Process) -> Sequence[Any]:
        how = "" if a is b else hows.get((a.pid, b.pid), "")
        command = _then(a.command or a.path, b.command or b.path)
        return _then(a.name, b.name), _then(a.pid, b.pid), command, how

    heads = ("process", "number", "command", "the same but")
    yield from _sides("", heads, sides, cells, limits, ("command",))


def _calls(found: Difference, limits: Limits) -> Iterator[Any]:
    few, fewer = (
        min(limits.entries, most) for most in (max(10, limits.entries // 10), max(3, limits.entries // 25))
    )
    pairs = list(_parting_pairs(found))
    for number, pair in enumerate(pairs[: limits.entries], 1):
        conduct = pair.conduct
        if conduct is None:
            continue
        counted = [*conduct.apis[:few], *conduct.categories[:few]]
        yield Partings(
            title=f"{pair.b.name or pair.a.name} ({pair.a.pid} in A, {pair.b.pid} in B)",
            number=number,
            calls_a=conduct.calls_a,
            calls_b=conduct.calls_b,
            notes=list(_remarks(pair)),
            partings=[_told(each) for each in conduct.divergences[:fewer]],
            partings_total=conduct.parted,
            apis=conduct.apis[:few],
            apis_total=len(conduct.apis),
            categories=conduct.categories[:few],
            largest=max((max(count.a, count.b) for count in counted), default=1),
        )
    if len(pairs) > limits.entries:
        yield Note(f"{count_text(len(pairs) - limits.entries, 'more process', 'more processes')} part.")


def _told(each: Divergence) -> Parting:
    threads = f"Thread {each.thread_a} of A and {each.thread_b} of B"
    return Parting(f"{threads} part after {count_text(each.index, 'call')}", " ".join(_about(each)), each)


def _about(each: Divergence) -> Iterator[str]:
    if each.differs:
        yield f"Differs in {', '.join(_WORDS.get(name, name) for name in each.differs)}."
    if each.rejoins:
        a, b = each.rejoins
        yield f"The same again after {count_text(a, 'call')} of A and {b:,} of B."


def _remarks(pair: Pair) -> Iterator[str]:
    conduct = pair.conduct
    if conduct is None:
        return
    if pair.how != "all":
        yield f"The same process {_HOW[pair.how]}."
    yield from (f"{note[:1].upper()}{note[1:]}." for note in conduct.notes)
    for name, number in (("A", conduct.threads_only_a), ("B", conduct.threads_only_b)):
        if number:
            yield f"{count_text(number, 'thread')} only in {name}."


CHAPTERS = (
    Chapter("summary", "Summary", _summary),
    Chapter("sections", "Sections", _sections),
    Chapter("modules", "Modules", _modules),
    Chapter("signatures", "Signatures", _signatures),
    Chapter("processes", "Processes", _processes),
    Chapter("calls", "Calls", _calls),
    Chapter("activity", "Activity", _activity),
    Chapter("network", "Network", _network),
    Chapter("dropped", "Dropped files", _dropped),
    Chapter("static", "The sample", _static),
)
OVERVIEW = Chapter("overview", "Two runs", _overview)
