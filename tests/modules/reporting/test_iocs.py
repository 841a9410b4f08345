import csv
import json
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooOperationalError, CuckooReportError
from lib.cuckoo.common.options import Options
from lib.cuckoo.common.report import Report
from lib.cuckoo.common.root import Root
from lib.cuckoo.core.discovery import classes_of, load_file

IOCS = Path(__file__).resolve().parents[3] / "modules" / "reporting" / "iocs.py"
RESULTS = {"behavior": {"summary": {"mutexes": ["one", "=two", "three" * 9], "read_files": ["C:\\r"]}}}


def run(folder: Path, results: dict[str, Any], **options: Any) -> list[str]:
    """Write both files; return the notes."""
    (report_class,) = classes_of(load_file(IOCS), Report)
    (folder / "reports").mkdir(exist_ok=True)
    report = report_class()
    report.set_path(folder)
    report.set_options(Options(options))
    report.run(results)
    return list(report.notes)


def values(folder: Path) -> list[str]:
    lines = (folder / "reports" / "iocs.ndjson").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["value"] for line in lines]


def test_both_files_tell_the_same(tmp_path: Path) -> None:
    assert run(tmp_path, RESULTS) == []

    with (tmp_path / "reports" / "iocs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert values(tmp_path) == ["one", "=two", "three" * 9]
    assert [row["value"] for row in rows] == ["one", "'=two", "three" * 9]


def test_the_options_bound_what_is_told_and_the_ledger_has_the_rest(tmp_path: Path) -> None:
    notes = run(tmp_path, RESULTS, entries=1, length=20, touched=True, calls=0)

    assert values(tmp_path) == ["one", "C:\\r"]
    assert notes == [
        "left out, beyond the option entries: 1 mutex",
        "left out, longer than the option length: 1 mutex",
    ]


def test_allow_lists_are_read_from_the_working_root(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("mutex:one\n")
    (tmp_path / "b.txt").write_text("mutex:three*\n")

    with Root(tmp_path).active():
        run(tmp_path, RESULTS, allowlist="a.txt, b.txt")

    lines = (tmp_path / "reports" / "iocs.ndjson").read_text().splitlines()
    assert [json.loads(line)["allowed"] for line in lines] == [True, False, True]


@pytest.mark.parametrize(
    ("name", "content"), [("absent.txt", None), ("odd.txt", b"C:\\x"), ("odd.txt", b"\xff")]
)
def test_an_allow_list_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with Root(tmp_path).active(), pytest.raises(CuckooDependencyError, match="cannot read an allow-list"):
        run(tmp_path, RESULTS, allowlist=name)


def test_a_negative_bound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CuckooOperationalError, match="the option entries is -1"):
        run(tmp_path, RESULTS, entries=-1)


@pytest.mark.parametrize("name", ["iocs.csv", "iocs.ndjson"])
def test_a_file_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "reports" / name).mkdir(parents=True)

    with pytest.raises(CuckooReportError, match=rf"cannot write .*{name}"):
        run(tmp_path, {})
