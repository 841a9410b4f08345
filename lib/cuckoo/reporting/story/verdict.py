"""What stands first: score and what adds up to it, families, what ran, and the techniques seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from lib.cuckoo.common.text import size_text
from lib.cuckoo.reporting.story.parts import Facts, Limits, Note
from lib.cuckoo.reporting.story.values import Record, first, mapping, number, records, sequence, text
from lib.cuckoo.reporting.view.findings import techniques

_WORDS = ((7.0, "high", "Malicious"), (4.0, "medium", "Suspicious"), (0.05, "low", "Little of note"))
_TACTICS = (
    *("reconnaissance", "resource-development", "initial-access", "execution", "persistence"),
    *("privilege-escalation", "defense-evasion", "credential-access", "discovery", "lateral-movement"),
    *("collection", "command-and-control", "exfiltration", "impact"),
)
"""In the order of the matrix, which is that of an attack."""
_HASHES = ("sha256", "sha1", "md5")


@dataclass(frozen=True)
class Contribution:
    """What one match adds to the score; `share` of the largest, 0 to 1."""

    signature: str
    description: str
    severity: int
    points: float
    share: float


@dataclass(frozen=True)
class Verdict:
    """The headline."""

    kind: ClassVar[str] = "verdict"
    word: str
    level: str
    """"high", "medium", "low", "none", or "unknown" where nothing judged."""
    score: float | None
    target: str
    subtitle: str
    families: Sequence[str]
    contributions: Sequence[Contribution]
    more: int
    """Contributions that are not shown."""
    matched: int
    ran: int


@dataclass(frozen=True)
class Technique:
    """One technique of ATT&CK and the signatures that saw it."""

    number: str
    name: str
    signatures: Sequence[str]


@dataclass(frozen=True)
class Matrix:
    """Techniques below their tactics; only those that were seen."""

    kind: ClassVar[str] = "matrix"
    tactics: Sequence[tuple[str, Sequence[Technique]]]
    total: int


def severity_of(match: Record) -> int:
    """Return 1, 2 or 3."""
    return min(3, max(1, int(number(match.get("severity")))))


def summary_parts(results: Record, limits: Limits) -> Iterator[Any]:
    """Yield verdict, what ran, and the matrix."""
    yield verdict(results, limits)
    yield from _target_facts(results)
    yield from _run_facts(results)
    yield from matrix(results, limits)


def verdict(results: Record, limits: Limits) -> Verdict:
    """Return the headline, from our score or that of another engine."""
    score = _score(results)
    word, level = _judgement(score)
    target = mapping(results.get("target"))
    file = mapping(target.get("file"))
    contributions = list(_contributions(results, limits.entries))
    return Verdict(
        word=word,
        level=level,
        score=score,
        target=first(file.get("name")) or text(target.get("url")) or "Analysis",
        subtitle=text(file.get("type")) or text(target.get("category")),
        families=families(results)[: limits.entries],
        contributions=contributions,
        more=len(records(mapping(results.get("score")).get("contributions"))) - len(contributions),
        matched=len(records(results.get("signatures"))),
        ran=int(number(mapping(mapping(results.get("engine")).get("signatures")).get("ran"))),
    )


def _score(results: Record) -> float | None:
    for value in (mapping(results.get("score")).get("total"), results.get("malscore")):
        if value is not None:
            return round(min(10.0, max(0.0, number(value))), 1)
    return None


def _judgement(score: float | None) -> tuple[str, str]:
    if score is None:
        return "Not judged", "unknown"
    return next(((word, level) for least, level, word in _WORDS if score >= least), ("Nothing seen", "none"))


def _contributions(results: Record, most: int) -> Iterator[Contribution]:
    found = records(mapping(results.get("score")).get("contributions"))[:most]
    descriptions = {
        text(match.get("name")): text(match.get("description"))
        for match in records(results.get("signatures"))
    }
    largest = max((number(each.get("points")) for each in found), default=0.0) or 1.0
    for each in found:
        name, points = text(each.get("signature")), number(each.get("points"))
        share = min(1.0, max(0.0, points / largest))
        yield Contribution(name, descriptions.get(name) or name, severity_of(each), points, share)


def families(results: Record) -> list[str]:
    """Return the names of malware families, each once, as modules and signatures gave them."""
    named = results.get("detections")
    names: list[Any] = [named] if isinstance(named, str) else [each.get("family") for each in records(named)]
    for match in records(results.get("signatures")):
        names.extend(sequence(match.get("families")))
    names += (results.get("malfamily"), mapping(results.get("virustotal")).get("family"))
    return list(dict.fromkeys(text(name) for name in names if name))


def _target_facts(results: Record) -> Iterator[Facts]:
    target = mapping(results.get("target"))
    file = mapping(target.get("file"))
    rows: list[tuple[str, Any]] = [("URL", target.get("url"))]
    if file:
        rows += [(name, file.get(name)) for name in _HASHES]
        rows += [("size", size_text(number(file.get("size"))))]
    shown = [row for row in rows if row[1]]
    if shown:
        yield Facts(shown, frozenset({"URL", *_HASHES}))


def _run_facts(results: Record) -> Iterator[Facts | Note]:
    info, engine = mapping(results.get("info")), mapping(results.get("engine"))
    machine = info.get("machine")
    seconds = info.get("duration")
    rows = [
        ("analysis", info.get("id")),
        ("package", info.get("package")),
        ("started", info.get("started")),
        ("ran for", f"{text(seconds)} s" if seconds not in (None, "") else None),
        ("machine", machine.get("name") if isinstance(machine, Mapping) else machine),
        ("platform", info.get("platform")),
        ("network", info.get("route")),
        ("options", info.get("options")),
        ("processed by", f"{text(engine.get('name'))} {text(engine.get('version'))}".strip()),
    ]
    shown = [row for row in rows if row[1] not in (None, "", "None")]
    if shown:
        yield Facts(shown)


def matrix(results: Record, limits: Limits) -> Iterator[Matrix]:
    """Yield the matrix, unless no technique was seen."""
    seen: dict[str, tuple[str, Sequence[Any], list[str]]] = {}
    for each in techniques(results):
        _, _, signatures = seen.setdefault(each.told, (each.name, each.tactics, []))
        signatures.append(each.signature)
    columns: dict[str, list[Technique]] = {}
    for number_, (name, tactics, signatures) in islice(seen.items(), limits.entries):
        for tactic in map(text, tactics or ["technique"]):
            columns.setdefault(tactic, []).append(Technique(number_, name, list(dict.fromkeys(signatures))))
    if columns:
        yield Matrix(sorted(columns.items(), key=_place_of), len(seen))


def _place_of(column: tuple[str, Any]) -> int:
    return _TACTICS.index(column[0]) if column[0] in _TACTICS else len(_TACTICS)
