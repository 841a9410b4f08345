"""What the reports for other platforms have in common: options, errors, and what stands in the ledger."""

import sys
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooReportError
from lib.cuckoo.common.options import Options
from lib.cuckoo.common.report import Report
from lib.cuckoo.core.discovery import classes_of, load_file
from lib.cuckoo.core.ledger import Outcome
from tests.working_root import WorkingRoot, run_of

MODULES = Path(__file__).resolve().parents[3] / "modules" / "reporting"
RESULTS = {
    "malscore": 9,
    "behavior": {"summary": {"mutexes": ["held", "free", "hidden\0"]}},
    "network": {"domains": [{"domain": "bad.example"}]},
}
LIBRARIES = {"misp": "pymisp", "stix": "stix2"}
both = pytest.mark.parametrize("name", ["misp", "stix"])


def written(name: str, folder: Path, results: dict[str, Any], **options: Any) -> bytes:
    """Run one of the reports in a folder and return what it wrote."""
    (report_class,) = classes_of(load_file(MODULES / f"{name}.py"), Report)
    (folder / "reports").mkdir(exist_ok=True)
    report = report_class()
    report.set_path(folder)
    report.set_options(Options(options))
    report.run(results)
    return (folder / "reports" / f"{name}.json").read_bytes()


@both
def test_the_options_reach_the_report(name: str, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed.txt"
    allowed.write_text("mutex:held\n")

    assert b"2 mutexes beyond the bounds" in written(name, tmp_path, RESULTS, entries=1)
    assert b"1 indicator on an allow-list" in written(name, tmp_path, RESULTS, allowlist=str(allowed))
    assert written(name, tmp_path, RESULTS, threshold=10) != written(name, tmp_path, RESULTS)
    assert written(name, tmp_path, RESULTS, indicators="domain") != written(name, tmp_path, RESULTS)


@both
def test_an_allow_list_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(CuckooDependencyError, match=r"cannot read an allow-list: .*nowhere\.txt"):
        written(name, tmp_path, RESULTS, allowlist="nowhere.txt")


@both
def test_a_report_that_cannot_be_written_is_an_error_with_its_path(name: str, tmp_path: Path) -> None:
    (tmp_path / "reports" / f"{name}.json").mkdir(parents=True)

    with pytest.raises(CuckooReportError, match=rf"cannot write .*{name}\.json"):
        written(name, tmp_path, {})


@both
def test_without_its_library_the_report_is_unavailable_and_the_others_are_written(
    name: str, root: WorkingRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, LIBRARIES[name], None)
    (root.path / "conf" / "reporting.conf").write_text(
        f"[jsondump]\nenabled = yes\n[{name}]\nenabled = yes\n"
    )
    results = root.process(reports=True)

    assert run_of(results, name).outcome is Outcome.UNAVAILABLE
    assert f"pip install 'fledge[{name}]'" in run_of(results, name).reason
    assert [file.name for file in (root.analysis / "reports").iterdir()] == ["report.json"]


@both
def test_what_is_left_out_stands_in_the_ledger(name: str, root: WorkingRoot) -> None:
    root.add_run("network", 'return {"hosts": [{"ip": "none"}]}')
    (root.path / "conf" / "reporting.conf").write_text(f"[{name}]\nenabled = yes\n")

    assert run_of(root.process(reports=True), name).notes == ("left out: 1 address of no valid form",)
