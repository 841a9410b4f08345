"""`fledge process` over many analyses."""

import json
import os
import signal
from pathlib import Path

import pytest

from lib.cuckoo.core.batch.holder import Holder, this_machine
from lib.cuckoo.core.batch.journal import events
from lib.cuckoo.core.batch.place import identity
from lib.cuckoo.core.batch.states import Ending
from tests.core.batch.herd import Herd, Ran, kill, wait_until
from tests.working_root import WorkingRoot

ELSEWHERE = Holder("e" * 32, "2", "", "sandbox-2", "another boot", 4, 5, "2026-01-31 13:21:44")


@pytest.fixture
def herd(root: WorkingRoot) -> Herd:
    return Herd(root, 4, 0.0)


def lines_of(shown: Ran) -> list[dict[str, object]]:
    return [json.loads(line) for line in shown.stdout.splitlines()]


def add_flaw(herd: Herd, body: str) -> None:
    """Add a module that does `body` to analysis 2."""
    herd.root.add_run("flaw", f"if self.analysis_path.endswith('/2'):\n    {body}\nreturn 1")


def test_a_folder_of_analyses_is_taken_as_all_of_them(herd: Herd) -> None:
    shown = herd.run("process", herd.folder)

    assert (shown.returncode, shown.stderr) == (0, "")
    assert [herd.report(name)["diarist"] for name in herd.names] == herd.names
    assert "4 analyses" in shown.stdout
    assert "4/4" in shown.stdout
    assert str(herd.place.runs) in shown.stdout
    assert herd.leases() == []


def test_one_bad_folder_stops_nothing_and_the_worst_status_counts(herd: Herd) -> None:
    add_flaw(herd, "1 / 0")

    failed = herd.run("process", 1, 2, 3)
    nowhere = herd.run("process", 1, "nowhere", 3, "--json")

    assert failed.returncode == 1
    assert "ZeroDivisionError" in failed.stdout
    assert nowhere.returncode == 2
    [line] = [line for line in lines_of(nowhere) if line.get("ending") == "UNPROCESSED"]
    assert line["path"] == "nowhere"
    assert "No such file" in str(line["error"])
    assert herd.starts() == {"1": 2, "2": 1, "3": 2}


def test_an_analysis_with_nothing_to_read_completes_and_is_told_of(herd: Herd) -> None:
    (herd.folder / "2" / "analysis.log").unlink()

    shown = herd.run("process", herd.folder, "--json")
    single = herd.run("process", 2)

    finished = [line for line in lines_of(shown) if line["event"] == "finished"]
    assert {str(line["path"])[-1]: line.get("empty") for line in finished} == {
        "1": None,
        "2": True,
        "3": None,
        "4": None,
    }
    assert (shown.returncode, single.returncode) == (0, 0)
    assert "nothing to read: there is none of the files that sandboxes leave" in single.stdout
    assert "nothing to read" not in herd.run("process", 1).stdout


