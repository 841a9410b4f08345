import csv
import io
import json

import msgspec
import orjson
import pytest

from lib.cuckoo.reporting.iocs.indicator import Indicator
from lib.cuckoo.reporting.iocs.writing import COLUMNS, as_csv, as_ndjson
from tests.reporting.hostile import FORBIDDEN, PAYLOADS

MUTEX = Indicator("mutex", "m", ("a.b", "c.d"), "2026-03-17T09:14:31.103Z", True, (4, 5), ("a.exe",))
FORMULAS = ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", '"=1', "＝1", "＠1")  # noqa: RUF001 - full-width forms are the point


def rows(*indicators: Indicator) -> list[list[str]]:
    text = b"".join(as_csv(indicators)).decode()
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_a_row_has_everything_under_its_heading() -> None:
    head, row = rows(MUTEX)

    assert tuple(head) == COLUMNS
    assert row == ["mutex", "m", "a.b; c.d", "2026-03-17T09:14:31.103Z", "yes", "4; 5", "a.exe"]
    assert rows() == [list(COLUMNS)]


def test_a_line_has_everything_as_it_is() -> None:
    (line,) = as_ndjson([MUTEX])

    assert json.loads(line) == {
        "type": "mutex",
        "value": "m",
        "sources": ["a.b", "c.d"],
        "first_seen": "2026-03-17T09:14:31.103Z",
        "allowed": True,
        "process_ids": [4, 5],
        "process_names": ["a.exe"],
    }


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_is_text_in_the_table_and_itself_in_the_lines(formula: str) -> None:
    found = Indicator("mutex", formula, (f"signatures.{formula}",), process_names=(formula,))

    (line,), (_, row) = as_ndjson([found]), rows(found)

    assert json.loads(line)["value"] == formula
    for cell in row:
        assert not cell.lstrip(' \t\r\n"').startswith(("=", "+", "-", "@", "＝", "＠"))  # noqa: RUF001 - as above


@pytest.mark.parametrize("payload", [*PAYLOADS, 'quote " comma , semicolon ;', "x" * 10_000_000])
def test_whatever_a_value_holds_the_table_keeps_its_shape_and_every_parser_reads_the_line(
    payload: str,
) -> None:
    found = Indicator("mutex", payload, (payload,), process_names=(payload,))

    (line,), text = as_ndjson([found]), b"".join(as_csv([found])).decode()

    assert len(text.splitlines()) == 2
    assert not set(FORBIDDEN) & set(text)
    assert json.loads(line) == orjson.loads(line) == msgspec.json.decode(line)
    assert line.count(b"\n") == 1
