"""Names of numbers: the tables of `data/`, and how a number is put into words with one of them.

A table of `data/*.json` says where it comes from and has any of

    values   {name: number}               the number as a whole has a name
    fields   [{"mask", "values"}]         some bits together count through a list of names
    flags    {name: bits or [bits, …]}    each bit has a name; names of several bits stand before their parts
    first    table                        whose flags are named before its own
    last     table                        whose flags are named after its own

Numbers are texts, decimal or 0x. `data/*.tsv` are long lists of single codes: number, tab, name; `#` begins
a comment.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CODE_LISTS = {
    "ioctl": "ioctl.tsv",
    "ntstatus": "ntstatus.tsv",
    "win32_error": "win32_error.tsv",
    "hresult": "hresult.tsv",
}
TABLE_FILES = (
    "access.json",
    "crypto.json",
    "files.json",
    "memory.json",
    "network.json",
    "processes.json",
    "registry.json",
    "services.json",
    "system.json",
)

_DATA = Path(__file__).resolve().parent / "data"
_NUMBER = re.compile(r"-?[0-9]{1,20}|0[xX][0-9a-fA-F]{1,16}")
_FIRST_NOT_SUCCESS = 0x40000000
"""Exit codes below are a program's own choice: 1 is hardly STATUS_WAIT_1."""
_BITS_32 = 0xFFFFFFFF
_BITS_64 = 0xFFFFFFFFFFFFFFFF
_SIGN_EXTENSION = 0xFFFFFFFF80000000


def number_of(value: str) -> int | None:
    """Return the unsigned number that a report's text stands for, or None when it is no number of 64 bits.

    Negative numbers become unsigned, 32 or 64 bits wide as the value needs. 64-bit processes log a 32-bit
    value such as 0x80100080 with its sign extended (0xffffffff80100080): that is the 32-bit value again.
    """
    if _NUMBER.fullmatch(value) is None:
        return None
    number = int(value, 16 if value[:2] in {"0x", "0X"} else 10)
    if not -(1 << 63) <= number <= _BITS_64:
        return None
    number &= _BITS_64
    return number & _BITS_32 if number >= _SIGN_EXTENSION else number


@dataclass(frozen=True, slots=True)
class Field:
    """Bits of a number that together count through a list of names."""

    mask: int
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One table: names of whole numbers, of fields and of flags."""

    values: Mapping[int, str]
    fields: tuple[Field, ...] = ()
    flags: tuple[tuple[int, str], ...] = ()

    def words(self, number: int) -> str | None:
        """Return the names in `number` joined by `|`, left-over bits as 0x…; None when nothing has a name."""
        whole = self.values.get(number)
        if whole is not None or not (self.fields or self.flags):
            return whole
        names, known = self._flags_in(number)
        for field in self.fields:
            name = field.names.get(number & field.mask)
            if name is not None:
                names.append(name)
                known |= field.mask
        rest = number & ~known
        if names and rest:
            names.append(f"0x{rest:08x}")
        return "|".join(names) or None

    def _flags_in(self, number: int) -> tuple[list[str], int]:
        names: list[str] = []
        known = 0
        for bits, name in self.flags:
            if number & bits == bits and bits & ~known:
                names.append(name)
                known |= bits
        return names, known


@cache
def vocabulary(name: str) -> Vocabulary:
    """Return the table `name` of data/.

    Raises:
        KeyError: there is no such table.
    """
    if name in CODE_LISTS:
        return Vocabulary(codes(CODE_LISTS[name]))
    if name == "exit_status":
        return Vocabulary(
            {code: status for code, status in codes("ntstatus.tsv").items() if code >= _FIRST_NOT_SUCCESS}
        )
    table = _tables()[name]
    fields = tuple(
        Field(int(field["mask"], 0), _by_number(field["values"])) for field in table.get("fields", [])
    )
    return Vocabulary(_by_number(table.get("values", {})), fields, tuple(_flags(table)))


@cache
def codes(file_name: str) -> Mapping[int, str]:
    """Return the list of codes data/`file_name`: number to name."""
    rows = (line.split("\t") for line in _text(file_name).splitlines() if not line.startswith("#"))
    return {int(number, 16): name for number, name in rows}


@cache
def rules(file_name: str) -> list[dict[str, Any]]:
    """Return the rules of data/`file_name`, which say what a table is used for, in order of precedence."""
    loaded: list[dict[str, Any]] = json.loads(_text(file_name))
    return loaded


@cache
def _tables() -> dict[str, dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = {}
    for file_name in TABLE_FILES:
        tables |= json.loads(_text(file_name))
    return tables


def _text(file_name: str) -> str:
    return (_DATA / file_name).read_text("utf-8")


def _by_number(names: Mapping[str, str]) -> dict[int, str]:
    return {int(number, 0): name for name, number in names.items()}


def _flags(table: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for part in ("first", "flags", "last"):
        if part in table:
            own = table[part]
            yield from _flags(_tables()[own]) if isinstance(own, str) else _pairs(own)


def _pairs(flags: Mapping[str, str | list[str]]) -> Iterable[tuple[int, str]]:
    for name, bits in flags.items():
        for number in [bits] if isinstance(bits, str) else bits:
            yield int(number, 0), name
