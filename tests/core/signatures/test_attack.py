import re
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.core.signatures.attack import attack, current, technique, ttps_of
from lib.cuckoo.core.signatures.loading import load_signatures
from lib.cuckoo.core.signatures.selection import Definition

OURS = load_signatures([Path(__file__).resolve().parents[3] / "modules" / "signatures"]).definitions
TACTICS = frozenset(
    {
        *("initial-access", "execution", "persistence", "privilege-escalation", "defense-evasion", "impact"),
        *(
            "credential-access",
            "discovery",
            "lateral-movement",
            "collection",
            "command-and-control",
            "exfiltration",
        ),
    }
)


def test_the_data_file_says_which_version_it_is_of() -> None:
    assert re.fullmatch(r"\d+\.\d+", attack()["version"])


def test_every_technique_has_a_name_and_known_tactics() -> None:
    for identifier, entry in attack()["techniques"].items():
        assert re.fullmatch(r"T\d{4}(?:\.\d{3})?", identifier)
        assert entry["name"]
        assert set(entry["tactics"]) <= TACTICS
        assert entry["tactics"]
        assert identifier.partition(".")[0] in attack()["techniques"]


def test_what_was_replaced_leads_to_what_is_there() -> None:
    for old, new in attack()["superseded"].items():
        assert old not in attack()["techniques"]
        assert new in attack()["techniques"]


@pytest.mark.parametrize("definition", OURS, ids=lambda each: each.name)
def test_the_techniques_of_our_signatures_are_known_and_of_today(definition: Definition) -> None:
    for identifier in definition.cls.ttps:
        assert identifier in attack()["techniques"]


def test_techniques_are_looked_up_by_any_age_of_id() -> None:
    assert technique("T1055.012") == {
        "name": "Process Hollowing",
        "tactics": ["defense-evasion", "privilege-escalation"],
    }
    assert technique("T1060") == technique("T1547.001")
    assert technique("T1055.999") == technique("T1055")
    assert technique("U1330") is None
    assert current("T1093") == "T1055.012"


def test_the_techniques_of_matches_are_listed_with_their_signatures() -> None:
    matches: list[dict[str, Any]] = [
        {"name": "b", "ttps": ["T1060", "U1330"]},
        {"name": "a", "ttps": ["T1060", "T1060"]},
        {"name": "c"},
    ]
    listed = ttps_of(matches)

    assert [(entry["ttp"], entry["signature"]) for entry in listed] == [
        ("T1060", "a"),
        ("T1060", "b"),
        ("U1330", "b"),
    ]
    assert listed[0] == {
        "ttp": "T1060",
        "technique": "T1547.001",
        "name": "Registry Run Keys / Startup Folder",
        "tactics": ["persistence", "privilege-escalation"],
        "signature": "a",
    }
    assert (listed[2]["name"], listed[2]["tactics"]) == ("", [])
