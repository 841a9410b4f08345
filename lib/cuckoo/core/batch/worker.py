"""The worker's side: a process for each analysis, forked from the supervisor that has everything imported.

It tells the supervisor through a pipe, one JSON object a line: `{"at": module}` when a module starts, `{"state": …}`
at the end. It ends with the supervisor, however that ends, and the modules that it runs end with it.
"""

import contextlib
import dataclasses
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from lib.cuckoo.common.exceptions import CuckooCriticalError, CuckooOperationalError
from lib.cuckoo.common.replacing import remove_drafts
from lib.cuckoo.core.batch.analyses import Analysis
from lib.cuckoo.core.batch.leases import Lease
from lib.cuckoo.core.batch.states import Ending, State, short, state_of
from lib.cuckoo.core.discovery import Candidate
from lib.cuckoo.core.engine import Engine, Settings
from lib.cuckoo.core.results import Results
from lib.cuckoo.core.stage import Silence
from lib.cuckoo.core.warden import libc

_OUTPUTS = ("reports", "static", "network", "memory")
"""Folders of an analysis that we write into."""
_SET_PDEATHSIG = 1  # linux/prctl.h
_OOM_SCORE = "300"


@dataclass(frozen=True)
class Job:
    """An analysis that is to be processed, under a lease."""

    analysis: Analysis
    lease: Lease


class Teller(Silence):
    """An observer that tells the supervisor which module runs, and keeps a lost lease from publishing."""

    def __init__(self, channel: int, lease: Lease) -> None:
        self._channel = channel
        self._lease = lease
        self._stage = ""

    def planned(self, stage: str, names: Sequence[str]) -> None:
        """Remember the stage; tell of signatures, which are not told of one by one."""
        self._stage = stage
        if stage == "signatures" and names:
            self.tell({"at": stage})

    def started(self, candidate: Candidate) -> None:
        """Tell of the module; before a report, see that nobody took the lease over.

        Raises:
            LeaseLostError: somebody did.
        """
        self.tell({"at": short(candidate.name)})
        if self._stage == "reporting":
            self._lease.beat()

    def forget(self) -> None:
        """Close the channel, once: in a child of a child the number may be another file's."""
        channel, self._channel = self._channel, -1
        if channel >= 0:
            os.close(channel)

    def tell(self, message: dict[str, object]) -> None:
        """Send a message; a supervisor that is gone ends us anyway."""
        with contextlib.suppress(OSError):
            os.write(self._channel, json.dumps(message).encode() + b"\n")


def be_worker(job: Job, settings: Settings, channel: int, supervisor: int) -> NoReturn:
    """Process an analysis and leave without the supervisor's exit handlers."""
    status = 1
    try:
        _settle(supervisor)
        teller = Teller(channel, job.lease)
        os.register_at_fork(after_in_child=teller.forget)  # a module could forge what we tell
        _work(job, settings, teller)
        status = 0
    except KeyboardInterrupt:
        status = 2
    finally:
        os._exit(status)


def clean(analysis: Analysis) -> None:
    """Remove the drafts of a run that was killed; call it under a lease only."""
    for name in _OUTPUTS:
        remove_drafts(analysis.path / name)


def _settle(supervisor: int) -> None:
    """Make a fresh fork a worker: it ends with the supervisor, and before it when memory runs out."""
    libc().prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    nothing = os.open(os.devnull, os.O_RDWR)
    for target in (0, 1, 2):
        os.dup2(nothing, target)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)


def _work(job: Job, settings: Settings, teller: Teller) -> None:
    try:
        job.lease.share()
        clean(job.analysis)
        state = _processed(job.analysis, dataclasses.replace(settings, observer=teller))
        job.lease.beat()
    except (CuckooOperationalError, CuckooCriticalError) as error:
        state = State(Ending.UNPROCESSED, error=short(str(error)))
    except Exception as error:  # noqa: BLE001 - the end of the process: whatever it is costs this analysis only
        state = State(Ending.UNPROCESSED, error=short(f"{type(error).__name__}: {error}"))
    teller.tell({"state": dataclasses.asdict(state)})


def _processed(analysis: Analysis, settings: Settings) -> State:
    engine = Engine(analysis.path, settings)
    engine.process()
    engine.match()
    engine.report()
    return state_of(Results(engine.path, engine.results, engine.ledger))
