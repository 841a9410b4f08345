"""Cells that a spreadsheet takes for text, whatever they hold.

Spreadsheets run a cell that begins with a sign as a formula, some also behind blanks and quotes, and some with the
full-width forms of the signs (OWASP, "CSV Injection"). An apostrophe in front makes the cell text. Where the
language of the user separates lists by semicolons, some part files with commas at these, in spite of quotes, so that
what stands behind a semicolon is the beginning of a cell, too. And what is longer than a cell can be goes on in the
next row, so it is cut.
"""

from unicodedata import category, normalize

from lib.cuckoo.common.text import visible

LONGEST_CELL = 32_767
"""Characters (Microsoft, "Excel specifications and limits")."""

_SIGNS = "=+-@\u2212"
_QUOTES = "\"'`\u00b4"
_UNSEEN = {"Cc", "Cf", "Pi", "Pf"}
"""Unicode categories: control and format characters, opening and closing quotes."""
_BREAKS = ("\t", "\r", "\n")


def cell_text(value: str) -> str:
    """Return a value as a cell of a file that people open: cut, what cannot be seen as escapes, and no formula."""
    shown = inert(visible(value[:LONGEST_CELL]))
    cut = len(value) > LONGEST_CELL or len(shown) > LONGEST_CELL
    return f"{shown[: LONGEST_CELL - 1]}…" if cut else shown


def inert(cell: str) -> str:
    """Return a cell that is no formula; one that might be is changed, by an apostrophe in front of what begins it."""
    return ";".join(map(_inert_part, cell.split(";")))


def _inert_part(cell: str) -> str:
    first = next((char for char in cell if not _may_stand_before(char)), "")
    sign = normalize("NFKC", first)
    return f"'{cell}" if (sign and sign in _SIGNS) or cell.startswith(_BREAKS) else cell


def _may_stand_before(char: str) -> bool:
    return char.isspace() or char in _QUOTES or category(char) in _UNSEEN
