"""The tolerant values that all views are made of."""

from typing import Any

import pytest

from lib.cuckoo.reporting.view.base import View, decimal, flag, integer, moment_text, texts, views


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2021-08-02 02:49:03", "2021-08-02 02:49:03"),
        ("2021-01-28 02:14:04,650", "2021-01-28 02:14:04,650"),
        ("2016-08-25T22:44:59.562500", "2016-08-25 22:44:59,562"),
        ("20140527213607.042", "2014-05-27 21:36:07,042"),
        ({"$dt": "2016-08-25T22:44:58.917943"}, "2016-08-25 22:44:58,917"),
        (1558483088.094, "2019-05-21 23:58:08,094"),
        (1558483088, "2019-05-21 23:58:08"),
        (1e300, "1e+300"),
        (-1, "-1"),
        ("20149927213607.042", "20149927213607.042"),
        ("2021-08-02", "2021-08-02"),
        ("some day", "some day"),
        (None, ""),
        (True, "True"),
    ],
)
def test_times_of_all_families_are_written_alike(value: Any, expected: str) -> None:
    assert moment_text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("508", 508), ("0x1F", 31), ("-12", -12), ("012", 12), (-7, -7), (2.9, 2), (True, 1)),
        *((float("nan"), None), ("x", None), ("", None), ("9" * 21, None), ([], None), (None, None)),
        ("٣", None),
    ],
)
def test_whole_numbers(value: Any, expected: int | None) -> None:
    assert integer(value) == expected


@pytest.mark.parametrize(("value", "expected"), [("1.5", 1.5), (10**400, None), ("nan", None), ([], None)])
def test_decimal_numbers(value: Any, expected: float | None) -> None:
    assert decimal(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, True), (0, False), ("SUCCESS", True), ("FAILURE", False), ("false", False), (None, False)],
)
def test_truth(value: Any, expected: bool) -> None:
    assert flag(value) is expected


def test_lists_of_text_may_be_one_text() -> None:
    assert list(texts(["a", "", None, 7, {"b": 1}])) == ["a", "7", "b: 1"]
    assert list(texts("a")) == ["a"]
    assert list(texts({"a": 1})) == []


def test_views_are_made_when_asked_for() -> None:
    found = views([{"a": 1}, 7, {"b": 2}, None, {"c": 3}], View)

    assert len(found) == 3
    assert [list(view) for view in found[1:]] == [["b"], ["c"]]
    assert found[-1]["c"] == 3
    assert repr(found) == "<3 View>"


def test_a_view_shows_what_it_is_of() -> None:
    view = View({"a": 1, "\x1b": 2})

    assert repr(view) == "<View of 'a', '\\x1b'>"
    assert "a" in view
    assert not View({})
    assert view.unknown == {"a": 1, "\x1b": 2}
