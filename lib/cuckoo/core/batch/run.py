"""A batch run: a selection of analyses, each done once, resumable.

Its first event says when it began, by the clock of the file system of each place. What has a state that is younger
was done since, by this run before it was interrupted or by another that shares the folder, and is passed over.
"""

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.core.batch.analyses import Analysis, found_at, holds_analyses
from lib.cuckoo.core.batch.holder import Holder
from lib.cuckoo.core.batch.journal import events, journal_file, new_run, unfinished_run
from lib.cuckoo.core.batch.place import Place
from lib.cuckoo.core.batch.pool import Worker
from lib.cuckoo.core.batch.states import Ending, Recorded
from lib.cuckoo.core.batch.stopping import Stop
from lib.cuckoo.core.batch.supervisor import Conduct, Supervisor
from lib.cuckoo.core.engine import Settings

_TICK_SECONDS = 0.2


@dataclass(frozen=True)
class Selection:
    """Which analyses a run is about."""

    folders: Sequence[Path]
    since: datetime | None = None
    """Only analyses of this time or later, by their own clocks."""
    failed: bool = False
    """Only those whose last run did not go well or never came to its end."""


class Batch:
    """One run, or what is left of it with `resume`."""

    def __init__(
        self, selection: Selection, settings: Settings, conduct: Conduct, *, resume: bool = False
    ) -> None:
        """Find out where records are kept.

        Raises:
            CuckooOperationalError: they cannot be kept there, or the run to resume still runs.
        """
        self.selection = selection
        self._folders = [str(folder.resolve()) for folder in selection.folders]
        self._home = home_of(selection.folders)
        self._home.make()
        previous = unfinished_run(self._home, self._folders) if resume else None
        self.resumed = previous is not None
        self.run, first = previous or (new_run(), {})
        self._began: dict[str, float] = _times(first.get("began"))
        self._supervisor = Supervisor(self.run, self._home, settings, conduct)
        self._seen: set[tuple[Path, str]] = set()
        self._orphaned: deque[Analysis] = deque()

    @property
    def journal(self) -> Path:
        """The file with the run's events."""
        return journal_file(self._home, self.run)

    @property
    def counts(self) -> dict[str, int]:
        """How many analyses ended how, by the words of `Ending`, and how many were "skipped"."""
        return self._supervisor.counts

    def running(self) -> list[Worker]:
        """Return the workers of this moment."""
        return list(self._supervisor.pool.running.values())

    def before(self) -> Iterator[dict[str, Any]]:
        """Yield how analyses ended in a resumed run, before it was interrupted."""
        if self.resumed:
            for event in events(self.journal):
                if event.get("event") == "finished":
                    yield event

    def go(self, stop: Stop) -> None:
        """Process the selection, until its end or until asked to stop.

        Raises:
            CuckooOperationalError: the run cannot go on, or is going on elsewhere.
            CuckooStartupError: nothing can be processed with this configuration.
        """
        supervisor = self._supervisor
        lease = supervisor.leases(self._home).take(f"run/{self.run}")
        if isinstance(lease, Holder):
            raise CuckooOperationalError(f"that run is still going on, in {lease}")
        supervisor.pool.keep(lease)
        try:
            supervisor.prepare()
            self._announce()
            self._work(stop)
            supervisor.stop()
            ending = "interrupted" if stop.asked else "completed"
            supervisor.emit("end", ending=ending, counts=dict(self.counts))
        finally:
            supervisor.close()
            lease.release()

    def _announce(self) -> None:
        places = {self._home.folder: self._home}
        for folder in self.selection.folders:
            with contextlib.suppress(OSError):
                place = _place_of(folder)
                places[place.folder] = place
        for path, place in places.items():
            with contextlib.suppress(CuckooOperationalError):
                place.make()
                self._began.setdefault(str(path), place.now())
                self._supervisor.sweep(place)
        since = self.selection.since.isoformat() if self.selection.since else None
        self._supervisor.started(
            "process",
            folders=self._folders,
            since=since,
            failed_only=self.selection.failed,
            resumed=self.resumed,
            began=self._began,
        )

    def _work(self, stop: Stop) -> None:
        pending = deque(self._selected(stop))
        self._supervisor.emit("selected", count=len(pending))
        taken: deque[Analysis] = deque()
        self._drain(pending, taken, stop)
        self._drain(taken, None, stop)
        while self._orphaned and not stop.asked:  # their leases get stale, at the latest
            left, self._orphaned = self._orphaned, deque()
            self._drain(left, None, stop)

    def _drain(self, pending: deque[Analysis], taken: deque[Analysis] | None, stop: Stop) -> None:
        """Work until nothing is pending; what somebody else has goes to `taken`, or is left to them."""
        pool = self._supervisor.pool
        while (pending or pool.running) and not stop.asked:
            while pending and pool.has_room and not stop.asked:
                self._offer(pending.popleft(), taken)
            for ended in pool.wait(_TICK_SECONDS):
                self._supervisor.conclude(ended)
            stop.tick()

    def _offer(self, analysis: Analysis, taken: deque[Analysis] | None) -> None:
        try:
            answer = self._supervisor.offer(analysis, self._is_wanted(analysis))
        except CuckooOperationalError as error:
            self._supervisor.refuse(str(analysis.path), str(error))
            return
        if answer is None:
            self._supervisor.skip(analysis, "was done meanwhile by another run")
        elif isinstance(answer, Holder):
            self._leave(analysis, answer, taken)

    def _leave(self, analysis: Analysis, holder: Holder, taken: deque[Analysis] | None) -> None:
        """Put off what somebody else has, in the end to them; not to a dead one, whose last children are dying."""
        if taken is not None:
            taken.append(analysis)
        elif holder.runs_here() is False:
            self._orphaned.append(analysis)
        else:
            self._supervisor.skip(analysis, f"is being processed by {holder}")

    def _is_wanted(self, analysis: Analysis) -> "_Since":
        return _Since(self._began.get(str(analysis.place.folder), 0.0), self.run, analysis.place)

    def _selected(self, stop: Stop) -> Iterator[Analysis]:
        for folder in self.selection.folders:
            try:
                found: Iterable[Analysis] = found_at(folder)
                for analysis in found:
                    if stop.asked:
                        return
                    if self._is_selected(analysis):
                        yield analysis
                    self._supervisor.pool.beat_if_due()
                    stop.tick()
            except CuckooOperationalError as error:
                self._supervisor.refuse(str(folder), str(error))

    def _is_selected(self, analysis: Analysis) -> bool:
        """Tell whether an analysis is part of the run and not done yet; each is so once."""
        key = (analysis.place.folder, analysis.name)
        if key in self._seen:
            return False
        self._seen.add(key)
        recorded = self._supervisor.states(analysis.place).read(analysis.name)
        return (
            self._is_wanted(analysis)(recorded)
            and (not self.selection.failed or did_not_go_well(analysis, recorded))
            and self._is_recent(analysis)
        )

    def _is_recent(self, analysis: Analysis) -> bool:
        with contextlib.suppress(OSError):  # what cannot be read is processed, which says why
            return self.selection.since is None or analysis.time() >= self.selection.since
        return True


