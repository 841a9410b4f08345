import json
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooReportError
from lib.cuckoo.common.options import Options
from lib.cuckoo.common.report import Report
from lib.cuckoo.core.discovery import classes_of, load_file
from lib.cuckoo.reporting.saved import read_report

JSONDUMP = Path(__file__).resolve().parents[3] / "modules" / "reporting" / "jsondump.py"


RESULTS: dict[str, Any] = {
    "behavior": {
        "processes": [{"process_id": pid, "calls": [{"api": "NtClose"}] * 3} for pid in (4, 4, "../x")]
    }
}


def run(folder: Path, results: dict[str, Any], **options: Any) -> Path:
    (report_class,) = classes_of(load_file(JSONDUMP), Report)
    (folder / "reports").mkdir(exist_ok=True)
    report = report_class()
    report.set_path(folder)
    report.set_options(Options(options))
    report.run(results)
    return folder / "reports"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def written(folder: Path, results: dict[str, Any], **options: Any) -> str:
    return (run(folder, results, **options) / "report.json").read_text(encoding="utf-8")


def test_known_sections_come_first_and_the_engines_own_last(tmp_path: Path) -> None:
    text = written(tmp_path, {"engine": {}, "zebra": 1, "target": {}, "ant": 2, "info": {"id": 1}})

    assert list(json.loads(text)) == ["info", "target", "ant", "zebra", "engine"]


def test_one_line_by_default_and_indented_on_demand(tmp_path: Path) -> None:
    results = {"info": {"id": 1}}

    assert written(tmp_path, results) == '{"info":{"id":1}}'
    assert written(tmp_path, results, indent=2) == json.dumps(results, indent=2)


def test_a_report_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "reports" / "report.json").mkdir(parents=True)

    with pytest.raises(CuckooReportError, match=r"cannot write .*report\.json"):
        written(tmp_path, {})


@pytest.mark.parametrize(("how", "name"), [("gzip", "report.json.gz"), ("zstd", "report.json.zst")])
def test_a_packed_report_leaves_no_plain_one_of_an_earlier_run_beside_it(
    tmp_path: Path, how: str, name: str
) -> None:
    run(tmp_path, {"run": "old"})

    reports = run(tmp_path, {"run": "new"}, compress=how)

    assert names_in(reports) == [name]
    assert read_report(tmp_path) == {"run": "new"}
    run(tmp_path, {"run": "newest"}, compress=False)
    assert names_in(reports) == ["report.json"]


def test_without_the_library_the_report_of_the_earlier_run_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, {"run": "old"})
    monkeypatch.setitem(sys.modules, "zstandard", None)

    with pytest.raises(CuckooDependencyError, match="zstandard"):
        run(tmp_path, {"run": "new"}, compress="zstd")

    assert read_report(tmp_path) == {"run": "old"}


def test_separate_calls_are_told_in_the_report_and_read_again(tmp_path: Path) -> None:
    processes = json.loads(written(tmp_path, RESULTS, calls="separate"))["behavior"]["processes"]

    assert [each["calls"] for each in processes] == [[], [], []]
    assert [each["calls_count"] for each in processes] == [3, 3, 3]
    names = [each["calls_file"] for each in processes]
    assert names == ["calls/4.ndjson", "calls/4-2.ndjson", "calls/unknown.ndjson"]
    again = read_report(tmp_path)["behavior"]["processes"]
    assert [list(each["calls"]) for each in again] == [[{"api": "NtClose"}] * 3] * 3


@pytest.mark.parametrize("calls", [True, False])
def test_files_of_calls_of_an_earlier_run_are_removed(tmp_path: Path, calls: bool) -> None:
    run(tmp_path, RESULTS, calls="separate")

    processes = json.loads(written(tmp_path, RESULTS, calls=calls))["behavior"]["processes"]

    assert names_in(tmp_path / "reports") == ["report.json"]
    assert len(processes[0]["calls"]) == (3 if calls else 0)
    assert processes[0].get("calls_count") == (None if calls else 3)


@pytest.mark.parametrize(
    ("option", "value"), [("calls", "sometimes"), ("compress", "rar"), ("compress", True)]
)
def test_an_option_that_is_none_is_named_and_costs_nothing(
    tmp_path: Path, option: str, value: object
) -> None:
    run(tmp_path, RESULTS, calls="separate")

    with pytest.raises(CuckooReportError, match="there are"):
        run(tmp_path, RESULTS, **{option: value})

    assert (names_in(tmp_path / "reports")) == ["calls", "report.json"]
    assert len(read_report(tmp_path)["behavior"]["processes"][0]["calls"]) == 3


def test_the_page_is_written_after_the_calls() -> None:
    page, dump = (
        cast("type[Report]", each)
        for name in ("html.py", "jsondump.py")
        for each in classes_of(load_file(JSONDUMP.with_name(name)), Report)
    )

    assert dump.order < page.order
