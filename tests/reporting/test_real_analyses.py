"""Every real analysis becomes tables that parse, with what the report says in them."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from lib.cuckoo.reporting.jsonstream import in_report_order, json_chunks
from lib.cuckoo.reporting.saved import read_report
from lib.cuckoo.reporting.sqlite.database import write_database
from tests.behavior.test_rebuilt import REPORTS, rebuilt
from tests.reporting.conftest import Processed
from tests.reporting.hostile import poisoned

REAL = (
    *("cuckoo2-2204-sanitised", "cape-AcceptEx.exe", "cape-dummydllwithentrypoint.dll"),
    *("cape-etw-dns-app.exe", "cape-ipv6_network.exe"),
)


@pytest.fixture(scope="module", params=[*REAL, *REPORTS])
def analysis(
    request: pytest.FixtureRequest,
    shared_data: Path,
    processed: Processed,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, Any]]:
    """A processed real analysis, or one that was rebuilt from the report of another engine."""
    if request.param in REAL:
        return processed(shared_data / "analyses" / request.param)
    folder = tmp_path_factory.mktemp("rebuilt") / request.param
    rebuilt(shared_data, request.param, folder)
    return processed(folder)


def test_indicators_are_the_same_in_the_table_and_in_the_lines(analysis: tuple[Path, dict[str, Any]]) -> None:
    reports = analysis[0] / "reports"
    table = (reports / "iocs.csv").read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(table, newline=""), strict=True))
    lines = [json.loads(line) for line in (reports / "iocs.ndjson").read_text(encoding="utf-8").splitlines()]

    assert rows
    assert [row["type"] for row in rows] == [line["type"] for line in lines]
    assert [row["value"].removeprefix("'") for row in rows] == [
        line["value"].removeprefix("'") for line in lines
    ]
    assert len({(line["type"], line["value"]) for line in lines}) == len(lines)
    assert all(line["sources"] for line in lines)


def test_the_database_has_what_the_report_says(analysis: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    report = read_report(analysis[0])
    write_database(tmp_path / "report.sqlite", analysis[1])

    with closing(sqlite3.connect(tmp_path / "report.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        calls = database.execute("SELECT p.pid, count(c.id) FROM processes p LEFT JOIN calls c ON c.process = p.id "
                                 "GROUP BY p.id ORDER BY p.id").fetchall()  # fmt: skip
        matched = database.execute("SELECT name FROM signatures ORDER BY id").fetchall()
    assert calls == [(each["process_id"], len(each["calls"])) for each in report["behavior"]["processes"]]
    assert matched == [(each["name"],) for each in report["signatures"]]


def test_three_parsers_read_one_report(analysis: tuple[Path, dict[str, Any]]) -> None:
    text = (analysis[0] / "reports" / "report.json").read_bytes()

    assert json.loads(text) == orjson.loads(text) == msgspec.json.decode(text)


def test_three_parsers_read_one_report_with_hostile_text_everywhere(
    example: tuple[Path, dict[str, Any]],
) -> None:
    plain = json.loads(b"".join(json_chunks(example[1])))
    plain["dropped"][0]["name"] = "=" * 10_000_000
    hostile = poisoned(plain)
    hostile |= {text: {text: text} for text in hostile["strings"]}

    text = b"".join(json_chunks(in_report_order(hostile)))

    assert json.loads(text) == orjson.loads(text) == msgspec.json.decode(text)
