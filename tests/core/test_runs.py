import json
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.core.runs import opened_run
from lib.cuckoo.reporting.diff.compare import compare
from tests.reporting.conftest import EXAMPLE


def analysis(tmp_path: Path, *processes: dict[str, Any], logs: bool = True) -> Path:
    (tmp_path / "reports").mkdir(parents=True)
    (tmp_path / "reports" / "report.json").write_text(json.dumps({"behavior": {"processes": processes}}))
    if logs:
        (tmp_path / "logs").mkdir()
        for log in (EXAMPLE / "logs").iterdir():
            (tmp_path / "logs" / log.name).write_bytes(log.read_bytes())
    return tmp_path


def test_calls_that_the_report_leaves_out_are_read_from_the_logs(tmp_path: Path) -> None:
    elsewhere = {"process_id": 2840, "calls": [], "calls_count": 5}
    cut = {"process_id": 3124, "calls": [{"api": "x"}], "truncated": {"calls": {"shown": 1, "total": 9}}}
    complete = {"process_id": 3388, "calls": [{"api": "y"}]}

    with opened_run(analysis(tmp_path, elsewhere, cut, complete), "1") as run:
        counts = [len(process["calls"]) for process in run.results["behavior"]["processes"]]
        assert counts[0] > 50
        assert counts[1] > 50
        assert counts[2] == 1
        assert run.notes == ["the report has not all calls of 2 processes; they were read from logs/"]


def test_what_is_not_there_at_all_is_noted(tmp_path: Path) -> None:
    elsewhere = {"process_id": 2840, "calls": [], "calls_count": 5}

    with opened_run(analysis(tmp_path, elsewhere, logs=False), "1") as run:
        assert run.notes == ["the report has not all calls of 1 process, and there are no logs with them"]
        found = compare(run, run)
    assert found.notes[0].startswith("A: the report has not all calls")
    assert not found


def test_logs_beside_a_lone_report_are_not_its_own(tmp_path: Path) -> None:
    folder = analysis(tmp_path, {"process_id": 2840, "calls": [], "calls_count": 5})
    lone = folder / "lone.json"
    (folder / "reports" / "report.json").rename(lone)

    with opened_run(lone, "1") as run:
        assert len(run.results["behavior"]["processes"][0]["calls"]) == 0


def test_a_run_without_a_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(CuckooOperationalError, match="no report in"), opened_run(tmp_path, "1"):
        pass
