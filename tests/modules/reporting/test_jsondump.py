import json
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.common.options import Options
from lib.cuckoo.common.report import Report
from lib.cuckoo.core.discovery import classes_of, load_file

JSONDUMP = Path(__file__).resolve().parents[3] / "modules" / "reporting" / "jsondump.py"


def written(folder: Path, results: dict[str, Any], **options: Any) -> str:
    (report_class,) = classes_of(load_file(JSONDUMP), Report)
    (folder / "reports").mkdir(exist_ok=True)
    report = report_class()
    report.set_path(folder)
    report.set_options(Options(options))
    report.run(results)
    return (folder / "reports" / "report.json").read_text(encoding="utf-8")


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
