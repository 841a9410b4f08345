"""`fledge watch`."""

import json
import signal
from pathlib import Path

import pytest

from lib.cuckoo.core.batch.holder import Holder, this_machine
from lib.cuckoo.core.batch.place import identity
from lib.cuckoo.core.batch.states import Ending
from tests.core.batch.herd import Herd, kill, wait_until
from tests.working_root import WorkingRoot

QUICK = ("--settle", 0, "--interval", 0.1)
ELSEWHERE = Holder("e" * 32, "2", "", "sandbox-2", "another boot", 4, 5, "2026-01-31 13:21:44")


@pytest.fixture
def herd(root: WorkingRoot) -> Herd:
    return Herd(root, 3, 0.0)


def test_what_is_there_and_what_comes_is_processed_once(herd: Herd) -> None:
    running = herd.start("watch", herd.folder, *QUICK)
    wait_until(lambda: len(herd.finished()) == 3)
    herd.add("new")
    herd.names.append("new")
    wait_until(lambda: len(herd.finished()) == 4)

    running.send_signal(signal.SIGTERM)
    output, errors = running.communicate(timeout=60)

    assert (running.returncode, errors) == (0, "")
    assert "watching" in output
    assert "COMPLETED" in output
    assert herd.finished() == dict.fromkeys(herd.names, 1)
    assert (herd.leases(), herd.processes()) == ([], [])
    assert herd.run("watch", herd.folder, *QUICK, "--once").returncode == 0
    assert herd.finished() == dict.fromkeys(herd.names, 1)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_cleanly_in_the_middle_of_an_analysis(
    root: WorkingRoot, number: int, status: int
) -> None:
    herd = Herd(root, 2, 600)
    running = herd.start("watch", herd.folder, *QUICK, "--workers", 2)
    herd.wait_for_starts(2)

    running.send_signal(number)
    running.communicate(timeout=60)

    assert running.returncode == status
    assert (herd.leases(), herd.processes(), herd.drafts()) == ([], [], [])
    states = [herd.state(name) for name in herd.names]
    assert [state and (state.ending, state.seconds > 0) for state in states] == [
        (Ending.INTERRUPTED, True)
    ] * 2


def test_an_analysis_waits_until_it_is_settled_or_marked(herd: Herd) -> None:
    herd.run("watch", herd.folder, "--settle", 3600, "--once")
    herd.run("watch", herd.folder, "--marker", "done", "--once")
    assert herd.starts() == {}
    (herd.folder / "2" / "done").touch()

    herd.run("watch", herd.folder, "--marker", "done", "--once")

    assert herd.starts() == {"2": 1}


@pytest.mark.parametrize("marker", ["/etc/passwd", "../done", "a/../../b"])
def test_a_marker_lies_inside_the_analysis(herd: Herd, marker: str) -> None:
    shown = herd.run("watch", herd.folder, "--marker", marker, "--once")

    assert shown.returncode == 2
    assert "no name inside an analysis" in shown.stderr


def test_failures_are_tried_again_as_often_as_allowed(herd: Herd) -> None:
    herd.root.add_run("flaw", "if self.analysis_path.endswith('/2'): 1 / 0\nreturn 1")
    running = herd.start("watch", herd.folder, *QUICK, "--retries", 2, "--backoff", 0.1, "--json")
    wait_until(lambda: herd.starts()["2"] == 3)
    wait_until(lambda: (state := herd.state("2")) is not None and state.tries == 3)
    running.send_signal(signal.SIGTERM)
    output, _ = running.communicate(timeout=60)

    told = [json.loads(line) for line in output.splitlines()]
    tries = [line for line in told if line["event"] == "finished" and line["path"].endswith("/2")]
    assert [line["tries"] for line in tries] == [1, 2, 3]
    assert ["retry_at" in line for line in tries] == [True, True, False]
    assert herd.starts() == {"1": 1, "2": 3, "3": 1}
    assert herd.run("watch", herd.folder, *QUICK, "--once").returncode == 0
    assert herd.starts()["2"] == 3


