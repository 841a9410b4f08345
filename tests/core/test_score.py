from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.core.score import load_formula, score


def match(name: str, severity: int = 3, confidence: float = 100, **members: Any) -> dict[str, Any]:
    return {
        "name": name,
        "severity": severity,
        "confidence": confidence,
        "ttps": [name],
        "data": [],
    } | members


def total(*matches: dict[str, Any]) -> float:
    return score(matches)["total"]


def test_nothing_scores_nothing() -> None:
    assert score([]) == {"total": 0.0, "formula": 1, "contributions": []}


@pytest.mark.parametrize(("severity", "points"), [(1, 0.2), (2, 1.7), (3, 5.5)])
def test_what_one_sign_is_worth(severity: int, points: float) -> None:
    assert total(match("one", severity)) == points


def test_three_weak_signs_stay_weak() -> None:
    assert total(match("a", 1), match("b", 1), match("c", 1)) < 1


@pytest.mark.parametrize(("severity", "ceiling"), [(1, 3.0), (2, 7.0), (3, 10.0)])
def test_any_number_of_signs_stays_below_the_ceiling_of_their_severity(severity: int, ceiling: float) -> None:
    many = total(*(match(str(number), severity) for number in range(1000)))

    assert ceiling - 0.1 <= many <= ceiling


def test_several_sure_and_different_signs_come_near_ten() -> None:
    assert total(*(match(name) for name in "abcd")) > 9


def test_signs_of_one_technique_do_not_add_up() -> None:
    same = [match(f"sign {number}", ttps=["T1055.001", "T1055"]) for number in range(100)]

    assert total(*same) < total(match("a"), match("b"), match("c"))


def test_signs_with_the_same_evidence_do_not_add_up() -> None:
    evidence = [{"type": "call", "pid": 1, "cid": 2}]
    same = [match(f"sign {number}", data=evidence) for number in range(100)]

    assert total(*same) < total(match("a"), match("b"), match("c"))


def test_signs_without_technique_repeat_each_other_within_a_category() -> None:
    factors = [
        each["factor"]
        for each in score([match(name, ttps=[], categories=["packer"]) for name in "abc"])["contributions"]
    ]

    assert factors == [1.0, 0.5, 0.25]


def test_the_strongest_of_several_counts_in_full() -> None:
    contributions = score([match("weak", 1, ttps=["T1"]), match("strong", 3, ttps=["T1"])])["contributions"]

    assert [(each["signature"], each["factor"]) for each in contributions] == [("strong", 1.0), ("weak", 0.5)]


def test_confidence_and_weight_count() -> None:
    assert total(match("a", confidence=50)) < total(match("a")) < total(match("a", weight=1.5))
    assert total(match("a", weight=0)) == total(match("a", confidence=0)) == 0


@pytest.mark.parametrize("severity", [None, "3", -4, 99, float("nan"), True])
def test_an_odd_severity_is_brought_into_range(severity: Any) -> None:
    (contribution,) = score([match("odd") | {"severity": severity}])["contributions"]

    assert contribution["severity"] in {1, 2, 3}


_NUMBERS = st.floats(-1000, 1000) | st.integers(-5, 1000) | st.none() | st.text(max_size=2)
_MATCHES = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.text(max_size=3),
            "severity": st.integers(1, 3) | _NUMBERS,
            "confidence": _NUMBERS,
            "weight": _NUMBERS,
            "ttps": st.lists(st.sampled_from(["T1", "T1.001", "T2"]), max_size=2),
            "data": st.lists(st.dictionaries(st.sampled_from("ab"), st.integers()), max_size=2),
        }
    ),
    max_size=12,
)


@given(_MATCHES)
def test_the_points_add_up_to_a_total_within_range(matches: list[dict[str, Any]]) -> None:
    found = score(matches)
    points = [each["points"] for each in found["contributions"]]

    assert 0 <= found["total"] <= 10
    assert min(points, default=0) >= 0
    assert abs(sum(points) - found["total"]) <= 0.051 + 0.001 * len(points)
    assert len(points) == len(matches)


@given(_MATCHES)
def test_one_more_different_sign_never_lowers_the_score(matches: list[dict[str, Any]]) -> None:
    assert total(*matches, match("different", 2)) >= total(*matches) - 1e-9


def test_another_formula_takes_its_place(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def mine(matches):\n    return {'total': 7.0, 'formula': 'mine', 'contributions': []}\n")

    assert load_formula(f"{file}:mine")([])["total"] == 7.0
    assert load_formula("lib.cuckoo.core.score:score") is score


@pytest.mark.parametrize(
    "name", ["", "nowhere:f", "lib.cuckoo.core.score:nothing", "lib.cuckoo.core.score:VERSION"]
)
def test_a_formula_that_is_not_there_is_refused_by_name(name: str) -> None:
    with pytest.raises(CuckooStartupError, match="score formula"):
        load_formula(name)
