"""Watching a folder: each new analysis is processed once it is complete, and again if that did not go well.

All that must survive is in the states and leases; what is in memory can be found again. An analysis is looked at
when it is due, not at each poll: a poll lists one folder, whatever number of analyses it holds.
"""

import heapq
import math
import time
from dataclasses import dataclass
from itertools import islice

from lib.cuckoo.analysis.inputs import has_inputs
from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.core.batch.analyses import Analysis, in_order, names_in
from lib.cuckoo.core.batch.holder import Holder
from lib.cuckoo.core.batch.journal import MOST_BYTES, new_run
from lib.cuckoo.core.batch.leases import Lease
from lib.cuckoo.core.batch.place import Place
from lib.cuckoo.core.batch.pool import Ended
from lib.cuckoo.core.batch.settling import Settling
from lib.cuckoo.core.batch.states import Ending, Recorded
from lib.cuckoo.core.batch.stopping import Stop
from lib.cuckoo.core.batch.supervisor import LONGEST_PAUSE, Conduct, Supervisor
from lib.cuckoo.core.engine import Settings

_TICK_SECONDS = 0.2
_LOOKS = 500  # between two turns of the workers, who need to be heard
_FIRST_LOOK, _NEVER = 0.0, math.inf


@dataclass(frozen=True)
class Watching:
    """How to watch."""

    interval_seconds: float = 5.0
    settle_seconds: float = 30.0
    marker: str = ""
    """A file whose presence says that an analysis is complete; "" waits until it settles."""
    once: bool = False
    """Look once, process what is complete, and end."""
    state_seconds: float = 60.0
    """Pause between two events "state"."""


