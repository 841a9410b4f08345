"""ATT&CK techniques by id, from the data file beside this one: a subset of one version of the Enterprise matrix.

Signatures of the field use ids of several ages; those that ATT&CK replaced are given the technique that took their
place, and keep the id that they used.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypedDict

DATA = Path(__file__).with_name("attack.json")


class Technique(TypedDict):
    """One entry of the data file."""

    name: str
    tactics: list[str]


class Ttp(TypedDict):
    """One entry of `results["ttps"]`."""

    ttp: str
    """The id that the signature gives."""
    technique: str
    """The id of today; the same unless ATT&CK replaced it."""
    name: str
    """"" for an id that the data file does not know."""
    tactics: list[str]
    """What it serves: "defense-evasion" and so on."""
    signature: str
    """Name of the signature that saw it."""


class Attack(TypedDict):
    """The data file."""

    source: str
    version: str
    techniques: dict[str, Technique]
    superseded: dict[str, str]


@cache
def attack() -> Attack:
    """Return the data file, read once."""
    data: Attack = json.loads(DATA.read_text("utf-8"))
    return data


def current(identifier: str) -> str:
    """Return the id of today for one that ATT&CK replaced, else the id itself."""
    return attack()["superseded"].get(identifier, identifier)


def technique(identifier: str) -> Technique | None:
    """Return name and tactics of a technique; an unknown sub-technique counts as its parent, else None."""
    techniques = attack()["techniques"]
    identifier = current(identifier)
    return techniques.get(identifier) or techniques.get(identifier.partition(".")[0])


def ttps_of(matches: Iterable[Mapping[str, Any]]) -> list[Ttp]:
    """Return the techniques of all matches, by id, one entry for each technique of each signature."""
    found: dict[tuple[str, str], Ttp] = {}
    for match in matches:
        for identifier in map(str, match.get("ttps") or ()):
            known = technique(identifier) or {"name": "", "tactics": []}
            found[identifier, str(match["name"])] = {
                "ttp": identifier,
                "technique": current(identifier),
                "name": known["name"],
                "tactics": list(known["tactics"]),
                "signature": str(match["name"]),
            }
    return [found[key] for key in sorted(found)]