def test_folders_named_twice_or_by_a_link_are_processed_once(herd: Herd, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(herd.folder / "1")

    shown = herd.run("process", 1, herd.folder / "1", tmp_path / "link", herd.folder, "--json")

    assert shown.returncode == 0
    assert [line["count"] for line in lines_of(shown) if line["event"] == "selected"] == [4]
    assert herd.starts() == dict.fromkeys(herd.names, 1)


def test_the_log_the_output_for_machines_and_the_journal_are_the_same_lines(
    herd: Herd, tmp_path: Path
) -> None:
    shown = herd.run("process", herd.folder, "--json", "--log", tmp_path / "log")

    lines = lines_of(shown)
    assert list(events(tmp_path / "log")) == lines
    assert herd.events() == lines
    assert [line["event"] for line in lines][:2] == ["run", "selected"]
    assert lines[-1]["counts"] == {"COMPLETED": 4}
    assert shown.stdout.isascii()


def test_only_analyses_of_a_time_are_processed(herd: Herd) -> None:
    for name, day in (
        ("1", "2025-12-31 23:59:59"),
        ("2", "2026-01-01 00:00:00"),
        ("3", "2026-02-01 00:00:00"),
    ):
        (herd.folder / name / "task.json").write_text(json.dumps({"completed_on": day}))
    os.utime(herd.folder / "4", (86400, 86400))

    herd.run("process", herd.folder, "--since", "2026-01-01")
    assert herd.starts() == {"2": 1, "3": 1}
    herd.run("process", herd.folder, "--since", "2026-01-01 00:00:01")

    assert herd.starts() == {"2": 1, "3": 2}


def test_only_what_failed_or_never_ended_is_processed_again(herd: Herd) -> None:
    (herd.folder / "4" / "reports").mkdir()
    (herd.folder / "4" / "reports" / "report.json").write_text("{}")
    assert herd.run("process", herd.folder, "--failed").returncode == 0
    assert herd.starts() == {"1": 1, "2": 1, "3": 1}

    add_flaw(herd, "raise CuckooProcessingError('cut short')")
    assert herd.run("process", herd.folder).returncode == 1
    state = herd.state("2")
    assert state
    assert (state.ending, state.tries) == (Ending.FAILED, 1)
    assert state.failures == [{"module": "flaw", "outcome": "FAILED", "reason": "cut short"}]
    herd.run("process", herd.folder, "--failed")
    state = herd.state("2")
    assert state
    assert state.tries == 2

    herd.root.add_run("flaw", "return 1")
    herd.run("process", herd.folder, "--failed")
    herd.run("process", herd.folder, "--failed")
    assert herd.starts() == {"1": 2, "2": 4, "3": 2, "4": 1}
    state = herd.state("2")
    assert state
    assert (state.ending, state.tries) == (Ending.COMPLETED, 0)


def test_an_interrupted_run_is_resumed_and_an_ended_one_is_not(root: WorkingRoot) -> None:
    herd = Herd(root, 8, 0.15)
    running = herd.start("process", herd.folder, "--workers", 2)
    herd.wait_for_starts(5)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=60)

    assert running.returncode == 130
    assert "the same command with --resume does them" in output
    assert "INTERRUPTED" in output
    assert (herd.leases(), herd.processes(), herd.drafts()) == ([], [], [])
    assert sum(herd.finished().values()) < 8

    resumed = herd.run("process", herd.folder, "--resume")
    assert resumed.returncode == 0
    assert "8 analyses" in resumed.stdout
    assert herd.finished() == dict.fromkeys(herd.names, 1)
    assert len(list(herd.place.runs.iterdir())) == 1

    assert herd.run("process", herd.folder, "--resume").returncode == 0
    assert herd.finished() == dict.fromkeys(herd.names, 2)


def test_a_run_that_goes_on_is_not_resumed_beside_itself(root: WorkingRoot) -> None:
    herd = Herd(root, 2, 600)
    running = herd.start("process", herd.folder)
    herd.wait_for_starts(1)

    again = herd.run("process", herd.folder, "--resume")
    kill(running, group=True)

    assert again.returncode == 2
    assert f"still going on, in process {running.pid}" in again.stderr


def test_an_analysis_that_somebody_else_works_on_is_left_to_them(herd: Herd) -> None:
    herd.place.make()
    (herd.place.leases / identity("2")).write_bytes(ELSEWHERE.as_bytes())

    shown = herd.run("process", herd.folder)

    assert shown.returncode == 0
    assert "skipped" in shown.stdout
    assert "is being processed by process 4 on sandbox-2 since 2026-01-31 13:21:44" in shown.stdout
    assert herd.starts() == {"1": 1, "3": 1, "4": 1}


def test_who_loses_the_lease_publishes_and_records_nothing(herd: Herd) -> None:
    lease = herd.place.leases / identity("2")
    add_flaw(herd, f"os.unlink({str(lease)!r}); open({str(lease)!r}, 'wb').write({ELSEWHERE.as_bytes()!r})")

    shown = herd.run("process", herd.folder)

    assert shown.returncode == 0
    assert "was taken over" in shown.stdout
    assert not (herd.folder / "2" / "reports").exists()
    assert herd.state("2") is None
    assert lease.read_bytes() == ELSEWHERE.as_bytes()
    assert herd.finished() == {"1": 1, "3": 1, "4": 1}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_is_killed_costs_its_analysis(herd: Herd, number: int) -> None:
    # module, warden, worker: the third is the grandparent
    grandparent = "int(open(f'/proc/{os.getppid()}/stat').read().rpartition(')')[2].split()[1])"
    add_flaw(herd, f"os.kill({grandparent}, {number}); import time; time.sleep(600)")

    shown = herd.run("process", herd.folder)

    assert shown.returncode == 2
    assert f"was killed by {signal.Signals(number).name} while flaw ran" in shown.stdout
    state = herd.state("2")
    assert state
    assert (state.ending, state.tries) == (Ending.UNPROCESSED, 1)
    assert herd.finished() == {"1": 1, "3": 1, "4": 1}
    assert herd.processes() == []


