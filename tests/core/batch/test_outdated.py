import dataclasses
import gzip
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lib.cuckoo.cli import cli
from lib.cuckoo.core.batch.outdated import why_outdated
from lib.cuckoo.core.batch.place import Place, identity
from lib.cuckoo.core.batch.states import Ending, State, States
from tests.core.batch.herd import Herd
from tests.working_root import WorkingRoot

WRITTEN = 1_769_865_704.0
LEFT_OUT = State(
    Ending.COMPLETED, seconds=8.0, report={"outcome": "DISABLED", "reason": "left out by --skip"}
)
DIED = State(Ending.UNPROCESSED, seconds=8.0, error="its process was killed by SIGKILL")
STOPPED = State(Ending.INTERRUPTED, seconds=8.0)


def fledge(root: WorkingRoot, *arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments), "--root", str(root.path)])


def report_of(tmp_path: Path, state: State | None, seconds: float, name: str = "report.json") -> Path:
    """Return a report that lies so many seconds before the end of the run that recorded `state`."""
    report = tmp_path / "7" / "reports" / name
    report.parent.mkdir(parents=True)
    report.write_text("{}")
    os.utime(report, (WRITTEN, WRITTEN))
    if state is not None:
        place = Place(tmp_path)
        place.make()
        States(place).write("7", state)
        digits = identity("7")
        os.utime(place.states / digits[:2] / f"{digits}.json", (0, WRITTEN + seconds))
    return report


@pytest.mark.parametrize(
    ("state", "seconds", "why"),
    [
        (LEFT_OUT, 8.1, "with jsondump DISABLED: left out by --skip"),
        (LEFT_OUT, 8.0, ""),
        (DIED, 10.1, "without a report: its process was killed by SIGKILL"),
        (DIED, 10.0, ""),
        (STOPPED, 10.1, "before it wrote a report"),
        (STOPPED, 10.0, ""),
    ],
)
def test_a_report_is_outdated_that_was_written_before_the_last_run_began(
    tmp_path: Path, state: State, seconds: float, why: str
) -> None:
    found = why_outdated(report_of(tmp_path, state, seconds))

    assert found.endswith(why)
    assert found.startswith("of an earlier run; the last one ended 2026-01-31 13:21:5") == bool(why)


@pytest.mark.parametrize(
    "state",
    [
        None,
        dataclasses.replace(LEFT_OUT, report={"outcome": "COMPLETED", "reason": ""}),
        dataclasses.replace(LEFT_OUT, report={"outcome": "CACHED", "reason": ""}),
        dataclasses.replace(LEFT_OUT, report={}),
        dataclasses.replace(LEFT_OUT, report={"outcome": ""}),
        dataclasses.replace(LEFT_OUT, seconds=0.0),
        dataclasses.replace(STOPPED, seconds=0.0),
    ],
)
def test_nothing_is_said_where_nobody_can_know(tmp_path: Path, state: State | None) -> None:
    assert why_outdated(report_of(tmp_path, state, 3600.0)) == ""


@pytest.mark.parametrize("name", ["before.json", "REPORT.JSON"])
def test_nothing_is_said_of_a_file_that_no_run_writes(tmp_path: Path, name: str) -> None:
    assert why_outdated(report_of(tmp_path, LEFT_OUT, 3600.0, name)) == ""
    lone = tmp_path / "report.json"
    lone.write_text("{}")
    assert why_outdated(lone) == ""


def test_a_record_of_anything_is_shown_bounded_and_harmless(tmp_path: Path) -> None:
    hostile = {"outcome": "\x1b[2J" * 1000, "reason": "\udc80"}

    found = why_outdated(report_of(tmp_path, dataclasses.replace(LEFT_OUT, report=hostile), 3600.0))

    assert len(found) < 2000
    assert found.isprintable()


def test_records_behind_a_link_are_not_asked(tmp_path: Path) -> None:
    report = report_of(tmp_path, LEFT_OUT, 3600.0)
    (tmp_path / ".fledge").rename(tmp_path / "elsewhere")
    (tmp_path / ".fledge").symlink_to(tmp_path / "elsewhere")

    assert why_outdated(report) == ""


def test_the_commands_that_open_a_report_say_that_it_is_of_an_earlier_run(root: WorkingRoot) -> None:
    herd = Herd(root, 2, 0.0)
    for name in herd.names:
        fledge(root, "process", name)
    assert "earlier run" not in fledge(root, "show", "1").output

    fledge(root, "process", "1", "--skip", "jsondump")

    story, value = fledge(root, "show", "1", "summary"), fledge(root, "show", "1", "--json", "diarist")
    why = "UTC with jsondump DISABLED: left out by --skip"
    assert story.stdout.splitlines()[0].startswith(
        f"{herd.folder}/1/reports/report.json is of an earlier run"
    )
    assert why in story.stdout.splitlines()[0]
    assert (why in value.stderr, json.loads(value.stdout)) == (True, "1")
    notes = json.loads(fledge(root, "diff", "1", "2", "--json").stdout)["notes"]
    assert [note[:33] for note in notes] == ["A: the report is of an earlier ru"]
    fledge(root, "process", "1")
    assert "earlier run" not in fledge(root, "show", "1").output


def test_a_report_that_failed_is_named_with_its_reason(root: WorkingRoot) -> None:
    herd = Herd(root, 1, 0.0)
    fledge(root, "process", "1")
    report = herd.folder / "1" / "reports" / "report.json"
    (report.parent / "report.json.gz").write_bytes(gzip.compress(report.read_bytes()))
    (root.path / "conf" / "reporting.conf").write_text("[jsondump]\nenabled = yes\ncompress = bzip\n")

    assert fledge(root, "process", herd.folder).exit_code == 1

    shown = fledge(root, "show", "1").stdout
    assert "report.json.gz is of an earlier run" in shown
    assert "UTC with jsondump FAILED: cannot pack with 'bzip'" in shown
