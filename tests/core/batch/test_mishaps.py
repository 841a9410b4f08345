"""What stands in the way of records, clocks that jump, and folders that are moved about meanwhile."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from lib.cuckoo.core.batch.holder import Holder, this_machine
from lib.cuckoo.core.batch.place import identity
from lib.cuckoo.core.batch.states import Ending
from tests.core.batch.herd import Herd, wait_until
from tests.working_root import WorkingRoot

YEAR = 365 * 24 * 3600
ONCE = ("--once", "--settle", 0)
COMMANDS = {"process": (), "watch": ONCE}
each_command = pytest.mark.parametrize("command", COMMANDS)


@pytest.fixture
def herd(root: WorkingRoot) -> Herd:
    herd = Herd(root, 3, 0.0)
    herd.place.make()
    return herd


def state_file(herd: Herd, name: str) -> Path:
    digits = identity(name)
    return herd.place.states / digits[:2] / f"{digits}.json"


def endings(herd: Herd) -> list[Ending | None]:
    states = [herd.state(name) for name in herd.names]
    return [state.ending if state else None for state in states]


@each_command
@pytest.mark.parametrize("obstacle", ["link", "folder"])
def test_what_stands_in_the_place_of_a_lease_costs_its_analysis_only(
    herd: Herd, command: str, obstacle: str
) -> None:
    path = herd.place.leases / identity("2")
    path.mkdir() if obstacle == "folder" else path.symlink_to("/etc/passwd")

    shown = herd.run(command, herd.folder, *COMMANDS[command])

    assert (shown.returncode, shown.stderr) == (2, "")
    assert endings(herd) == [Ending.COMPLETED, None, Ending.COMPLETED]
    assert f"cannot use the lease {path}" in shown.stdout


@each_command
def test_a_lease_that_tells_nothing_is_named_and_left_alone_for_a_while(herd: Herd, command: str) -> None:
    os.mkfifo(herd.place.leases / identity("2"))

    shown = herd.run(command, herd.folder, *COMMANDS[command])

    assert (shown.returncode, shown.stderr) == (0, "")
    assert endings(herd) == [Ending.COMPLETED, None, Ending.COMPLETED]
    if command == "process":
        assert "is being processed by somebody who left a damaged lease" in shown.stdout


@each_command
def test_a_state_that_cannot_be_written_costs_its_analysis_only(herd: Herd, command: str) -> None:
    state_file(herd, "2").mkdir(parents=True)

    shown = herd.run(command, herd.folder, *COMMANDS[command])

    assert (shown.returncode, shown.stderr) == (2, "")
    assert endings(herd) == [Ending.COMPLETED, None, Ending.COMPLETED]
    assert f"cannot record the state of {herd.folder}/2: Is a directory" in shown.stdout
    assert herd.leases() == []


def test_a_state_that_cannot_be_recovered_is_one_line_and_hinders_no_other(herd: Herd) -> None:
    state_file(herd, "2").mkdir(parents=True)
    dead = Holder("d" * 32, "2", "", "here", this_machine(), 2**22 + 1, 5, "")
    lease = herd.place.leases / identity("2")
    lease.write_bytes(dead.as_bytes())

    single = herd.run("process", 2)
    assert (single.returncode, single.stderr.count("\n")) == (2, 1)
    assert "cannot record the state of" in single.stderr

    lease.write_bytes(dead.as_bytes())
    assert herd.run("process", herd.folder).returncode == 2
    assert endings(herd) == [Ending.COMPLETED, None, Ending.COMPLETED]
    assert herd.leases() == []


def test_a_journal_names_no_file_but_itself(herd: Herd) -> None:
    first = {"event": "run", "command": "process", "folders": [str(herd.folder)], "run": "../../../evil"}
    journal = herd.place.runs / "29991231-000000-00000000.ndjson"
    journal.write_text(json.dumps(first) + "\n")

    assert herd.run("process", herd.folder, "--resume").returncode == 0

    assert list(herd.root.path.rglob("evil*")) == []
    assert "selected" in journal.read_text()


def test_a_lease_leads_to_no_file_but_a_journal(herd: Herd, tmp_path: Path) -> None:
    victim = tmp_path / "victim.ndjson"
    victim.write_text("mine\n")
    dead = Holder("d" * 32, "2", str(victim), "here", this_machine(), 2**22 + 1, 5, "")
    (herd.place.leases / identity("2")).write_bytes(dead.as_bytes())

    assert herd.run("process", 2).returncode == 0

    assert victim.read_text() == "mine\n"


def test_a_watch_is_not_resumed_as_a_batch(herd: Herd) -> None:
    running = herd.start("watch", herd.folder, "--settle", 0, "--interval", 0.1)
    wait_until(lambda: len(herd.finished()) == 3)
    running.send_signal(signal.SIGTERM)
    running.communicate(60)

    herd.run("process", herd.folder, "--resume")

    runs = [event for event in herd.events() if event["event"] == "run"]
    assert [(event["command"], event.get("resumed")) for event in runs] == [
        ("watch", None),
        ("process", False),
    ]


def test_records_from_the_future_hide_no_analysis(herd: Herd) -> None:
    herd.run("process", herd.folder)
    for name in herd.names:
        os.utime(state_file(herd, name), (time.time() + YEAR,) * 2)

    herd.run("process", herd.folder)

    assert herd.starts() == dict.fromkeys(herd.names, 2)


def test_a_retry_that_lies_beyond_any_pause_is_due(herd: Herd) -> None:
    herd.root.add_run("flaw", "if self.analysis_path.endswith('/2'): 1 / 0\nreturn 1")
    herd.run("watch", herd.folder, *ONCE, "--backoff", 3600)
    herd.run("watch", herd.folder, *ONCE, "--backoff", 3600)
    assert herd.starts()["2"] == 1
    record = json.loads(state_file(herd, "2").read_text())
    state_file(herd, "2").write_text(json.dumps(record | {"retry_at": time.time() + YEAR}))

    herd.run("watch", herd.folder, *ONCE)

    assert herd.starts()["2"] == 2


def test_nothing_is_written_through_a_link_that_takes_the_place_of_an_analysis(
    herd: Herd, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    here, elsewhere = str(herd.folder / "2"), str(tmp_path / "elsewhere")
    swap = f"os.rename({here!r}, {here + '-moved'!r}); os.symlink({elsewhere!r}, {here!r})"
    herd.root.add_run("a_swap", f"if self.analysis_path.endswith('/2'): {swap}\nreturn 1")

    shown = herd.run("process", herd.folder)

    assert (shown.returncode, shown.stderr) == (1, "")
    assert endings(herd) == [Ending.COMPLETED, Ending.FAILED, Ending.COMPLETED]
    assert list((tmp_path / "elsewhere").iterdir()) == []
    state = herd.state("2")
    assert state
    reasons = {failure["module"]: failure["reason"] for failure in state.failures}
    assert reasons["jsondump"] == f"the analysis folder {here} is a link to {elsewhere} now: refused"


def test_an_analysis_that_vanishes_meanwhile_costs_no_other(herd: Herd) -> None:
    herd.root.add_run(
        "a_thief", "import shutil\nif self.analysis_path.endswith('/2'): shutil.rmtree(self.analysis_path)"
    )

    shown = herd.run("process", herd.folder)

    assert (shown.returncode, shown.stderr) == (1, "")
    assert endings(herd) == [Ending.COMPLETED, Ending.FAILED, Ending.COMPLETED]
    assert "No such file or directory" in shown.stdout


def test_a_watched_folder_that_goes_away_is_told_of_and_watched_again_when_it_is_back(herd: Herd) -> None:
    running = herd.start(
        "watch", herd.folder, "--settle", 0, "--interval", 0.1, "--log", herd.root.path / "log"
    )
    wait_until(lambda: len(herd.finished()) == 3)
    log = herd.root.path / "log"
    shutil.rmtree(herd.folder)
    wait_until(lambda: "problem" in log.read_text())
    herd.folder.mkdir()
    herd.add("new")
    wait_until(lambda: len(herd.finished()) == 1)

    running.send_signal(signal.SIGTERM)
    output, errors = running.communicate(60)

    assert (running.returncode, errors) == (0, "")
    assert output.count(f"cannot read the folder {herd.folder}: No such file or directory") == 1


def test_a_single_look_at_a_folder_that_cannot_be_listed_is_status_2(herd: Herd) -> None:
    shutil.rmtree(herd.place.states)
    herd.place.states.symlink_to("/tmp")

    shown = herd.run("watch", herd.folder, *ONCE)

    assert (shown.returncode, shown.stderr.count("\n")) == (2, 1)