def test_a_bad_configuration_stops_the_run_before_it_begins(herd: Herd) -> None:
    (herd.root.path / "conf" / "fledge.conf").write_text("[processing]\nlimit_wall_seconds = soon\n")

    shown = herd.run("process", herd.folder)

    assert shown.returncode == 2
    assert "limit_wall_seconds must be a whole number" in shown.stderr
    assert herd.starts() == {}


def test_a_module_that_crashes_on_import_costs_what_it_always_does(herd: Herd) -> None:
    herd.root.add("broken", "import os\nos.abort()\n")

    shown = herd.run("process", herd.folder)

    assert shown.returncode == 2
    assert shown.stdout.count("was killed by SIGABRT") >= 4


OPEN_FILES = """
links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd") if int(number) > 2]
return [os.readlink(link) for link in links if os.path.lexists(link)]
"""


def test_modules_can_write_neither_what_the_worker_tells_nor_the_journal(herd: Herd) -> None:
    herd.root.add_run("files", OPEN_FILES)

    assert herd.run("process", herd.folder).returncode == 0

    files = herd.report("1")["files"]
    assert len({file for file in files if file.startswith("pipe:")}) == 1  # its own output
    assert not [file for file in files if file.endswith(".ndjson")]


def test_hostile_names_and_reasons_control_neither_terminal_nor_journal(herd: Herd) -> None:
    names = [os.fsdecode(b"8\xff\x1b[2J"), "\n{}", "\u202egpj"]
    for name in names:
        herd.add(name)
    herd.root.add_run("evil", r"raise CuckooProcessingError('\x1b[2J\x07\u202eevil\r[red]\udcff')")

    shown = herd.run("process", herd.folder)
    told = herd.run("process", herd.folder, "--json")

    assert (shown.returncode, told.returncode) == (1, 1)
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(shown.stdout + shown.stderr + told.stdout)
    assert len([line for line in lines_of(told) if line["event"] == "finished"]) == 7
    for name in names:
        state = herd.state(name)
        assert state
        assert state.ending is Ending.FAILED


def test_two_runs_at_the_same_time_share_the_work(root: WorkingRoot) -> None:
    herd = Herd(root, 12, 0.1)
    running = [herd.start("process", herd.folder, "--workers", 1) for _ in range(2)]

    for each in running:
        each.communicate(timeout=60)

    assert [each.returncode for each in running] == [0, 0]
    assert herd.overlaps() == []
    assert set(herd.finished()) == set(herd.names)
    assert sum(herd.finished().values()) < 2 * len(herd.names)
    left = {event["reason"] for event in herd.events() if event["event"] == "skipped"}
    assert "was done meanwhile by another run" in left


def test_the_drafts_of_a_killed_run_are_removed(herd: Herd) -> None:
    reports = herd.folder / "1" / "reports"
    reports.mkdir()
    (reports / ".fledge-0123456789abcdef.draft").write_text("half")

    herd.run("process", herd.folder)

    assert herd.drafts() == []


def test_what_a_killed_run_left_is_put_in_order_also_where_nothing_is_selected(herd: Herd) -> None:
    herd.place.make()
    dead = Holder("d" * 32, "1", "", "here", this_machine(), 2**22 + 1, 5, "")
    (herd.place.leases / identity("1")).write_bytes(dead.as_bytes())
    (herd.folder / "1" / "reports").mkdir()
    (herd.folder / "1" / "reports" / ".fledge-0123456789abcdef.draft").write_text("half")

    assert herd.run("process", herd.folder, "--since", "2199-01-01").returncode == 0

    state = herd.state("1")
    assert state
    assert state.ending is Ending.INTERRUPTED
    assert (herd.drafts(), herd.leases(), herd.starts()) == ([], [], {})


def test_where_no_records_can_be_kept_nothing_runs(herd: Herd, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    herd.place.path.symlink_to(elsewhere)

    shown = herd.run("process", herd.folder)

    assert shown.returncode == 2
    assert "it is a link" in shown.stderr
    assert list(elsewhere.iterdir()) == []


def test_killing_the_supervisor_ends_workers_and_modules(root: WorkingRoot) -> None:
    herd = Herd(root, 2, 600)
    running = herd.start("process", herd.folder, "--workers", 2)
    herd.wait_for_starts(2)
    assert len(herd.processes()) == 7  # a supervisor, and two of each: worker, warden, module

    kill(running, group=False)

    wait_until(lambda: not herd.processes())
