"""One analysis, processed by hand: kept apart from batch runs and watches of the same folder.

Records are kept where runs of many keep theirs, or where the analysis lies in the working root; beside any other
folder nothing is written.
"""

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.root import Root
from lib.cuckoo.core.batch.analyses import Analysis
from lib.cuckoo.core.batch.holder import Holder
from lib.cuckoo.core.batch.journal import Journal
from lib.cuckoo.core.batch.leases import BEATS, STALE_SECONDS, Lease, Leases
from lib.cuckoo.core.batch.recovery import event_of, interrupted, recover
from lib.cuckoo.core.batch.states import Ending, States, short, state_of
from lib.cuckoo.core.discovery import Candidate
from lib.cuckoo.core.ledger import Run
from lib.cuckoo.core.results import Results
from lib.cuckoo.core.stage import Observer


class Keeper:
    """Keeps the lease of an analysis alive while the engine works, and records how that ended."""

    def __init__(self, analysis: Analysis, lease: Lease, states: States) -> None:
        self._analysis = analysis
        self._lease = lease
        self._states = states
        self._started = self._beaten = time.monotonic()

    def beat(self) -> None:
        """Say that we are alive, when that is due.

        Raises:
            LeaseLostError: somebody else took the analysis over.
        """
        if time.monotonic() - self._beaten > STALE_SECONDS / BEATS:
            self.require()

    def require(self) -> None:
        """See that the analysis is still ours.

        Raises:
            LeaseLostError: somebody else took it over.
        """
        self._lease.beat()
        self._beaten = time.monotonic()

    def record(self, results: Results) -> None:
        """Record how the run ended.

        Raises:
            CuckooOperationalError: somebody else took the analysis over, or the record cannot be written.
        """
        self.require()
        state = state_of(results)
        before = self._states.read(self._analysis.name)
        tries = 0 if state.ending is Ending.COMPLETED else (before.state.tries if before else 0) + 1
        name, token = self._analysis.name, self._lease.token
        state = dataclasses.replace(
            state, name=short(name), attempt=token, tries=tries, seconds=self._seconds()
        )
        try:
            self._states.write(name, state)
        except OSError as error:
            raise CuckooOperationalError(
                f"cannot record the state of {self._analysis.path}: {error.strerror}"
            ) from error

    def give_up(self) -> None:
        """Record that the run was stopped."""
        with contextlib.suppress(OSError, CuckooOperationalError):
            self.require()
            state = interrupted(self._analysis, self._lease.token, self._states, seconds=self._seconds())
            self._states.write(self._analysis.name, state)

    def _seconds(self) -> float:
        return round(time.monotonic() - self._started, 3)


@contextlib.contextmanager
def keeping(path: Path, root: Root) -> Iterator[Keeper | None]:
    """Hold the lease of an analysis inside the `with` block; None where no records are kept.

    Raises:
        CuckooOperationalError: another process works on it.
    """
    analysis = Analysis.at(path)
    place = analysis.place
    if not place.exists() and not _is_ours(place.folder, root):
        yield None
        return
    try:
        place.make()
        lease = Leases(place, "").take(analysis.name)
    except CuckooOperationalError:  # a folder that only others may write needs no records of ours
        yield None
        return
    if isinstance(lease, Holder):
        raise CuckooOperationalError(f"{analysis.path} is being processed by {lease}")
    with _held(analysis, lease, States(place)) as keeper:
        yield keeper


@contextlib.contextmanager
def _held(analysis: Analysis, lease: Lease, states: States) -> Iterator[Keeper]:
    descriptor = lease.share()
    keeper = Keeper(analysis, lease, states)
    try:
        untold = recover(analysis, lease, states)
        if untold and lease.previous and lease.previous.journal:
            with contextlib.suppress(CuckooOperationalError):
                Journal(Path(lease.previous.journal)).write(event_of(analysis, untold))
        yield keeper
    except BaseException:
        keeper.give_up()
        raise
    finally:
        lease.release()
        os.close(descriptor)


def _is_ours(folder: Path, root: Root) -> bool:
    return folder == Path(os.path.realpath(root.analyses)) and os.access(folder, os.W_OK)


class Kept:
    """An observer that keeps the lease alive whenever another observer hears something."""

    def __init__(self, observer: Observer, keeper: Keeper) -> None:
        self._observer = observer
        self._keeper = keeper
        self._stage = ""

    def planned(self, stage: str, names: Sequence[str]) -> None:
        """Pass it on."""
        self._stage = stage
        self._observer.planned(stage, names)

    def started(self, candidate: Candidate) -> None:
        """Pass it on; before a report, see that the analysis is still ours.

        Raises:
            LeaseLostError: somebody else took it over.
        """
        if self._stage == "reporting":
            self._keeper.require()
        self._observer.started(candidate)

    def progress(self, candidate: Candidate, text: str) -> None:
        """Pass it on."""
        self._observer.progress(candidate, text)

    def finished(self, run: Run) -> None:
        """Pass it on."""
        self._keeper.beat()
        self._observer.finished(run)

    def tick(self) -> None:
        """Pass it on."""
        self._keeper.beat()
        self._observer.tick()
