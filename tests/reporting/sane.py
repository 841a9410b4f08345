"""Judges of outputs: whatever malware put into the results, they must be what they say they are, and no more."""

import csv
import io
import json
import re
import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import orjson

from tests.reporting.validators import refuse

LONGEST_CELL = 32_767
_SIGNS = "=+-@"
_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
_OURS = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|2K|1A)")
"""Colours, and what redrawing a line takes: hide and show the cursor, erase the line, go up one."""


def parsed(data: bytes) -> Any:
    """Return what three parsers take for the same."""
    found = json.loads(data.decode("utf-8"), parse_constant=refuse)

    assert orjson.loads(data) == found
    assert msgspec.json.decode(data) == found
    return found


def parsed_lines(data: bytes) -> list[Any]:
    """Return the values of lines of JSON."""
    assert not data or data.endswith(b"\n")
    return [parsed(line) for line in data.split(b"\n")[:-1]]


def table(data: bytes) -> list[list[str]]:
    """Return the rows of a CSV file that opens inert, wherever a spreadsheet parts its cells."""
    text = data.decode("utf-8")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))

    assert {len(row) for row in rows} == {len(rows[0])}
    assert text.count("\n") == text.count("\r\n") == len(rows)
    for row in rows:
        for cell in row:
            assert not unseen(cell)
            assert len(cell) <= LONGEST_CELL
            for part in cell.split(";"):
                first = unicodedata.normalize("NFKC", part.lstrip(" \"'") if part[:1] != "'" else part)[:1]
                assert first not in _SIGNS or not first, cell[:100]
    return rows


def unseen(text: str) -> set[str]:
    """Return the characters that move the cursor, reorder text or cannot be seen."""
    return {char for char in set(text) if unicodedata.category(char) in _UNSEEN}


def assert_sane(shown: bytes, *, terminal: bool = False) -> str:
    """Return the text of a command's output, which steers no terminal but, on one, as the command itself does."""
    text = shown.decode("utf-8")
    if terminal:
        text = _OURS.sub("", text.replace("\r\n", "\n")).replace("\r", "")
    assert unseen(text) <= {"\n"}, [ascii(line) for line in text.split("\n") if unseen(line)][:3]
    return text


def assert_sound_database(file: Path) -> None:
    """Open a database, and read all of it."""
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f"SELECT * FROM {name}"):
                assert not any(isinstance(cell, str) and "\0" in cell for cell in row)
