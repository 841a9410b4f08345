import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.common.options import Options
from lib.cuckoo.common.report import Report
from lib.cuckoo.core.discovery import classes_of, load_file

SQLITE = Path(__file__).resolve().parents[3] / "modules" / "reporting" / "sqlite.py"
RESULTS = {"behavior": {"processes": [{"process_id": 4, "calls": [{"api": "NtClose"}]}]}}


def run(folder: Path, results: dict[str, Any], **options: Any) -> list[tuple[Any, ...]]:
    (report_class,) = classes_of(load_file(SQLITE), Report)
    (folder / "reports").mkdir(exist_ok=True)
    report = report_class()
    report.set_path(folder)
    report.set_options(Options(options))
    report.run(results)
    with closing(sqlite3.connect(folder / "reports" / "report.sqlite")) as database:
        return database.execute("SELECT api FROM calls").fetchall()


def test_the_database_is_written_with_the_calls(tmp_path: Path) -> None:
    assert run(tmp_path, RESULTS) == [("NtClose",)]


def test_calls_can_be_left_out(tmp_path: Path) -> None:
    assert run(tmp_path, RESULTS, calls=False) == []


def test_a_database_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "reports" / "report.sqlite").mkdir(parents=True)

    with pytest.raises(CuckooReportError, match=r"cannot write .*report\.sqlite: Is a directory"):
        run(tmp_path, RESULTS)
