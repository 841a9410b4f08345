from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.reputation.families import families, family_words, winner


def verdicts(*labels: str | None) -> dict[str, dict[str, Any]]:
    return {f"engine {n}": {"detected": bool(label), "result": label} for n, label in enumerate(labels)}


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("Trojan.Win32.Emotet.AB!tr", ["Emotet"]),
        ("Win32/Kryptik.HFVB", ["HFVB"]),
        ("HEUR:Trojan-Banker.Win32.Dridex.gen", ["Dridex"]),
        ("Trojan.GenericKD.34445138 (B)", []),
        ("Malicious (score: 100)", []),
        ("Exploit.CVE-2017-11882/SLT!1.AEE3 (CLASSIC)", []),
        ("Rtf.Exploit.CVE_2017_11882-6584355-0", []),
        ("W32.AIDetectMalware.CS", []),
        ("Ransom:Win32/LockBit.AC!MTB", ["LockBit"]),
        ("deadbeef cafe 0051f3601", []),
        ("phishing site", []),
        ("", []),
    ],
)
def test_what_is_left_of_a_label(label: str, words: list[str]) -> None:
    assert list(family_words(label)) == words


def test_the_name_that_most_labels_have_wins_with_its_count_and_engines() -> None:
    ranked = families(
        verdicts(
            "Trojan.Emotet.A",
            "Win32/Emotet.BN",
            "EMOTET.C",
            None,
            "Heodo.x",
            "Trojan.Agent",
            "emotet!1 Emotet",
        )
    )

    assert ranked[0] == {
        "family": "Emotet",
        "count": 4,
        "engines": ["engine 0", "engine 1", "engine 2", "engine 6"],
    }
    assert ranked[1] == {"family": "Heodo", "count": 1, "engines": ["engine 4"]}
    assert winner(ranked) == "Emotet"


def test_engines_that_repeat_one_label_vote_once() -> None:
    ranked = families(verdicts("Gen:Qakbot.1", "Gen:Qakbot.1 (B)", "gen:qakbot.1", "Dridex.A", "Dridex/B"))

    assert [(each["family"], each["count"], len(each["engines"])) for each in ranked] == [
        ("Dridex", 2, 2),
        ("Qakbot", 1, 3),
    ]
    assert winner(ranked) == "Dridex"


def test_one_vote_is_no_majority_and_neither_is_a_tie() -> None:
    assert winner([]) is None
    assert winner(families(verdicts("Dridex.A"))) is None
    assert winner(families(verdicts("Dridex.A", "Dridex.B", "Emotet.A", "Emotet.B"))) is None
    assert winner(families(verdicts("Dridex.A", "Dridex.B", "Emotet.A"))) == "Dridex"


def test_labels_of_engines_that_detect_nothing_have_no_vote() -> None:
    assert families({"a": {"detected": False, "result": "Emotet"}, "b": {}}) == []


def test_at_most_ten_names_are_shown() -> None:
    assert len(families(verdicts(*(f"Name{letter}hij" for letter in "ghijklmnopqrs")))) == 10


@given(st.lists(st.text(max_size=300)))
def test_any_labels_are_ranked(labels: list[str]) -> None:
    counts = [each["count"] for each in families(verdicts(*labels))]

    assert counts == sorted(counts, reverse=True)
