"""Cells that a spreadsheet takes for text, whatever they hold.

Spreadsheets run a cell that begins with a sign as a formula, some also behind blanks and quotes, and some with the
full-width forms of the signs (OWASP, "CSV Injection"). An apostrophe in front makes the cell text.
"""

from unicodedata import category, normalize

_SIGNS = "=+-@\u2212"
_QUOTES = "\"'`\u00b4"
_UNSEEN = {"Cc", "Cf", "Pi", "Pf"}
"""Unicode categories: control and format characters, opening and closing quotes."""
_BREAKS = ("\t", "\r", "\n")


def inert(cell: str) -> str:
    """Return a cell that is no formula; only one that might be is changed, by an apostrophe in front."""
    first = next((char for char in cell if not _may_stand_before(char)), "")
    sign = normalize("NFKC", first)
    return f"'{cell}" if (sign and sign in _SIGNS) or cell.startswith(_BREAKS) else cell


def _may_stand_before(char: str) -> bool:
    return char.isspace() or char in _QUOTES or category(char) in _UNSEEN
