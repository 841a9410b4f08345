"""Child processes: launched by fork, held to their limits, ended with all that they started.

The engine stays single-threaded, so that a fork is safe and sees all the results without copying them. A child
leads its own process group and adopts whatever its descendants leave behind, so that a module that forks and
detaches is still found. What escapes is a process that outlives a child which crashed, after leaving its group.
"""

import contextlib
import ctypes
import faulthandler
import fcntl
import functools
import mmap
import os
import resource
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from lib.cuckoo.core.answer import AnswerWriter, MalformedError, read_messages
from lib.cuckoo.core.limits import Limits

Work = Callable[[AnswerWriter], None]
"""What a child does; it writes messages and returns, or raises."""

_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_SHARED_MEMORY_FACTOR = 8
_OUTPUT_KEPT = 8192
_TICK_SECONDS = 0.2


@dataclass
class Child:
    """A running child process."""

    pid: int
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
    terminated: float | None = None
    """When SIGTERM was sent."""
    expired: bool = False
    """True ends it before its limit of wall-clock time."""

    def deadline(self) -> float:
        """Return when the next signal is due, on the monotonic clock."""
        if self.terminated is None:
            return self.started + (0 if self.expired else self.limits.wall_seconds)
        return self.terminated + self.limits.grace_seconds


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


def launch(work: Work, limits: Limits, analysis_path: str) -> Child:
    """Fork a child that does `work`; the clock starts here."""
    _libc()
    answer = _memory_file()
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    started = time.monotonic()
    engine = os.getpid()
    pid = os.fork()
    if pid == 0:
        _be_child(work, limits, answer, write_end, engine)
    with contextlib.suppress(OSError):  # the child does the same: whoever comes first
        os.setpgid(pid, pid)
    os.close(write_end)
    return Child(pid, limits, analysis_path, started, answer, read_end, os.pidfd_open(pid))


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
    """End children at once, for an engine that stops."""
    for child in children:
        _signal_all(child, signal.SIGKILL)
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
        if child not in ended and time.monotonic() >= child.deadline():
            _enforce(child)
    return ended


def _drain(child: Child) -> bool:
    """Read what the child printed, keeping the last of it; False at the end."""
    chunk = os.read(child.output, 1 << 16)
    child.printed += chunk
    del child.printed[:-_OUTPUT_KEPT]
    return bool(chunk)


def _enforce(child: Child) -> None:
    if child.terminated is None:
        _signal_all(child, signal.SIGTERM)
    else:
        _signal_all(child, signal.SIGKILL)
    child.terminated = time.monotonic()


def _signal_all(child: Child, number: int) -> None:
    """Signal the child's group and its descendants outside the group."""
    descendants = list(_descendants(child.pid))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)
    for pid in descendants:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _descendants(pid: int) -> Iterator[int]:
    pending = [pid]
    while pending:
        for task in Path(f"/proc/{pending.pop()}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found = [int(word) for word in task.read_text().split()]
                pending += found
                yield from found


def _collect(child: Child) -> Ended:
    """Reap a child that ended, end what it left behind, and read its messages."""
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - child.started
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    os.set_blocking(child.output, False)
    with contextlib.suppress(BlockingIOError):
        while _drain(child):
            pass
    messages, malformed, size = _read_answer(child.answer, child.analysis_path)
    os.close(child.output)
    os.close(child.handle)
    os.close(child.answer)
    return Ended(
        messages=messages,
        malformed=malformed,
        exit_code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        timed_out=child.terminated is not None,
        output=child.printed.decode(errors="backslashreplace"),
        wall_seconds=wall,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_memory_bytes=usage.ru_maxrss << 10,
        answer_bytes=size,
    )


def perform_here(work: Work, limits: Limits, analysis_path: str) -> Ended:
    """Do `work` in this process, for debuggers: only the size of the answer is limited."""
    answer = _memory_file()
    started, cpu = time.monotonic(), time.process_time()
    try:
        work(AnswerWriter(answer, limits.answer_bytes))
        messages, malformed, size = _read_answer(answer, analysis_path)
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


def _read_answer(answer: int, analysis_path: str) -> tuple[list[Any], str, int]:
    """Return the messages, why the rest could not be read, and the size in bytes."""
    messages: list[Any] = []
    try:
        _seal(answer)
        size = os.fstat(answer).st_size
        if size:
            view = memoryview(mmap.mmap(answer, size, prot=mmap.PROT_READ))
            messages.extend(read_messages(view, analysis_path))
    except MalformedError as error:
        return messages, str(error), size
    return messages, "", size


def _seal(answer: int) -> None:
    """Fix the file's content and size, so that nobody can change under us what we check.

    Raises:
        MalformedError: a process that escaped holds it open for writing.
    """
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    for pause in (0.0, 0.01, 0.1, 0.5):  # a killed descendant needs a moment to let go
        time.sleep(pause)
        with contextlib.suppress(OSError):
            fcntl.fcntl(answer, fcntl.F_ADD_SEALS, seals)
            return
    os.ftruncate(answer, 0)
    raise MalformedError("another process still writes to the answer")


def _be_child(work: Work, limits: Limits, answer: int, output: int, engine: int) -> NoReturn:
    status = 1
    try:
        _settle(limits, output, engine)
        work(AnswerWriter(answer, limits.answer_bytes))
        status = 0
    except BaseException:  # noqa: BLE001 - the end of the child's stack; above it is a copy of the engine
        traceback.print_exc()
    finally:
        _leave(status)


def _leave(status: int) -> NoReturn:
    """End the child and what it started, without the engine's exit handlers."""
    for pid in list(_descendants(os.getpid())):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _settle(limits: Limits, output: int, engine: int) -> None:
    """Make a fresh fork a child: own group, own output, default signals, limits."""
    os.setpgid(0, 0)
    _libc().prctl(_SET_PDEATHSIG, signal.SIGKILL)
    _libc().prctl(_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != engine:
        os._exit(1)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    sys.stdout = open(1, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115 - lives as long as the child
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115 - lives as long as the child
    faulthandler.enable(sys.stderr, all_threads=False)
    _restrict(limits)


def _restrict(limits: Limits) -> None:
    """Set the kernel's limits on this process.

    RLIMIT_DATA counts private memory only, so that a module may map large files; the address space is limited
    more loosely, against shared memory, which RLIMIT_DATA does not count.
    """
    memory = limits.memory_mb << 20
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, limits.cpu_seconds)
    _limit(resource.RLIMIT_FSIZE, max(limits.file_mb << 20, limits.answer_bytes))
    _limit(resource.RLIMIT_DATA, _status_bytes("VmData") + memory)
    _limit(resource.RLIMIT_AS, _status_bytes("VmSize") + _SHARED_MEMORY_FACTOR * memory)


def _limit(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (soft, hard))


def _status_bytes(field_name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field_name + ":"):
            return int(line.split()[1]) << 10
    return 0


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
