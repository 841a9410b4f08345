"""The supervisor: gives analyses to workers under leases, and records how each ended.

The order is the guarantee. An analysis is worked on only under its lease; its reports are written, then its state,
then the line in the journal, then the lease is given up. Who is killed leaves the lease behind, and whoever takes
it over sees by the state how far it came: the line is added if it is missing, or the analysis is done again.
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lib.cuckoo import __version__
from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.core.batch.analyses import Analysis, path_text
from lib.cuckoo.core.batch.holder import Holder
from lib.cuckoo.core.batch.journal import Journal, Listener, journal_file, remove_old
from lib.cuckoo.core.batch.leases import STALE_SECONDS, Lease, LeaseLostError, Leases
from lib.cuckoo.core.batch.place import Place, identity
from lib.cuckoo.core.batch.pool import Ended, Pool
from lib.cuckoo.core.batch.preload import preload
from lib.cuckoo.core.batch.recovery import event_of, interrupted, recover
from lib.cuckoo.core.batch.states import Ending, Recorded, State, States, short
from lib.cuckoo.core.batch.worker import Job, clean
from lib.cuckoo.core.engine import Settings

if TYPE_CHECKING:
    from pathlib import Path

Wanted = Callable[[Recorded | None], bool]
"""Tells, from what is recorded, whether an analysis is still to be done; asked under its lease."""


@dataclass(frozen=True)
class Conduct:
    """How a run goes about many analyses."""

    workers: int = 1
    stale_seconds: float = STALE_SECONDS
    retries: int = 0
    """How often an analysis is tried again that did not go well."""
    backoff_seconds: float = 60.0
    """Pause before the first of them; each further one is four times as long, an hour at most."""
    listener: Listener = lambda event: None  # noqa: ARG005 - hears nothing


class Supervisor:
    """One run over the analyses of one or several places."""

    def __init__(self, run: str, home: Place, settings: Settings, conduct: Conduct) -> None:
        """Open the journal in `home`.

        Raises:
            CuckooOperationalError: records cannot be kept there.
        """
        home.make()
        remove_old(home)
        self.run = run
        self.counts: dict[str, int] = {}
        self._settings = settings
        self._conduct = conduct
        self._journal = Journal(journal_file(home, run))
        self.pool = Pool(settings, conduct.workers, conduct.stale_seconds, [self._journal.descriptor])
        self._places: dict[Path, tuple[Leases, States]] = {}

    def prepare(self) -> None:
        """Check the configuration and import what workers need.

        Raises:
            CuckooStartupError: nothing can be processed with this configuration.
        """
        preload(self._settings)

    def emit(self, event: str, **fields: Any) -> None:
        """Put an event into the journal and tell who listens."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record = {"event": event, "time": stamp, "run": self.run, **fields}
        self._journal.write(record)
        self._conduct.listener(record)

    def started(self, command: str, **fields: Any) -> None:
        """Put the first event of a run."""
        self.emit("run", command=command, version=__version__, workers=self._conduct.workers, **fields)

    def leases(self, place: Place) -> Leases:
        """Return the leases of a place."""
        return self._records(place)[0]

    def states(self, place: Place) -> States:
        """Return the states of a place."""
        return self._records(place)[1]

    def offer(self, analysis: Analysis, wanted: Wanted) -> Lease | Holder | None:
        """Start a worker on an analysis.

        Returns:
            The lease under which it works; who has the analysis if somebody else does; None if it is no longer wanted.

        Raises:
            CuckooOperationalError: records cannot be kept beside it.
        """
        self.pool.beat_if_due()  # taking a lease may wait for the last children of who had it
        lease = self.leases(analysis.place).take(analysis.name)
        if isinstance(lease, Holder):
            return lease
        self._recover(analysis, lease)
        if wanted(self.states(analysis.place).read(analysis.name)):
            self.emit("started", path=analysis.shown, attempt=lease.token)
            self.pool.start(Job(analysis, lease))
            return lease
        lease.release()
        return None

    def sweep(self, place: Place) -> None:
        """Put in order what a killed run of this place left behind."""
        for lease in self.leases(place).left_behind():
            self.pool.beat_if_due()
            previous = lease.previous
            if previous and _is_plain(previous.name) and identity(previous.name) == lease.path.name:
                self._recover(Analysis(place, previous.name), lease)
            lease.release()

    def conclude(self, ended: Ended) -> State | None:
        """Record how a worker ended and give its lease up; None if the lease was lost."""
        analysis, lease = ended.job.analysis, ended.job.lease
        lost = ended.lost or _why_lost(lease)
        if lost:
            self.skip(analysis, lost)
            return None
        if not ended.finished:
            clean(analysis)
        state = self._stamped(ended)
        self._record(analysis, state)
        self._count(state.ending)
        self.emit(**event_of(analysis, state))
        lease.release()
        return state

    def refuse(self, path: str, error: str) -> None:
        """Tell of a folder that cannot be processed and has no place for records."""
        self._count(Ending.UNPROCESSED)
        self.emit(
            "finished", path=path_text(path), ending=str(Ending.UNPROCESSED), error=short(error), failed=0
        )

    def skip(self, analysis: Analysis, reason: str) -> None:
        """Tell of an analysis that is left to somebody else."""
        self._count("skipped")
        self.emit("skipped", path=analysis.shown, reason=short(reason))

    def stop(self) -> None:
        """End the workers; what they worked on counts as interrupted."""
        for ended in self.pool.stop():
            if ended.finished or ended.lost:
                self.conclude(ended)
            else:
                self._abandon(ended)

    def close(self) -> None:
        """Let go of everything; workers that still run are killed and leave their leases behind."""
        self.pool.close()
        self._journal.close()

    def _records(self, place: Place) -> tuple[Leases, States]:
        known = self._places.get(place.folder)
        if known is None:
            place.make()
            leases = Leases(place, str(self._journal.file), self._conduct.stale_seconds)
            known = self._places[place.folder] = (leases, States(place))
        return known

    def _recover(self, analysis: Analysis, lease: Lease) -> None:
        """Make up for what the holder did not come to do whose lease was taken over."""
        try:
            untold = recover(analysis, lease, self.states(analysis.place))
        except OSError as error:
            raise _cannot_record(analysis, error) from error
        if untold:
            self.emit(**event_of(analysis, untold), recovered=True)

    def _abandon(self, ended: Ended) -> None:
        """Record that an analysis was stopped, and give its lease up."""
        job = ended.job
        with contextlib.suppress(LeaseLostError):
            job.lease.beat()
            clean(job.analysis)
            states = self.states(job.analysis.place)
            state = interrupted(job.analysis, job.lease.token, states, self.run, ended.seconds)
            self._record(job.analysis, state)
            self.emit(**event_of(job.analysis, state))
            job.lease.release()

    def _stamped(self, ended: Ended) -> State:
        """Return the state with what only the supervisor knows."""
        analysis, ending = ended.job.analysis, ended.state.ending
        recorded = self.states(analysis.place).read(analysis.name)
        before = recorded.state.tries if recorded else 0
        tries = 0 if ending is Ending.COMPLETED else before + 1
        return dataclasses.replace(
            ended.state,
            name=short(analysis.name),
            attempt=ended.job.lease.token,
            run=self.run,
            tries=tries,
            retry_at=self._retry_at(tries),
            seconds=ended.seconds,
        )

    def _retry_at(self, tries: int) -> float:
        if not 0 < tries <= self._conduct.retries:
            return 0.0
        return time.time() + min(self._conduct.backoff_seconds * 4.0 ** min(tries - 1, 20), 3600.0)

    def _record(self, analysis: Analysis, state: State) -> None:
        try:
            self.states(analysis.place).write(analysis.name, state)
        except OSError as error:
            raise _cannot_record(analysis, error) from error

    def _count(self, what: str) -> None:
        self.counts[str(what)] = self.counts.get(str(what), 0) + 1


def _why_lost(lease: Lease) -> str:
    try:
        lease.beat()
    except LeaseLostError as error:
        return str(error)
    return ""


def _cannot_record(analysis: Analysis, error: OSError) -> CuckooOperationalError:
    return CuckooOperationalError(f"cannot record the state of {analysis.path}: {error.strerror}")


def _is_plain(name: str) -> bool:
    return name not in {"", ".", ".."} and "/" not in name and "\0" not in name
