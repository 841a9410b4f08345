import sys
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooReportError
from lib.cuckoo.common.options import Options
from lib.cuckoo.common.report import Report
from lib.cuckoo.core.discovery import classes_of, load_file
from lib.cuckoo.core.ledger import Outcome
from tests.reporting.validators import checked_event
from tests.working_root import WorkingRoot, run_of

MODULE = Path(__file__).resolve().parents[3] / "modules" / "reporting" / "misp.py"
RESULTS = {
    "malscore": 9,
    "behavior": {"summary": {"mutexes": ["held", "free", "hidden\0"]}},
    "network": {"domains": [{"domain": "bad.example"}]},
}


def written(folder: Path, results: dict[str, Any], **options: Any) -> bytes:
    (report_class,) = classes_of(load_file(MODULE), Report)
    (folder / "reports").mkdir(exist_ok=True)
    report = report_class()
    report.set_path(folder)
    report.set_options(Options(options))
    report.run(results)
    return (folder / "reports" / "misp.json").read_bytes()


def test_a_second_run_writes_the_same_bytes(tmp_path: Path) -> None:
    data = written(tmp_path, RESULTS)

    assert checked_event(data, tmp_path)
    assert data == written(tmp_path, RESULTS)


def test_the_options_reach_the_report(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed.txt"
    allowed.write_text("mutex:held\n")

    assert b"2 mutexes beyond the bounds" in written(tmp_path, RESULTS, entries=1)
    assert b"1 indicator on an allow-list" in written(tmp_path, RESULTS, allowlist=str(allowed))
    assert written(tmp_path, RESULTS, threshold=10) != written(tmp_path, RESULTS)
    assert written(tmp_path, RESULTS, indicators="domain") != written(tmp_path, RESULTS)


def test_an_allow_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CuckooDependencyError, match=r"cannot read an allow-list: .*nowhere\.txt"):
        written(tmp_path, RESULTS, allowlist="nowhere.txt")


def test_a_report_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "reports" / "misp.json").mkdir(parents=True)

    with pytest.raises(CuckooReportError, match=r"cannot write .*misp\.json"):
        written(tmp_path, {})


def test_without_its_library_the_report_is_unavailable_and_the_others_are_written(
    root: WorkingRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymisp", None)
    (root.path / "conf" / "reporting.conf").write_text("[jsondump]\nenabled = yes\n[misp]\nenabled = yes\n")
    results = root.process(reports=True)

    assert run_of(results, "misp").outcome is Outcome.UNAVAILABLE
    assert "pip install 'fledge[misp]'" in run_of(results, "misp").reason
    assert [file.name for file in (root.analysis / "reports").iterdir()] == ["report.json"]


def test_what_is_left_out_stands_in_the_ledger(root: WorkingRoot) -> None:
    root.add_run("network", 'return {"hosts": [{"ip": "none"}]}')
    (root.path / "conf" / "reporting.conf").write_text("[misp]\nenabled = yes\n")

    assert run_of(root.process(reports=True), "misp").notes == ("left out: 1 address of no valid form",)
