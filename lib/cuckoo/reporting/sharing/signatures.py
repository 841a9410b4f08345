"""What signatures saw: the matches with their evidence, and the techniques of ATT&CK."""

from collections.abc import Iterator
from functools import partial

from lib.cuckoo.common.text import visible
from lib.cuckoo.reporting.sharing.records import Bounds, Match, Technique
from lib.cuckoo.reporting.sharing.tally import Tally
from lib.cuckoo.reporting.sharing.values import technique
from lib.cuckoo.reporting.story.parts import Limits
from lib.cuckoo.reporting.story.signatures import Match as Told
from lib.cuckoo.reporting.story.signatures import signature_parts
from lib.cuckoo.reporting.story.values import Record, number, records, sequence, text

_MOST_LINES = 20


def matches(results: Record, tally: Tally, bounds: Bounds) -> list[Match]:
    """Return the matches, the most severe first."""
    parts = signature_parts(results, Limits(entries=bounds.entries, text=bounds.text))
    tally.beyond("match", max(0, len(records(results.get("signatures"))) - bounds.entries))
    return tally.kept(
        "match", (part for part in parts if isinstance(part, Told)), partial(_match, bounds=bounds)
    )


def _match(told: Told, bounds: Bounds) -> Match | None:
    name = visible(told.name, 255).strip()
    lines = list(_lines(told, bounds))
    beyond = max(0, len(lines) - _MOST_LINES) + told.omitted
    if not name:
        return None
    return Match(
        name=name,
        description=visible(told.description, bounds.text).strip() or name,
        severity=told.severity,
        confidence=round(min(100.0, max(0.0, number(told.confidence)))),
        techniques=tuple(dict.fromkeys(filter(None, map(technique, told.techniques)))),
        noted=(*lines[:_MOST_LINES], *([f"and {beyond:,} more"] if beyond else [])),
    )


def _lines(told: Told, bounds: Bounds) -> Iterator[str]:
    for label, value in told.noted:
        yield visible(f"{label}: {text(value)}" if label else text(value), bounds.text)
    for call in told.calls:
        yield visible(f"{call.time} {call.process} {call.api}", bounds.text)


def techniques(results: Record, tally: Tally, bounds: Bounds) -> list[Technique]:
    """Return the techniques by id, as they are called today."""
    named = {
        text(record.get("technique") or record.get("ttp")): record
        for record in reversed(records(results.get("ttps")))
    }
    return tally.kept("technique", sorted(named.items()), lambda each: _technique(each[0], each[1], bounds))


def _technique(identifier: str, record: Record, bounds: Bounds) -> Technique | None:
    if technique(identifier) is None:
        return None
    tactics = sequence(record.get("tactics"))[:20]
    return Technique(
        number=identifier,
        name=visible(text(record.get("name")), bounds.text) or identifier,
        tactics=tuple(word for tactic in tactics if (word := _tactic(text(tactic)))),
    )


def _tactic(found: str) -> str:
    return found if len(found) < 50 and found.isascii() and found.replace("-", "").isalpha() else ""