def test_a_retry_that_is_not_due_survives_a_restart(herd: Herd) -> None:
    herd.root.add_run("flaw", "if self.analysis_path.endswith('/2'): 1 / 0\nreturn 1")

    first = herd.run("watch", herd.folder, *QUICK, "--once", "--backoff", 3600)
    second = herd.run("watch", herd.folder, *QUICK, "--once")

    assert (first.returncode, second.returncode) == (1, 0)
    assert "again in" in first.stdout
    assert herd.starts()["2"] == 1


def test_what_was_processed_before_the_first_watch_is_not_new(herd: Herd) -> None:
    reports = herd.folder / "1" / "reports"
    reports.mkdir()
    (reports / "report.json").write_text("{}")

    herd.run("watch", herd.folder, *QUICK, "--once")

    assert herd.starts() == {"2": 1, "3": 1}


def test_a_report_without_a_state_is_done_again_if_its_process_was_killed(root: WorkingRoot) -> None:
    herd = Herd(root, 1, 0.0)
    root.add_report(
        "last",
        """
        import os, time
        from lib.cuckoo.common.abstracts import Report
        class Last(Report):
            order = 9
            def run(self, results):
                if not os.path.exists(self.analysis_path + "/again"):
                    time.sleep(600)
        """,
    )
    running = herd.start("watch", herd.folder, *QUICK)
    wait_until((herd.folder / "1" / "reports" / "report.json").exists)
    kill(running, group=True)
    wait_until(lambda: not herd.processes())
    (herd.folder / "1" / "again").touch()

    herd.run("watch", herd.folder, *QUICK, "--once")

    assert herd.starts() == {"1": 2}
    assert herd.finished() == {"1": 1}


def test_a_line_that_a_kill_kept_out_of_the_journal_is_added(herd: Herd) -> None:
    """Killed between the state and the journal: the lease is still there, under the state's attempt."""
    herd.run("watch", herd.folder, *QUICK, "--once")
    [journal] = herd.place.runs.iterdir()
    lines = journal.read_text().splitlines(keepends=True)
    [line] = [line for line in lines if '"finished"' in line and '/2"' in line]
    journal.write_text("".join(lines[: lines.index(line)]) + line[:40])
    state = herd.state("2")
    assert state
    dead = Holder(state.attempt, "2", str(journal), "", this_machine(), 2**22 + 1, 5, "")
    (herd.place.leases / identity("2")).write_bytes(dead.as_bytes())

    herd.run("watch", herd.folder, *QUICK, "--once")

    told = [event for event in herd.events() if event.get("attempt") == state.attempt]
    assert [event["event"] for event in told] == ["started", "finished"]
    assert herd.starts()["2"] == 1
    assert herd.leases() == []


def test_an_analysis_that_somebody_else_works_on_is_left_to_them(herd: Herd) -> None:
    herd.place.make()
    (herd.place.leases / identity("2")).write_bytes(ELSEWHERE.as_bytes())

    assert herd.run("watch", herd.folder, *QUICK, "--once").returncode == 0

    assert herd.starts() == {"1": 1, "3": 1}


def test_an_analysis_that_goes_away_is_forgotten(herd: Herd) -> None:
    running = herd.start("watch", herd.folder, "--settle", 3600, "--interval", 0.1)
    wait_until(lambda: any(event["event"] == "state" for event in herd.events()))
    for name in herd.names:
        (herd.folder / name / "analysis.log").unlink()
        (herd.folder / name).rmdir()
    herd.add("4")

    running.send_signal(signal.SIGTERM)
    _, errors = running.communicate(timeout=60)

    assert (running.returncode, errors) == (0, "")


def test_a_folder_that_is_none_is_status_2(tmp_path: Path, herd: Herd) -> None:
    assert herd.run("watch", tmp_path / "none").returncode == 2
