import math

import pytest

from lib.cuckoo.reporting.story.values import first, mapping, moment, number, pairs, records, sequence, text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3.0),
        ("0.5", 0.5),
        (True, 1.0),
        ("x", 0.0),
        (None, 0.0),
        (math.inf, 0.0),
        pytest.param(10**400, 0.0, id="huge"),
        ([1], 0.0),
    ],
)
def test_a_number_is_finite_or_zero(value: object, expected: float) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (0, "0"),
        (b"a\xff", "a\\xff"),
        (["a", 1, None], "a, 1, None"),
        ({"port": 80}, "port: 80"),
        pytest.param(10**5000, "(int)", id="huge"),
    ],
)
def test_any_value_has_a_text(value: object, expected: str) -> None:
    assert text(value) == expected


def test_what_is_no_list_has_no_members() -> None:
    assert list(sequence("text")) == []
    assert list(sequence(b"bytes")) == []
    assert records([{"a": 1}, 2, None]) == [{"a": 1}]
    assert mapping([1]) == {}
    assert list(pairs({1: "a"})) == [("1", "a")]


def test_of_a_list_the_first_counts() -> None:
    assert first(["a", "b"]) == "a"
    assert first("ab") == "ab"
    assert first([]) == ""


def test_moments_differ_by_seconds() -> None:
    begin, end = moment("2026-01-31 13:21:44,590"), moment("2026-01-31 13:21:46")

    assert begin is not None
    assert end is not None
    assert end - begin == pytest.approx(1.41)
    assert moment("yesterday") is None
    assert moment(None) is None
