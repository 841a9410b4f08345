"""Excel 4 macros in the workbooks of Excel 97 to 2003.

The format is [MS-XLS]: records of a number, a size and a body; formulas are tokens in postfix order, turned back into
text as far as the tokens are known. Functions without a name here are shown by their number.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.text import readable_name
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.layout import fields, narrow, number
from lib.cuckoo.files.office.records import Sheet

_FORMULA, _NAME, _PASSWORD, _SHEET, _BEGIN = 0x06, 0x18, 0x2F, 0x85, 0x809
_MACRO_SHEET = 1
STATES = ("visible", "hidden", "very hidden", "hidden")
_BUILTIN_NAMES = {1: "Auto_Open", 2: "Auto_Close", 10: "Auto_Activate", 11: "Auto_Deactivate"}
_AUTO_NAME = re.compile(r"(?i)(?:_xlnm\.)?auto_?(?:open|close|activate|deactivate)")
_LONGEST_PIECE = 8192
"""Characters kept of a formula: each operator copies what stands left and right of it."""
_OPERATORS = ("+", "-", "*", "/", "^", "&", "<", "<=", "=", ">=", ">", "<>", " ", ",", ":")
_SKIPPED = {0x20: 7, 0x26: 6, 0x27: 6, 0x28: 6, 0x29: 2, 0x01: 4, 0x02: 4}
_SHOWN = {
    0x23: (4, "name"),
    0x2A: (4, "#REF!"),
    0x2B: (8, "#REF!"),
    0x2C: (4, "cell"),
    0x2D: (8, "area"),
    0x39: (6, "name"),
    0x3A: (6, "cell"),
    0x3B: (10, "area"),
}
_FUNCTIONS = {
    1: "IF",
    6: "ROW",
    31: "MID",
    32: "LEN",
    34: "TRUE",
    35: "FALSE",
    36: "AND",
    37: "OR",
    38: "NOT",
    53: "GOTO",
    54: "HALT",
    55: "RETURN",
    63: "RAND",
    74: "NOW",
    96: "FORMULA",
    108: "SET.VALUE",
    110: "EXEC",
    111: "CHAR",
    115: "LEFT",
    116: "RIGHT",
    120: "SUBSTITUTE",
    121: "CODE",
    132: "FOPEN",
    133: "FCLOSE",
    137: "FWRITELN",
    138: "FWRITE",
    149: "REGISTER",
    150: "CALL",
    185: "GET.CELL",
    186: "GET.WORKSPACE",
    221: "TODAY",
    255: "USER",
    336: "CONCATENATE",
}
_WITHOUT_ARGUMENTS = {10, 19, 34, 35, 63, 74, 221}
_ARGUMENTS = {31: 3, 39: 2}
"""Of functions with a fixed number of arguments; the others have one."""


@dataclass
class Workbook:
    """What a workbook holds of Excel 4 macros; `encrypted` when a password protects it."""

    sheets: list[Sheet] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    encrypted: bool = False


def read_workbook(stream: bytes, budget: Budget) -> Workbook:
    """Read the macro sheets of a stream `Workbook` or `Book`; damage ends the reading."""
    book = Workbook()
    starts: dict[int, Sheet] = {}
    sheet: Sheet | None = None
    for at, key, body in _records(stream):
        if key == _SHEET and len(body) > 8:
            _note_sheet(body, book, starts)
        elif key == _BEGIN:
            sheet = starts.get(at)
        elif key == _PASSWORD:
            book.encrypted = True
        elif key == _NAME:
            book.names += _auto_name(body)
        elif key == _FORMULA and sheet is not None and len(sheet["formulas"]) < budget.entries:
            sheet["formulas"].append(_cell(body))
    book.sheets = budget.take("sheets", book.sheets)
    book.names = budget.take("names", dict.fromkeys(book.names))
    return book


def is_auto_name(name: str) -> bool:
    """Tell whether a defined name makes Excel run macros by itself."""
    return _AUTO_NAME.match(name) is not None


def _records(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + 4 <= len(stream):
        key, size = fields("<HH", stream, at)
        yield at, key, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _note_sheet(body: bytes, book: Workbook, starts: dict[int, Sheet]) -> None:
    start, state, kind = fields("<IBB", body)
    if kind == _MACRO_SHEET:
        sheet: Sheet = {"name": _string(body, 6)[0], "state": STATES[state & 3], "formulas": []}
        starts[start] = sheet
        book.sheets.append(sheet)


def _auto_name(body: bytes) -> Iterator[str]:
    if len(body) < 16:
        return
    flags, _, size = fields("<HBB", body)
    raw = body[15 : 15 + size * (1 + (body[14] & 1))]
    builtin = _BUILTIN_NAMES.get(raw[0] if raw else 0, "")
    name = builtin if flags & 0x20 else _characters(raw, body[14])
    if is_auto_name(name):
        yield name


def _cell(body: bytes) -> str:
    if len(body) < 22:
        return ""
    row, column = fields("<HH", body)
    size = number(body, 20, 2)
    return f"{_reference(row, column)} ={_formula(body[22 : 22 + size])}"


def _reference(row: int, column: int) -> str:
    first, last = divmod(column & 0xFF, 26)
    return f"{chr(64 + first) if first else ''}{chr(65 + last)}{row + 1}"


def _string(data: bytes, at: int) -> tuple[str, int]:
    """Return a string with a length of one byte and a byte of flags, and where it ends."""
    size, flags = fields("<BB", data, at)
    end = at + 2 + size * (1 + (flags & 1))
    return _characters(data[at + 2 : end], flags), end


def _characters(raw: bytes, flags: int) -> str:
    if flags & 1:
        return readable_name(raw[: len(raw) & ~1].decode("utf-16-le", "surrogatepass"))
    return narrow(raw, "latin-1")


def _formula(tokens: bytes) -> str:
    """Turn tokens into text; where an unknown token stands, the text ends with "…"."""
    stack: list[str] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        base = (token & 0x1F) | 0x20 if token >= 0x20 else token
        try:
            read = _TOKENS.get(base, _other)
            following = read(tokens, at, base, stack)
        except CuckooProcessingError:
            following = 0
        if not following:
            return " ".join([*stack, "…"])
        stack[-1:] = [piece[:_LONGEST_PIECE] for piece in stack[-1:]]
        at = following
    return " ".join(stack)[:_LONGEST_PIECE]


def _pop(stack: list[str]) -> str:
    return stack.pop() if stack else ""


def _binary(_: bytes, at: int, base: int, stack: list[str]) -> int:
    right, left = _pop(stack), _pop(stack)
    stack.append(f"{left}{_OPERATORS[base - 3]}{right}")
    return at + 1


def _unary(_: bytes, at: int, base: int, stack: list[str]) -> int:
    operand = _pop(stack)
    stack.append({0x12: f"+{operand}", 0x13: f"-{operand}", 0x14: f"{operand}%"}.get(base, f"({operand})"))
    return at + 1


def _missing(_: bytes, at: int, __: int, stack: list[str]) -> int:
    stack.append("")
    return at + 1


def _text(tokens: bytes, at: int, _: int, stack: list[str]) -> int:
    text, end = _string(tokens, at + 1)
    stack.append(f'"{text}"')
    return end


def _attribute(tokens: bytes, at: int, _: int, stack: list[str]) -> int:
    kind, value = fields("<BH", tokens, at + 1)
    if kind & 0x10:
        stack.append(f"SUM({_pop(stack)})")
    return at + 4 + (2 * (value + 1) if kind & 4 else 0)


def _constant(tokens: bytes, at: int, base: int, stack: list[str]) -> int:
    layout = {0x1C: "<B", 0x1D: "<?", 0x1E: "<H", 0x1F: "<d"}[base]
    value = fields(layout, tokens, at + 1)[0]
    stack.append(f"#{value}" if base == 0x1C else f"{value:g}" if base == 0x1F else str(value).upper())
    return at + 1 + {"<B": 1, "<?": 1, "<H": 2, "<d": 8}[layout]


def _function(tokens: bytes, at: int, base: int, stack: list[str]) -> int:
    if base == 0x21:
        key = number(tokens, at + 1, 2)
        count = 0 if key in _WITHOUT_ARGUMENTS else _ARGUMENTS.get(key, 1)
    else:
        count, key = fields("<BH", tokens, at + 1)
        count &= 0x7F
    arguments = [_pop(stack) for _ in range(min(count, len(stack)))][::-1]
    stack.append(f"{_FUNCTIONS.get(key, f'FUNCTION{key}')}({','.join(arguments)})")
    return at + (3 if base == 0x21 else 4)


def _place(tokens: bytes, at: int, base: int, stack: list[str]) -> int:
    if base == 0x24:
        stack.append(_reference(*fields("<HH", tokens, at + 1)))
        return at + 5
    first_row, last_row, first, last = fields("<HHHH", tokens, at + 1)
    stack.append(f"{_reference(first_row, first)}:{_reference(last_row, last)}")
    return at + 9


def _other(_: bytes, at: int, base: int, stack: list[str]) -> int:
    if base in _SHOWN:
        size, shown = _SHOWN[base]
        stack.append(shown)
        return at + 1 + size
    return at + 1 + _SKIPPED[base] if base in _SKIPPED else 0


_Read = Callable[[bytes, int, int, list[str]], int]
_TOKENS: dict[int, _Read] = {
    **dict.fromkeys(range(0x03, 0x12), _binary),
    **dict.fromkeys(range(0x12, 0x16), _unary),
    0x16: _missing,
    0x17: _text,
    0x19: _attribute,
    **dict.fromkeys(range(0x1C, 0x20), _constant),
    0x21: _function,
    0x22: _function,
    0x24: _place,
    0x25: _place,
}
"""Readers of tokens: each changes the stack of texts and returns where the next token stands."""
