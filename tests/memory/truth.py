"""The rows that Volatility's own command gave, in the form in which a section has them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def expected(file: Path, columns: list[dict[str, str]]) -> list[Row]:
    """Return the rows of a file of truth, flattened, with addresses in hexadecimal.

    That command writes null for every absent value, and puts text it made up itself in quotes.
    """
    types = {column["name"]: column["type"] for column in columns}
    return [_row(row, types) for row in _flattened(json.loads(file.read_text()))]


def comparable(rows: list[Row]) -> list[Row]:
    """Return the rows of a section without what the truth cannot say: which mark an absent value has."""
    return [
        {name: None if value in ("-", "N/A") else value for name, value in row.items() if name != "depth"}
        for row in rows
    ]


def depths(file: Path) -> list[int]:
    """Return the depth of each row of a tree, in the order of the flattened rows."""
    return [depth for depth, _ in _nodes(json.loads(file.read_text()))]


def _flattened(rows: list[Row]) -> Iterator[Row]:
    return (row for _, row in _nodes(rows))


def _nodes(rows: list[Row], depth: int = 0) -> Iterator[tuple[int, Row]]:
    for row in rows:
        yield depth, row
        yield from _nodes(row["__children"], depth + 1)


def _row(row: Row, types: dict[str, str]) -> Row:
    return {name: _cell(row[name], types[name]) for name in types}


def _cell(value: Any, kind: str) -> Any:
    if kind == "hex" and isinstance(value, int):
        return hex(value)
    if kind == "disassembly" and isinstance(value, str):
        return value.strip('"').lstrip("\n")
    if isinstance(value, str) and value in ("-", "N/A"):
        return None
    return value
