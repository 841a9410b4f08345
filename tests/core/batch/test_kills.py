"""`kill -9` at any moment loses nothing and duplicates nothing."""

import random
import time
from collections.abc import Callable

import pytest

from tests.core.batch.forked import Forked
from tests.core.batch.herd import Herd, kill, wait_until
from tests.working_root import WorkingRoot

ROUNDS = 5
FOLDERS = 16


@pytest.fixture
def herd(root: WorkingRoot) -> Herd:
    return Herd(root, FOLDERS, cache=True)


def kill_at_random(herd: Herd, seed: int, start: Callable[[], list[Forked]]) -> bool:
    """Start and kill, several times; no process may be left each time. False when the first came to its end."""
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        begun = sum(herd.starts().values()) + chance.randrange(5)
        running = start()
        while sum(herd.starts().values()) < begun and running[0].poll() is None:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.08))
        ended = running[0].poll() == 0
        for each in running:
            kill(each, group=chance.random() < 0.5)
        wait_until(lambda: not herd.processes())
        herd.note_deaths()
        if ended:
            return False
    return True


def require_each_done_once(herd: Herd) -> None:
    """See that each analysis was completed, told so once, and never worked on twice at the same time."""
    assert all(herd.report(name)["diarist"] == name for name in herd.names)
    assert herd.finished() == dict.fromkeys(herd.names, 1)
    assert herd.overlaps() == []
    assert herd.drafts() == []
    assert herd.leases() == []
    assert herd.processes() == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_batch_that_is_resumed_does_each_analysis_once(herd: Herd, seed: int) -> None:
    arguments = ("process", herd.folder, "--resume", "--workers", 2)
    if kill_at_random(herd, seed, lambda: [herd.start(*arguments)]):
        last = herd.run(*arguments)
        assert (last.returncode, last.stderr) == (0, "")

    require_each_done_once(herd)


@pytest.mark.parametrize("seed", [3, 4])
def test_a_killed_watch_that_is_started_again_does_each_analysis_once(herd: Herd, seed: int) -> None:
    arguments = ("watch", herd.folder, "--settle", 0, "--workers", 2)
    kill_at_random(herd, seed, lambda: [herd.start(*arguments, "--interval", 0.1)])

    last = herd.run(*arguments, "--once")

    assert (last.returncode, last.stderr) == (0, "")
    require_each_done_once(herd)


@pytest.mark.parametrize("seed", [5])
def test_watches_and_a_batch_that_share_a_folder_and_are_killed_do_each_analysis_once(
    herd: Herd, seed: int
) -> None:
    watch = ("watch", herd.folder, "--settle", 0, "--workers", 1)
    batch = ("process", herd.folder, "--failed", "--workers", 1)
    kill_at_random(
        herd,
        seed,
        lambda: [herd.start(*watch, "--interval", 0.1), herd.start(*watch), herd.start(*batch)],
    )

    last = herd.run(*watch, "--once")

    assert (last.returncode, last.stderr) == (0, "")
    require_each_done_once(herd)
