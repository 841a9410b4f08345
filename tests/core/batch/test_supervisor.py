"""What is written when, and what becomes of it when the supervisor dies in between."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.root import Root
from lib.cuckoo.core.batch import leases
from lib.cuckoo.core.batch.holder import Holder, this_machine
from lib.cuckoo.core.batch.leases import Lease
from lib.cuckoo.core.batch.place import identity
from lib.cuckoo.core.batch.run import Batch, Selection
from lib.cuckoo.core.batch.stopping import Stop
from lib.cuckoo.core.batch.supervisor import Conduct
from lib.cuckoo.core.engine import Settings
from tests.core.batch.herd import Herd, wait_until
from tests.core.batch.test_kills import require_each_done_once
from tests.working_root import WorkingRoot


@pytest.fixture
def herd(root: WorkingRoot) -> Herd:
    return Herd(root, 4, 0.0)


def run(herd: Herd, listener: Any, *, resume: bool = False) -> None:
    conduct = Conduct(workers=2, listener=listener)
    batch = Batch(Selection([herd.folder]), Settings(Root(herd.root.path)), conduct, resume=resume)
    batch.go(Stop())


def test_reports_and_state_are_there_and_the_lease_still_is_when_the_journal_says_finished(
    herd: Herd,
) -> None:
    found = []

    def hear(event: dict[str, Any]) -> None:
        if event["event"] == "finished":
            name = Path(event["path"]).name
            state = herd.state(name)
            held = identity(name) in herd.leases()
            found.append((herd.report(name)["diarist"], state and state.attempt == event["attempt"], held))

    run(herd, hear)

    assert sorted(found) == [(name, True, True) for name in herd.names]
    assert herd.leases() == []


@pytest.mark.parametrize("last", range(10))
def test_a_supervisor_that_dies_right_after_any_event_loses_and_repeats_nothing(
    herd: Herd, last: int
) -> None:
    """Events are: run, selected, then started and finished of each of four, in the order in which they come."""
    heard = []

    def die(event: dict[str, Any]) -> None:
        heard.append(event)
        if len(heard) > last:
            os.kill(os.getpid(), signal.SIGKILL)

    pid = os.fork()
    if not pid:
        run(herd, die)
        os._exit(0)
    os.waitpid(pid, 0)
    wait_until(lambda: not herd.is_worked_on())
    herd.note_deaths()

    run(herd, lambda event: None, resume=True)

    require_each_done_once(herd)


def test_an_interrupted_analysis_keeps_what_went_wrong_before(herd: Herd) -> None:
    herd.root.add_run("flaw", "1 / 0")
    run(herd, lambda event: None)
    stop = Stop()

    def ask(event: dict[str, Any]) -> None:
        stop.number = signal.SIGTERM if event["event"] == "started" else stop.number

    herd.root.add_run("flaw", "import time; time.sleep(600)")
    conduct = Conduct(workers=1, listener=ask)
    Batch(Selection([herd.folder]), Settings(Root(herd.root.path)), conduct).go(stop)

    state = herd.state("1")
    assert state
    assert (state.ending, state.tries) == ("INTERRUPTED", 1)
    assert herd.leases() == []


def test_an_analysis_whose_holder_is_dead_is_waited_for_while_the_last_children_are_dying(
    herd: Herd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_LAST_CHILDREN_SECONDS", 0.0)
    dead = Holder("d" * 32, "2", "", "here", this_machine(), 1, 1, "2026-01-31 13:21:44")
    conduct = Conduct(workers=2)
    batch = Batch(Selection([herd.folder]), Settings(Root(herd.root.path)), conduct)
    lease = Lease(herd.place.leases / identity("2"), dead)
    lease.path.write_bytes(dead.as_bytes())
    child = os.fork()
    if not child:
        lease.share()
        signal.pause()
    wait_until(lease.is_shared)
    ticks = []

    def tick() -> None:
        ticks.append(len(herd.finished()))
        if ticks.count(3) == 5:
            os.kill(child, signal.SIGKILL)

    try:
        batch.go(Stop(tick))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    assert herd.finished() == dict.fromkeys(herd.names, 1)
    assert "skipped" not in batch.counts
