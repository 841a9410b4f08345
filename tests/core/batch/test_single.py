"""One analysis processed by hand, beside batch runs and watches."""

import signal

import pytest

from lib.cuckoo.core.batch.holder import Holder
from lib.cuckoo.core.batch.place import Place, identity
from lib.cuckoo.core.batch.states import Ending
from tests.core.batch.herd import Herd
from tests.working_root import WorkingRoot

ELSEWHERE = Holder("e" * 32, "1", "", "sandbox-2", "another boot", 4, 5, "2026-01-31 13:21:44")


@pytest.fixture
def herd(root: WorkingRoot) -> Herd:
    return Herd(root, 2, 0.0)


def test_how_it_ended_is_recorded_and_the_lease_given_up(herd: Herd) -> None:
    herd.root.add_run("flaw", "if self.analysis_path.endswith('/2'): 1 / 0\nreturn 1")

    assert herd.run("process", 1).returncode == 0
    assert herd.run("process", 2).returncode == 1

    states = [herd.state(name) for name in herd.names]
    assert [state and state.ending for state in states] == [Ending.COMPLETED, Ending.FAILED]
    assert herd.leases() == []
    herd.run("process", herd.folder, "--failed")
    assert herd.starts() == {"1": 1, "2": 2}


def test_an_analysis_that_somebody_else_works_on_is_refused(herd: Herd) -> None:
    herd.place.make()
    (herd.place.leases / identity("1")).write_bytes(ELSEWHERE.as_bytes())

    shown = herd.run("process", 1)

    assert shown.returncode == 2
    assert "1 is being processed by process 4 on sandbox-2" in shown.stderr
    assert herd.starts() == {}


def test_who_loses_the_lease_publishes_nothing(herd: Herd) -> None:
    lease = herd.place.leases / identity("1")
    herd.root.add_run(
        "thief", f"os.unlink({str(lease)!r}); open({str(lease)!r}, 'wb').write({ELSEWHERE.as_bytes()!r})"
    )

    shown = herd.run("process", 1)

    assert shown.returncode == 2
    assert "was taken over" in shown.stderr
    assert not (herd.folder / "1" / "reports").exists()
    assert lease.read_bytes() == ELSEWHERE.as_bytes()


def test_an_interrupted_one_counts_as_interrupted(root: WorkingRoot) -> None:
    herd = Herd(root, 1, 600)
    running = herd.start("process", 1)
    herd.wait_for_starts(1)

    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)

    state = herd.state("1")
    assert running.returncode == 130
    assert state
    assert state.ending is Ending.INTERRUPTED
    assert state.seconds > 0
    assert (herd.leases(), herd.processes()) == ([], [])


def test_beside_a_folder_of_others_nothing_is_written(herd: Herd) -> None:
    folder = herd.root.path / "elsewhere" / "5"
    (folder / "logs").mkdir(parents=True)

    assert herd.run("process", folder).returncode == 0
    assert [path.name for path in folder.parent.iterdir()] == ["5"]

    Place(folder.parent).make()
    assert herd.run("process", folder).returncode == 0
    assert len(list(Place(folder.parent).states.iterdir())) == 1
