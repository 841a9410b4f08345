from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.common.options import Options
from lib.cuckoo.common.report import Report
from lib.cuckoo.core.discovery import classes_of, load_file

HTML = Path(__file__).resolve().parents[3] / "modules" / "reporting" / "html.py"


def written(folder: Path, results: dict[str, Any], **options: Any) -> str:
    (report_class,) = classes_of(load_file(HTML), Report)
    (folder / "reports").mkdir(exist_ok=True)
    report = report_class()
    report.set_path(folder)
    report.set_options(Options(options))
    report.run(results)
    return (folder / "reports" / "report.html").read_text(encoding="utf-8")


def test_the_page_is_written_whole(tmp_path: Path) -> None:
    markup = written(tmp_path, {"target": {"category": "url", "url": "http://bad.example/"}})

    assert markup.startswith("<!doctype html>")
    assert markup.rstrip().endswith("</html>")
    assert "http://bad.example/" in markup


def test_the_options_reach_the_page(tmp_path: Path) -> None:
    assert "1 of 2 shown" in written(tmp_path, {"strings": ["one", "two"]}, entries=1)


def test_a_page_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "reports" / "report.html").mkdir(parents=True)

    with pytest.raises(CuckooReportError, match=r"cannot write .*report\.html"):
        written(tmp_path, {})
