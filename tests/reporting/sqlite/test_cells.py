import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.reporting.sqlite.cells import CELLS, as_json, integer, real, words


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((7, 7), ("7", 7), ("-7", -7), (True, 1), ((1 << 63) - 1, (1 << 63) - 1), (-(1 << 63), -(1 << 63))),
        *(
            (1 << 63, None),
            ("9" * 20, None),
            ("9" * 5000, None),
            ("7x", None),
            ("\u0667", None),
            (None, None),
            ([], None),
        ),
    ],
)
def test_whole_numbers_are_those_of_64_bits(value: object, expected: int | None) -> None:
    assert integer(value) == expected


def test_numbers_are_finite() -> None:
    assert (real("1.5"), real(float("nan")), real(10**400), real(None), real({})) == (
        1.5,
        0.0,
        0.0,
        None,
        None,
    )


def test_text_is_valid_unicode_without_nul() -> None:
    assert words("a\0b\ud800\udcff") == "a\\x00b\\ud800\\udcff"
    assert words(["a", "b"]) == "a, b"
    assert (words(None), words("")) == (None, "")


def test_json_is_as_in_the_report() -> None:
    assert as_json({"b": [1, "é"]}) == '{"b":[1,"é"]}'
    assert (
        as_json({"a": "\ud800", "b": b"\xff", "c": float("nan")})
        == '{"a":"\\\\ud800","b":"\\\\xff","c":null}'
    )
    assert as_json("a\0b") == '"a\\u0000b"'
    assert as_json(None) is None


@given(
    st.sampled_from(sorted(CELLS)),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.text()),
)
def test_any_value_becomes_a_cell(kind: str, value: object) -> None:
    cell = CELLS[kind](value)

    assert cell is None or isinstance(cell, int | float | str)
    if isinstance(cell, str):
        assert "\0" not in cell
        cell.encode()
    if kind == "JSON" and cell is not None:
        json.loads(str(cell))
