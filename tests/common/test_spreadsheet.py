import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.spreadsheet import inert

SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "−")  # noqa: RUF001 - what looks alike is the point
BEFORE = (
    "",
    " ",
    "\t",
    "\r",
    "\n",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u202e",
    '"',
    "'",
    '"" ',
    "\x00",
    "“",
)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("sign", SIGNS)
def test_a_formula_becomes_text_whatever_stands_before_it(before: str, sign: str) -> None:
    assert inert(f"{before}{sign}cmd|' /C calc'!A0") == f"'{before}{sign}cmd|' /C calc'!A0"


@pytest.mark.parametrize("cell", ["", " ", '"', "a=1", "1-2", "user@host", "C:\\x", "{=1}", "\\x09=1"])
def test_what_is_no_formula_stays(cell: str) -> None:
    assert inert(cell) == cell


@pytest.mark.parametrize("cell", ["\t", "\rx", "\nx"])
def test_a_cell_that_begins_with_a_break_becomes_text(cell: str) -> None:
    assert inert(cell) == f"'{cell}"


@given(st.text(alphabet=st.characters() | st.sampled_from("=+-@ \t\"'"), max_size=20))
def test_no_cell_begins_with_what_a_spreadsheet_runs(cell: str) -> None:
    shown = inert(cell)

    assert shown in {cell, f"'{cell}"}
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert not shown.lstrip().startswith(("=", "+", "-", "@"))
