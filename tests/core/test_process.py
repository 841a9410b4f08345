import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import fledge
from lib.cuckoo.common.exceptions import CuckooOperationalError, CuckooStartupError
from lib.cuckoo.core.ledger import Outcome
from tests.working_root import WorkingRoot, run_of


def test_results_are_a_read_only_mapping(root: WorkingRoot) -> None:
    root.add_run("a", "return 1")

    results = root.process()

    assert isinstance(results, Mapping)
    assert (results["a"], results.get("b"), "a" in results, len(results)) == (
        1,
        None,
        True,
        len(list(results)),
    )
    with pytest.raises(TypeError):
        results["a"] = 2  # type: ignore[index]
    assert results.path == root.analysis
    assert "a" in repr(results)


def test_the_task_given_reaches_modules_with_what_they_rely_on(root: WorkingRoot) -> None:
    root.add_run("a", "return [self.task['id'], self.task['category'], self.task['custom']]")

    assert root.process(task={"id": 5, "custom": "x"})["a"] == [5, "unknown", "x"]


def test_nothing_is_written_into_the_folder_unless_reports_are_wanted(root: WorkingRoot) -> None:
    root.add_run("a", "return 1")

    root.process()
    assert list(root.analysis.iterdir()) == []

    root.process(reports=True)
    written = sorted(file.name for file in root.analysis.rglob("*"))
    assert written == ["iocs.csv", "iocs.ndjson", "report.html", "report.json", "reports"]


def test_a_relative_path_and_a_foreign_working_folder_do(
    root: WorkingRoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.add_run("a", "from lib.cuckoo.common.constants import CUCKOO_ROOT; return CUCKOO_ROOT")
    monkeypatch.setenv("FLEDGE_ROOT", "/nonexistent")
    monkeypatch.chdir(tmp_path)

    results = fledge.process(root.analysis.relative_to(tmp_path), root=root.path)

    assert results["a"] == str(root.path)
    assert os.environ["FLEDGE_ROOT"] == "/nonexistent"


def test_the_root_of_the_environment_or_the_current_folder_is_found(
    root: WorkingRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.add_run("a", "return 1")
    monkeypatch.setenv("FLEDGE_ROOT", str(root.path))
    assert fledge.process(root.analysis)["a"] == 1

    monkeypatch.delenv("FLEDGE_ROOT")
    monkeypatch.chdir(root.path)
    assert fledge.process(root.analysis)["a"] == 1
    assert "FLEDGE_ROOT" not in os.environ


def test_a_root_that_does_not_exist_is_a_startup_error(root: WorkingRoot) -> None:
    with pytest.raises(CuckooStartupError, match="/nonexistent is not a folder"):
        fledge.process(root.analysis, root="/nonexistent")


@pytest.mark.parametrize("jobs", [0, -1])
def test_no_jobs_at_all_are_refused(root: WorkingRoot, jobs: int) -> None:
    with pytest.raises(ValueError, match="jobs"):
        root.process(jobs=jobs)


def test_a_folder_that_is_missing_or_a_file_is_an_operational_error(root: WorkingRoot) -> None:
    (root.path / "file").write_text("x")
    for path, words in (("none", "No such file"), ("file", "Not a directory")):
        with pytest.raises(CuckooOperationalError, match=words):
            fledge.process(root.path / path, root=root.path)


def test_an_empty_folder_is_processed(root: WorkingRoot) -> None:
    results = fledge.process(root.analysis)

    assert results["info"]["id"] == 7
    assert results["target"] == {"category": "unknown"}


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_an_operational_error(root: WorkingRoot) -> None:
    root.analysis.chmod(0)
    try:
        with pytest.raises(CuckooOperationalError, match="Permission denied"):
            root.process()
    finally:
        root.analysis.chmod(0o700)


def test_importing_fledge_loads_no_heavy_module() -> None:
    heavy = {
        "rich",
        "click",
        "msgpack",
        "magic",
        "ctypes",
        "asyncio",
        "json",
        "tempfile",
        "subprocess",
        "yaml",
    }
    code = f"import sys; before = set(sys.modules); import fledge; print(sorted({heavy!r} & set(sys.modules) - before))"

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout == "[]\n"


def test_an_observer_hears_the_plan_each_start_and_each_end(root: WorkingRoot) -> None:
    heard: list[Any] = []

    class Listener:
        def planned(self, stage: str, names: Any) -> None:
            heard.append((stage, names))

        def started(self, candidate: Any) -> None:
            heard.append(("started", candidate.name))

        def progress(self, candidate: Any, text: str) -> None:
            pass

        def finished(self, run: Any) -> None:
            heard.append((run.module, run.outcome))

        def tick(self) -> None:
            pass

    root.add_run("a", "return 1")
    root.add_run("b", "1 / 0")
    results = root.process(observer=Listener())

    assert heard == [
        ("processing", ["a", "b"]),
        ("started", "a"),
        ("a", Outcome.COMPLETED),
        ("started", "b"),
        ("b", Outcome.CRASHED),
    ]
    assert results.failures == (run_of(results, "b"),)


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "\ud800"])
def test_a_name_that_no_folder_can_have_is_an_operational_error(root: WorkingRoot, name: str) -> None:
    with pytest.raises(CuckooOperationalError, match="cannot read the analysis folder"):
        fledge.process(name, root=root.path)


def test_what_a_report_lacks_stands_in_the_ledger(root: WorkingRoot) -> None:
    source = """
        from lib.cuckoo.common.abstracts import Report


        class Partial(Report):
            def __init__(self):
                pass

            def run(self, results):
                self.note("left out: 7 things")
    """
    root.add_report("partial", source)

    assert run_of(root.process(reports=True), "partial").notes == ("left out: 7 things",)