@dataclass(frozen=True)
class _Since:
    """Wants what was not brought to an end after a time; a record from the future is of a clock that was set back."""

    began: float
    run: str
    place: Place

    def __call__(self, recorded: Recorded | None) -> bool:
        if recorded is None or recorded.state.ending is Ending.INTERRUPTED or recorded.at <= self.began:
            return True
        return recorded.state.run != self.run and recorded.at > self.place.now()


def did_not_go_well(analysis: Analysis, recorded: Recorded | None) -> bool:
    """Tell whether the last run failed or never ended; without a record, the report tells."""
    if recorded is None:
        return not analysis.has_report()
    return recorded.state.ending is not Ending.COMPLETED


def home_of(folders: Sequence[Path]) -> Place:
    """Return the place that keeps the journal: that of the first folder that can be read.

    Raises:
        CuckooOperationalError: none can.
    """
    for folder in folders:
        with contextlib.suppress(OSError, ValueError):
            return _place_of(folder)
    raise CuckooOperationalError(
        f"cannot read the analysis folder {folders[0]}, nor any other that was named"
    )


def _place_of(folder: Path) -> Place:
    return Place(folder) if holds_analyses(folder) else Place.beside(folder)


def _times(record: Any) -> dict[str, float]:
    """Return what a journal says of when a run began, as far as it is of the form."""
    if not isinstance(record, dict):
        return {}
    return {path: time for path, time in record.items() if isinstance(path, str) and isinstance(time, float)}
