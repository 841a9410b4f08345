"""The signatures that matched, with their evidence resolved."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lib.cuckoo.reporting.story.parts import Limits, Note
from lib.cuckoo.reporting.story.values import Record, mapping, number, pairs, records, sequence, text
from lib.cuckoo.reporting.story.verdict import severity_of


@dataclass(frozen=True)
class Evidence:
    """A call that a signature marked."""

    time: str
    process: str
    api: str
    arguments: Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class Match:
    """One signature that matched."""

    kind: ClassVar[str] = "match"
    name: str
    description: str
    severity: int
    confidence: str
    points: float
    techniques: Sequence[str]
    families: Sequence[str]
    categories: Sequence[str]
    references: Sequence[str]
    noted: Sequence[tuple[str, Any]]
    """What it wrote down: label and value."""
    calls: Sequence[Evidence]
    omitted: int
    """Calls and notes that are not shown."""


def signature_parts(results: Record, limits: Limits) -> Iterator[Any]:
    """Yield the matches, the most severe first."""
    points = {
        text(each.get("signature")): number(each.get("points"))
        for each in records(mapping(results.get("score")).get("contributions"))
    }
    found = records(results.get("signatures"))
    found.sort(key=lambda match: (-severity_of(match), -points.get(text(match.get("name")), 0.0)))
    for match in found[: limits.entries]:
        yield _match(match, points.get(text(match.get("name")), 0.0), max(5, limits.entries // 10))
    if len(found) > limits.entries:
        yield Note(f"{len(found) - limits.entries:,} more signatures matched; report.json has them.")


def _match(match: Record, points: float, most: int) -> Match:
    evidence = mapping(match.get("evidence"))
    calls, noted = records(evidence.get("calls")), list(_noted(match))
    beyond = max(0, len(calls) - most) + max(0, len(noted) - most)
    return Match(
        name=text(match.get("name")),
        description=text(match.get("description") or match.get("name")),
        severity=severity_of(match),
        confidence=text(match.get("confidence")),
        points=points,
        techniques=_texts(match.get("ttps")),
        families=_texts(match.get("families")),
        categories=_texts(match.get("categories")),
        references=_texts(match.get("references")),
        noted=noted[:most],
        calls=[_evidence(call) for call in calls[:most]],
        omitted=int(number(evidence.get("omitted"))) + beyond,
    )


def _texts(value: object) -> list[str]:
    return [text(member) for member in (sequence(value) or ([value] if value else []))][:50]


def _noted(match: Record) -> Iterator[tuple[str, Any]]:
    for each in sequence(match.get("data")):
        if mapping(each).get("type") == "call" and "cid" in each:
            continue
        yield from pairs(each) if mapping(each) else [("", each)]
    for group in records(match.get("new_data")):
        for sign in records(group.get("signs")):
            yield text(sign.get("type")), sign.get("value")


def _evidence(call: Record) -> Evidence:
    arguments = call.get("arguments")
    if mapping(arguments):
        named = list(pairs(arguments))
    else:
        named = [(text(each.get("name")), each.get("value")) for each in records(arguments)]
    process = f"{text(call.get('process'))} ({text(call.get('pid'))})"
    return Evidence(text(call.get("timestamp")), process, text(call.get("api")), named[:30])
