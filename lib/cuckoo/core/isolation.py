"""Child processes as the engine sees them: launched by fork, held to their limits, reaped with all they started.

The engine stays single-threaded, so that a fork is safe and sees all the results without copying them. It forks a
warden, which forks the worker that does the work; `warden` is their side of it.
"""

import contextlib
import fcntl
import mmap
import os
import resource
import select
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lib.cuckoo.core.answer import AnswerWriter, MalformedError, read_messages
from lib.cuckoo.core.limits import Limits
from lib.cuckoo.core.warden import KILL, Work, be_warden, libc, signal_descendants

_OUTPUT_KEPT = 8192
_NOTHING = memoryview(b"")
_TICK_SECONDS = 0.2
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE_SECONDS = 2
_READS_AT_END = 64  # a pipe holds a megabyte at most; a process that escaped may write for ever


@dataclass
class Child:
    """A running child process."""

    pid: int
    """The warden's."""
    limits: Limits
    analysis_path: str
    started: float
    answer: int
    """Descriptor of the memory file."""
    output: int
    """Descriptor of the pipe that its standard output and error go to."""
    handle: int
    """Descriptor that becomes readable when it ends (pidfd)."""
    printed: bytearray = field(default_factory=bytearray)
    signals: int = 0
    """How many it was sent because its time was up."""
    signalled: float = 0.0
    """When the last of them was sent."""
    expired: bool = False
    """True ends it before its limit of wall-clock time."""
    reaped: bool = False
    """True when it has ended and was taken leave of: its number may be another process's."""

    def deadline(self) -> float:
        """Return when the next signal is due, on the monotonic clock."""
        if not self.signals:
            return self.started + (0 if self.expired else self.limits.wall_seconds)
        return self.signalled + self.limits.grace_seconds

    def close(self) -> None:
        """Let go of its descriptors."""
        for descriptor in (self.answer, self.output, self.handle):
            os.close(descriptor)


@dataclass(frozen=True)
class Ended:
    """How a child ended. Times in seconds, sizes in bytes."""

    messages: list[Any]
    malformed: str
    """Why the messages after the last one could not be read; "" when they could."""
    exit_code: int | None
    signal: int | None
    timed_out: bool
    output: str
    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    answer_bytes: int
    answer: memoryview = _NOTHING
    """All messages as they were written, read-only; empty when they could not be read. It holds a descriptor."""

    def without_answer(self) -> "Ended":
        """Return it without the answer as it was written."""
        return replace(self, answer=_NOTHING)


def launch(work: Work, limits: Limits, analysis_path: str, siblings: Sequence[Child] = ()) -> Child:
    """Fork a child that does `work`; the clock starts here.

    It does not get the descriptors of its `siblings` that run: it could forge their answers. Who launches inside
    `undisturbed`, down to where the child is noted, has it to `kill` whenever a signal comes.
    """
    libc()
    answer = _memory_file()
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    started = time.monotonic()
    engine = os.getpid()
    with undisturbed():
        pid = os.fork()
        if pid == 0:
            for sibling in siblings:
                sibling.close()
            be_warden(work, limits, answer, write_end, engine)
        os.close(write_end)
        return Child(pid, limits, analysis_path, started, answer, read_end, os.pidfd_open(pid))


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put off the signals that end the engine to the end of the `with` block; a child must not be in doubt."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def wait(children: Sequence[Child], tick: Callable[[], None] | None = None) -> dict[int, Ended]:
    """Wait until at least one child ends; return those that did, by pid. Signals those that are due meanwhile.

    `tick` is called a few times a second.
    """
    with selectors.DefaultSelector() as selector:
        for child in children:
            selector.register(child.handle, selectors.EVENT_READ, child)
            selector.register(child.output, selectors.EVENT_READ, child)
        while True:
            ended = _wait_once(selector, children)
            if ended:
                return {child.pid: _collect(child) for child in ended}
            if tick is not None:
                tick()


def expire(child: Child) -> None:
    """Treat a child as if it had reached its limit of wall-clock time."""
    child.expired = True


def kill(children: Sequence[Child]) -> None:
    """End children at once, for an engine that stops; one that `wait` took leave of is let be."""
    living = [child for child in children if not child.reaped]
    for child in living:
        _signal(child, KILL)
    for child in living:
        if not select.select([child.handle], [], [], _PATIENCE_SECONDS)[0]:
            _kill_all(child)
        _collect(child)