class Watch:
    """Watches one folder."""

    def __init__(self, place: Place, settings: Settings, conduct: Conduct, watching: Watching) -> None:
        """Open the journal.

        Raises:
            CuckooOperationalError: records cannot be kept there.
        """
        self._place = place
        self._watching = watching
        self._conduct = conduct
        self._supervisor = Supervisor(new_run(), place, settings, conduct, MOST_BYTES)
        self._settling = Settling(watching.settle_seconds, watching.marker)
        self._known: set[str] = set()
        self._due: list[tuple[float, tuple[int, int, str], str]] = []
        """A heap of when to look at what is not done, on the monotonic clock."""
        self._next_poll = self._next_state = 0.0
        self._problem = ("", 0.0)
        """What was told last, and until when it is not told again."""

    @property
    def counts(self) -> dict[str, int]:
        """How many runs of analyses ended how, by the words of `Ending`, and how many were "skipped"."""
        return self._supervisor.counts

    def go(self, stop: Stop) -> None:
        """Watch until asked to stop.

        Raises:
            CuckooOperationalError: records cannot be kept any more.
            CuckooStartupError: nothing can be processed with this configuration.
        """
        supervisor = self._supervisor
        try:
            supervisor.prepare()
            supervisor.started("watch", folders=[str(self._place.folder)])
            while not stop.asked and not self._is_over():
                self._turn(stop)
            supervisor.stop()
            supervisor.emit("end", ending="completed" if not stop.asked else "stopped", counts=self.counts)
        finally:
            supervisor.close()

    def _is_over(self) -> bool:
        """Tell whether one look was asked for, and all that it found is done or put off."""
        return (
            self._watching.once
            and bool(self._next_poll)
            and not self._supervisor.pool.running
            and (not self._due or self._due[0][0] > _FIRST_LOOK)
        )

    def _turn(self, stop: Stop) -> None:
        now = time.monotonic()
        if now >= self._next_poll:
            self._poll()
            self._next_poll = _NEVER if self._watching.once else now + self._watching.interval_seconds
        looked = self._look_at_due()
        for ended in self._supervisor.pool.wait(0.0 if looked else _TICK_SECONDS):
            self._conclude(ended)
        if now >= self._next_state:
            self._next_state = now + self._watching.state_seconds
            self._tell_state()
        stop.tick()

    def _poll(self) -> None:
        """Note what is new, and forget what is gone; a folder that cannot be listed is listed again later.

        Raises:
            CuckooOperationalError: it cannot be listed, and there is no later.
        """
        try:
            names = names_in(self._place.folder)
            self._supervisor.require_records(self._place)
            self._supervisor.sweep(self._place)
        except CuckooOperationalError as error:
            if self._watching.once:
                raise
            self._tell_problem(error)
            return
        for name in names:
            if name not in self._known:
                self._known.add(name)
                self._look_after(name, 0.0)
        if len(self._known) > len(names):
            self._known &= set(names)

    def _look_after(self, name: str, seconds: float) -> None:
        heapq.heappush(
            self._due, (time.monotonic() + seconds if seconds else _FIRST_LOOK, in_order(name), name)
        )

    def _look_at_due(self) -> bool:
        """Look at what is due while there is room for more; True if there may be more to look at."""
        pool = self._supervisor.pool
        for _ in range(_LOOKS):
            if not pool.has_room or not self._due or self._due[0][0] > time.monotonic():
                return False
            name = heapq.heappop(self._due)[2]
            if name in self._known:
                self._look_at(name)
        return True

    def _look_at(self, name: str) -> None:
        analysis = Analysis(self._place, name)
        seconds = self._seconds_until(analysis, self._supervisor.states(self._place).read(name))
        if seconds == _NEVER:
            return
        try:
            seconds = seconds or self._seconds_until_complete(analysis)
            if not seconds and not isinstance(self._offer(analysis), Lease):
                seconds = self._watching.interval_seconds
        except CuckooOperationalError as error:
            seconds = self._put_off(analysis, error)
        if seconds:
            self._look_after(name, seconds)

    def _seconds_until_complete(self, analysis: Analysis) -> float:
        """Return how long to wait before looking again; 0 when a sandbox has finished writing the analysis.

        Without a marker that says so, one with nothing to read has not been begun yet.
        """
        seconds = self._settling.wait_seconds(analysis.path, self._place.now())
        if seconds or self._watching.marker or has_inputs(analysis.path):
            return seconds
        return max(self._watching.settle_seconds, self._watching.interval_seconds)

    def _offer(self, analysis: Analysis) -> Lease | Holder | None:
        return self._supervisor.offer(analysis, lambda recorded: self._seconds_until(analysis, recorded) == 0)

    def _put_off(self, analysis: Analysis, error: CuckooOperationalError) -> float:
        """Tell why an analysis cannot be taken, and return when to look again; with one look it stays undone."""
        if self._watching.once:
            self._supervisor.refuse(str(analysis.path), str(error))
        else:
            self._tell_problem(error)
        return self._watching.interval_seconds

    def _conclude(self, ended: Ended) -> None:
        name = ended.job.analysis.name
        state = self._supervisor.conclude(ended)
        if state is None or state.retry_at:
            pause = state.retry_at - time.time() if state else 0.0
            self._look_after(name, max(pause, self._watching.interval_seconds))

    def _seconds_until(self, analysis: Analysis, recorded: Recorded | None) -> float:
        """Return how long not to process an analysis, by what is recorded: 0 for now, infinity for never."""
        if recorded is None:
            return _NEVER if analysis.has_report() else 0.0
        state = recorded.state
        if state.ending is Ending.INTERRUPTED:
            return 0.0
        if state.ending is Ending.COMPLETED or not state.retry_at or state.tries > self._conduct.retries:
            return _NEVER
        pause = state.retry_at - time.time()
        return pause if 0 < pause <= LONGEST_PAUSE else 0.0  # no pause is longer: the clock was set back

    def _tell_problem(self, error: CuckooOperationalError) -> None:
        """Tell of a problem; of one that goes on as often as of the state."""
        now, problem = time.monotonic(), str(error)
        if problem != self._problem[0] or now >= self._problem[1]:
            self._problem = (problem, now + self._watching.state_seconds)
            self._supervisor.emit("problem", error=problem)

    def _tell_state(self) -> None:
        running = [worker.job.analysis.name for worker in self._supervisor.pool.running.values()]
        self._supervisor.emit(
            "state",
            known=len(self._known),
            waiting=len(self._due),
            running=[name[:100] for name in islice(running, 100)],
            counts=dict(self.counts),
        )
