import csv
import io
import json
from typing import Any

import orjson
import pytest
from pyarrow import parquet

from lib.cuckoo.behavior.export import COLUMNS, as_csv, as_lines, as_ndjson, write_parquet
from lib.cuckoo.common.spreadsheet import LONGEST_CELL


def call(*values: Any, **changes: Any) -> dict[str, Any]:
    arguments = [{"name": f"Argument{number}", "value": value} for number, value in enumerate(values)]
    return {
        "process_id": 7,
        "process_name": "a.exe",
        "timestamp": "2026-01-31 13:21:44,590",
        "thread_id": "8",
        "caller": "0x00000000",
        "parentcaller": "0x00000000",
        "category": "filesystem",
        "api": "NtCreateFile",
        "status": True,
        "return": "0x00000000",
        "arguments": arguments,
        "repeated": 0,
        "id": 0,
        **changes,
    }


def test_a_line_has_time_process_name_arguments_and_result() -> None:
    (line,) = as_lines([call("C:\\x", repeated=2, pretty_return="ACCESS_DENIED")])

    assert line == b"13:21:44,590     7 NtCreateFile(Argument0=C:\\x) = ACCESS_DENIED (and 2 more)\n"


@pytest.mark.parametrize("value", ["a\nb", "a\x1b[31mb", "a\r\tb", "\u202eb", "\x85b"])
def test_a_value_cannot_break_the_line_nor_steer_the_terminal(value: str) -> None:
    (line,) = as_lines([call(value)])

    assert line.decode().rstrip("\n").isprintable()
    assert line.count(b"\n") == 1


def test_a_long_value_is_cut_in_lines_only() -> None:
    long = "x" * 1000

    assert len(next(as_lines([call(long)]))) < 300
    assert json.loads(next(as_ndjson([call(long)])))["arguments"][0]["value"] == long


def test_a_lone_surrogate_is_written_visibly() -> None:
    line = next(as_ndjson([call("\ud800", api="\udcff")]))

    assert orjson.loads(line) == json.loads(line)
    assert (json.loads(line)["api"], json.loads(line)["arguments"][0]["value"]) == ("\\udcff", "\\ud800")


def test_names_cannot_steer_the_terminal_either() -> None:
    changes = {"api": "\x1b[2J", "pretty_return": "\x1b[3J\n", "timestamp": "2026-01-31 \u202e"}
    hostile = call(**changes)
    hostile["arguments"] = [{"name": "\x9b1m\n", "value": "x"}]

    assert next(as_lines([hostile])).decode().rstrip("\n").isprintable()


def rows_of(*calls: dict[str, Any]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(as_csv(calls)).decode(), newline="")))


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@x", " \uff1dx"])
def test_csv_opens_inert(name: str) -> None:
    head, row = rows_of(call("a", process_name=name))

    assert tuple(head) == COLUMNS
    assert row[1] == f"'{name}"


def test_a_cell_of_the_csv_shows_what_cannot_be_seen_and_is_no_longer_than_cells_can_be() -> None:
    _, row = rows_of(call("x" * 10_000_000, process_name="a\nb\0\x1b\ud800"))

    assert row[1] == "a\\x0ab\\x00\\x1b\\ud800"
    assert len(row[-1]) == LONGEST_CELL


def test_csv_without_calls_still_has_its_header() -> None:
    assert b"".join(as_csv([])).decode().strip() == ",".join(COLUMNS)


def test_parquet_gives_the_calls_back() -> None:
    file = io.BytesIO()

    write_parquet([call("C:\\x", ["a", "b"]), call(status=False)], file)

    rows = parquet.read_table(io.BytesIO(file.getvalue())).to_pylist()
    assert [row["status"] for row in rows] == [True, False]
    assert [each["value"] for each in rows[0]["arguments"]] == ["C:\\x", '["a", "b"]']
    assert rows[0]["arguments"][0]["pretty_value"] is None