def _wait_once(selector: selectors.BaseSelector, children: Sequence[Child]) -> list[Child]:
    due = min(child.deadline() for child in children) - time.monotonic()
    ended = []
    for key, _ in selector.select(max(0.0, min(due, _TICK_SECONDS))):
        if key.fd == key.data.handle:
            ended.append(key.data)
        elif not _drain(key.data):
            selector.unregister(key.fd)
    for child in children:
        if all(child is not other for other in ended) and time.monotonic() >= child.deadline():
            _enforce(child)
    return ended


def _drain(child: Child) -> bool:
    """Read what the child printed, keeping the last of it; False at the end."""
    chunk = os.read(child.output, 1 << 16)
    child.printed += chunk
    del child.printed[:-_OUTPUT_KEPT]
    return bool(chunk)


def _enforce(child: Child) -> None:
    """Ask the child's processes to end, then make the warden kill them, then do without a warden that cannot."""
    if child.signals == 0:
        _signal(child, signal.SIGTERM)
    elif child.signals == 1:
        _signal(child, KILL)
    else:
        _kill_all(child)
    child.signals += 1
    child.signalled = time.monotonic()


def _signal(child: Child, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(child.handle, number)


def _kill_all(child: Child) -> None:
    signal_descendants(child.pid, signal.SIGKILL)
    _signal(child, signal.SIGKILL)


def _collect(child: Child) -> Ended:
    """Reap a child that ended, and read its messages."""
    select.select([child.handle], [], [])
    with undisturbed():
        _, status, usage = os.wait4(child.pid, 0)
        child.reaped = True
    wall = time.monotonic() - child.started
    os.set_blocking(child.output, False)
    with contextlib.suppress(BlockingIOError):
        for _ in range(_READS_AT_END):
            if not _drain(child):
                break
    messages, malformed, size, view = _read_answer(child.answer, child.limits, child.analysis_path)
    child.close()
    return Ended(
        messages=messages,
        malformed=malformed,
        exit_code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        timed_out=child.signals > 0,
        output=child.printed.decode(errors="backslashreplace"),
        wall_seconds=wall,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_memory_bytes=usage.ru_maxrss << 10,
        answer_bytes=size,
        answer=view,
    )


def perform_here(work: Work, limits: Limits, analysis_path: str) -> Ended:
    """Do `work` in this process, for debuggers: only the size of the answer is limited."""
    answer = _memory_file()
    started, cpu = time.monotonic(), time.process_time()
    try:
        work(AnswerWriter(answer, limits.answer_bytes))
        messages, malformed, size, _ = _read_answer(answer, limits, analysis_path)
    finally:
        os.close(answer)
    return Ended(
        messages=messages,
        malformed=malformed,
        exit_code=0,
        signal=None,
        timed_out=False,
        output="",
        wall_seconds=time.monotonic() - started,
        cpu_seconds=time.process_time() - cpu,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
        answer_bytes=size,
    )


def _memory_file() -> int:
    return os.memfd_create("answer", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def _read_answer(answer: int, limits: Limits, analysis_path: str) -> tuple[list[Any], str, int, memoryview]:
    """Return the messages, why the rest could not be read, the size in bytes, and all of it if it could be read."""
    messages: list[Any] = []
    view = _NOTHING
    size = os.fstat(answer).st_size
    try:
        _seal(answer)
        size = os.fstat(answer).st_size
        if size > limits.answer_bytes:
            return messages, f"its answer of {size:,} bytes is beyond its limit", size, _NOTHING
        if size:
            view = memoryview(mmap.mmap(answer, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ))
            messages.extend(read_messages(view, analysis_path))
    except MalformedError as error:
        return messages, str(error), size, _NOTHING
    return messages, "", size, view


def _seal(answer: int) -> None:
    """Fix the file's content and size, so that nobody can change under us what we check.

    Raises:
        MalformedError: a process that escaped has it mapped for writing, or the child kept us from sealing it.
    """
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    for pause in (0.0, 0.01, 0.1, 0.5):  # a killed descendant needs a moment to let go
        time.sleep(pause)
        with contextlib.suppress(OSError):
            fcntl.fcntl(answer, fcntl.F_ADD_SEALS, seals)
            return
    raise MalformedError("its answer cannot be protected from changes")
