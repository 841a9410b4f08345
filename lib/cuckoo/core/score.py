"""The score of an analysis, from the signatures that matched: formula 1.

Each match has a *strength* between 0 and 1: what its severity is worth (1: 0.08, 2: 0.25, 3: 0.55), times its
confidence in per cent, times its weight; never more than 0.9.

Matches that say the same thing must not add up. Among those that share a technique of ATT&CK (without one:
their first category), or the very same evidence, the strongest counts in full, the next half, the next a
quarter, …

What is left is joined as independent signs are: of strengths a and b, 1 - (1 - a)(1 - b). That is done for each
severity apart, and what a severity yields is held below its *ceiling*: all signs of severity 1 together are worth
0.3 at most, those of severity 2 together 0.7, those of severity 3 0.999. The three are joined the same way, and the
total is ten times that.

So three weak signs give about 1, one sure sign of malice 5.5, and only several different ones come near 10.
The points of the contributions add up to the total.
"""

import importlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypedDict

from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.core.discovery import load_file

VERSION = 1
_WORTH = {1: 0.08, 2: 0.25, 3: 0.55}
_CEILING = {1: 0.3, 2: 0.7, 3: 0.999}
_MOST_STRENGTH = 0.9


class Contribution(TypedDict):
    """What one match adds to the score."""

    signature: str
    """Name of the signature."""
    severity: int
    """1 to 3."""
    confidence: float
    """Per cent, 0 to 100."""
    weight: float
    """From 0."""
    factor: float
    """1.0, or less for a match that repeats what a stronger one says."""
    points: float
    """Its part of the total."""


class Score(TypedDict):
    """`results["score"]`."""

    total: float
    """From 0 to 10, with one decimal."""
    formula: int | str
    """The version of the formula, or the name of the function that took its place."""
    contributions: list[Contribution]
    """By points, the highest first."""


Formula = Callable[[Iterable[Mapping[str, Any]]], Score]
"""Turns matches, as in `results["signatures"]`, into a score."""


def score(matches: Iterable[Mapping[str, Any]]) -> Score:
    """Return the score by formula 1."""
    counted = _without_repetitions(
        sorted(map(_counted, matches), key=lambda each: (-each[1], each[0]["signature"]))
    )
    shares = _shares(counted)
    total = 10 * (1 - math.exp(-sum(shares)))
    for (contribution, _), share in zip(counted, shares, strict=True):
        contribution["points"] = round(total * share / (sum(shares) or 1), 3)
    contributions = sorted((contribution for contribution, _ in counted), key=lambda each: -each["points"])
    return {"total": round(total, 1), "formula": VERSION, "contributions": contributions}


def load_formula(name: str) -> Formula:
    """Return the function that configuration names, as `file.py:function` or `package.module:function`.

    Raises:
        CuckooStartupError: there is no such function.
    """
    place, _, function = name.rpartition(":")
    try:
        module = load_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
        found = getattr(module, function)
    except (ImportError, AttributeError, OSError, ValueError, SyntaxError) as error:
        raise CuckooStartupError(f"score formula {name!r}: {error}") from error
    if not callable(found):
        raise CuckooStartupError(f"score formula {name!r} is no function")
    formula: Formula = found
    return formula


_Counted = tuple[Contribution, float, frozenset[str]]


def _counted(match: Mapping[str, Any]) -> _Counted:
    severity = min(3, max(1, int(_number(match.get("severity"), 1))))
    confidence = min(100.0, max(0.0, _number(match.get("confidence"), 100)))
    weight = max(0.0, _number(match.get("weight"), 1))
    contribution: Contribution = {
        "signature": str(match.get("name")),
        "severity": severity,
        "confidence": confidence,
        "weight": weight,
        "factor": 1.0,
        "points": 0.0,
    }
    return (
        contribution,
        min(_MOST_STRENGTH, _WORTH[severity] * confidence / 100 * weight),
        frozenset(_subjects(match)),
    )


def _number(value: object, default: float) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        return default
    return float(value)


def _subjects(match: Mapping[str, Any]) -> Iterable[str]:
    """Yield what a match is about: two that share one of these repeat each other."""
    techniques = [str(ttp).partition(".")[0] for ttp in match.get("ttps") or ()]
    categories = [f"category {category}" for category in match.get("categories") or ()]
    yield from techniques or categories[:1]
    data = match.get("data")
    if data:
        yield json.dumps(data, sort_keys=True, default=str)


def _without_repetitions(counted: Iterable[_Counted]) -> list[tuple[Contribution, float]]:
    """Halve the strength for each stronger match on the same subject."""
    seen: Counter[str] = Counter()
    left = []
    for contribution, strength, subjects in counted:
        contribution["factor"] = 0.5 ** max((seen[subject] for subject in subjects), default=0)
        seen.update(subjects)
        left.append((contribution, strength * contribution["factor"]))
    return left


def _shares(counted: Iterable[tuple[Contribution, float]]) -> list[float]:
    """Return for each match its share of -log(1 - total / 10), within the ceiling of its severity."""
    pairs = [(contribution["severity"], -math.log1p(-strength)) for contribution, strength in counted]
    sums = {severity: sum(part for own, part in pairs if own == severity) for severity in _WORTH}
    joined = {
        severity: -math.log1p(-_CEILING[severity] * -math.expm1(-whole)) for severity, whole in sums.items()
    }
    return [part / sums[severity] * joined[severity] if part else 0.0 for severity, part in pairs]
