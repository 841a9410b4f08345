"""The supervisor's side of workers: launched by fork, heard, reaped, kept alive in the eyes of others by heartbeats.

The supervisor has one thread and never blocks for long: a lease that nobody beats is taken over.
"""

import contextlib
import json
import os
import select
import selectors
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lib.cuckoo.core.batch.leases import BEATS, Lease, LeaseLostError
from lib.cuckoo.core.batch.states import Ending, State, from_record
from lib.cuckoo.core.batch.worker import Job, be_worker
from lib.cuckoo.core.engine import Settings
from lib.cuckoo.core.stage import signal_name
from lib.cuckoo.core.warden import libc

_MOST_TOLD_BYTES = 1 << 20
_GRACE_SECONDS = 5.0
_PAUSE_SECONDS = 0.002
_LAST_CHILDREN_SECONDS = 2.0


@dataclass
class Worker:
    """A process that works on an analysis."""

    job: Job
    pid: int
    handle: int
    """Descriptor that becomes readable when it ends (pidfd)."""
    channel: int
    """Descriptor from which comes what it tells."""
    started: float
    told: bytearray = field(default_factory=bytearray)
    at: str = ""
    """What it does: the name of a module, as it tells."""
    state: State | None = None
    lost: str = ""
    """Why its lease is no longer ours."""


@dataclass(frozen=True)
class Ended:
    """How a worker ended."""

    job: Job
    state: State
    seconds: float
    finished: bool
    """False when it ended before it could say how it went."""
    lost: str = ""
    """Why its lease is no longer ours; nothing may be recorded then."""


class Pool:
    """Up to `size` workers at a time."""

    def __init__(
        self, settings: Settings, size: int, stale_seconds: float, private: Sequence[int] = ()
    ) -> None:
        """Make an empty pool; workers do not get the `private` descriptors."""
        libc()  # loaded before the first fork
        self.size = size
        self.running: dict[int, Worker] = {}
        self._settings = settings
        self._beat_seconds = stale_seconds / BEATS
        self._beaten = time.monotonic()
        self._kept: list[Lease] = []
        self._private = private
        self._selector = selectors.DefaultSelector()

    @property
    def has_room(self) -> bool:
        """True when a worker may be started."""
        return len(self.running) < self.size

    def start(self, job: Job) -> None:
        """Fork a worker."""
        read_end, write_end = os.pipe()
        supervisor = os.getpid()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            pid = os.fork()
            if pid == 0:
                self._let_go(read_end)
                be_worker(job, self._settings, write_end, supervisor)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.close(write_end)
        os.set_blocking(read_end, False)
        worker = Worker(job, pid, os.pidfd_open(pid), read_end, time.monotonic())
        self.running[pid] = worker
        self._selector.register(worker.handle, selectors.EVENT_READ, worker)
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)

    def wait(self, seconds: float) -> Iterator[Ended]:
        """Hear the workers for a while, or until one ends; yield those that did."""
        self.beat_if_due()
        ended = []
        for key, _ in self._selector.select(seconds):
            worker: Worker = key.data
            if key.fd == worker.handle:
                ended.append(worker)
            elif not _hear(worker):
                self._selector.unregister(worker.channel)
        for worker in ended:
            yield self._collect(worker)

    def stop(self) -> Iterator[Ended]:
        """End all workers; yield how each ended."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        while self.running and time.monotonic() < deadline:
            yield from self.wait(_GRACE_SECONDS / 10)
        self._signal(signal.SIGKILL)
        while self.running:
            yield from self.wait(_GRACE_SECONDS)

    def close(self) -> None:
        """Kill what still runs and let go of everything, for a supervisor that fails."""
        self._signal(signal.SIGKILL)
        for worker in list(self.running.values()):
            select.select([worker.handle], [], [])
            self._collect(worker)
        self._selector.close()

    def _let_go(self, read_end: int) -> None:
        """Close, in a fresh fork, what belongs to the supervisor and to the other workers."""
        self._selector.close()
        for private in self._private:
            os.close(private)
        os.close(read_end)
        for worker in self.running.values():
            os.close(worker.handle)
            os.close(worker.channel)

    def _signal(self, number: int) -> None:
        for worker in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(worker.handle, number)

    def keep(self, lease: Lease) -> None:
        """Keep a lease alive, too, that is not a worker's."""
        self._kept.append(lease)

    def beat_if_due(self) -> None:
        """Say for all workers that they are alive; one whose lease is lost is killed."""
        if time.monotonic() - self._beaten < self._beat_seconds:
            return
        self._beaten = time.monotonic()
        for lease in self._kept:
            with contextlib.suppress(LeaseLostError):
                lease.beat()
        for worker in self.running.values():
            try:
                worker.job.lease.beat()
            except LeaseLostError as error:
                worker.lost = str(error)
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(worker.handle, signal.SIGKILL)

    def _collect(self, worker: Worker) -> Ended:
        """Reap a worker, and wait until the last module that it started is gone."""
        _, status = os.waitpid(worker.pid, 0)
        del self.running[worker.pid]
        for descriptor in (worker.handle, worker.channel):
            with contextlib.suppress(KeyError):
                self._selector.unregister(descriptor)
        while _hear(worker):
            pass
        os.close(worker.handle)
        os.close(worker.channel)
        deadline = time.monotonic() + _LAST_CHILDREN_SECONDS
        while status and worker.job.lease.is_shared() and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
        seconds = round(time.monotonic() - worker.started, 3)
        state = worker.state or _died(status, worker.at)
        return Ended(worker.job, state, seconds, worker.state is not None, worker.lost)


def _hear(worker: Worker) -> bool:
    """Take in what a worker tells; False when there is no more."""
    try:
        chunk = os.read(worker.channel, 1 << 16)
    except BlockingIOError:
        return False
    worker.told += chunk
    *lines, rest = bytes(worker.told).split(b"\n")
    worker.told = bytearray(rest[:_MOST_TOLD_BYTES])
    for line in lines:
        _understand(worker, line)
    return bool(chunk)


def _understand(worker: Worker, line: bytes) -> None:
    try:
        message: Any = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(message, dict):
        worker.at = str(message.get("at", worker.at))
        worker.state = from_record(message.get("state")) or worker.state


def _died(status: int, at: str) -> State:
    """Return the state of an analysis whose worker ended without one."""
    if os.WIFSIGNALED(status):
        how = f"was killed by {signal_name(os.WTERMSIG(status))}"
    else:
        how = f"ended with status {os.WEXITSTATUS(status)}"
    place = f" while {at} ran" if at else ""
    hint = ", for want of memory or by hand" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == 9 else ""
    return State(Ending.UNPROCESSED, error=f"its process {how}{place}{hint}")
