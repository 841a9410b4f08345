import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.spreadsheet import LONGEST_CELL, cell_text, inert

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


def test_what_stands_behind_a_semicolon_is_no_formula_either() -> None:
    assert inert("a; =b;c;@d") == "a;' =b;c;'@d"


@pytest.mark.parametrize(
    "cell",
    ["", " ", "a; b; c", "compatible; MSIE", '"', "a=1", "1-2", "user@host", "C:\\x", "{=1}", "\\x09=1"],
)
def test_what_is_no_formula_stays(cell: str) -> None:
    assert inert(cell) == cell


@pytest.mark.parametrize("cell", ["\t", "\rx", "\nx"])
def test_a_cell_that_begins_with_a_break_becomes_text(cell: str) -> None:
    assert inert(cell) == f"'{cell}"


@given(st.text(alphabet=st.characters() | st.sampled_from("=+-@; \t\"'"), max_size=20))
def test_no_cell_begins_with_what_a_spreadsheet_runs(cell: str) -> None:
    shown = inert(cell)

    assert shown.count("'") - cell.count("'") <= 1 + cell.count(";")
    for part in (shown, *shown.split(";")):
        assert not part.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        assert not part.lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("value", ["x" * 40_000, "\ud800" * 40_000, "\0" * 32_767, "=" * 32_767])
def test_a_long_value_is_cut_to_what_a_cell_can_be(value: str) -> None:
    shown = cell_text(value)

    assert len(shown) == LONGEST_CELL
    assert shown.endswith("…")
    assert shown.isprintable()


def test_the_longest_cell_stays() -> None:
    assert cell_text("x" * LONGEST_CELL) == "x" * LONGEST_CELL
