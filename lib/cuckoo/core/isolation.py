"""Child processes: launched by fork, held to their limits, ended with all that they started.

The engine stays single-threaded, so that a fork is safe and sees all the results without copying them. It forks a
warden, and the warden forks the worker that does the work. The warden adopts whatever the worker's descendants leave
behind, passes on the engine's signals to all of them, ends them when the worker has ended, however that was, and
then ends as the worker did.
"""

import contextlib
import ctypes
import faulthandler
import fcntl
import functools
import mmap
import os
import resource
import select
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
_PATIENCE_SECONDS = 2
_READS_AT_END = 64  # a pipe holds a megabyte at most; a process that escaped may write for ever
_KILL = signal.SIGHUP  # tells a warden to kill all below it; the kernel sends it when the engine dies


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


def launch(work: Work, limits: Limits, analysis_path: str, siblings: Sequence[Child] = ()) -> Child:
    """Fork a child that does `work`; the clock starts here.

    It does not get the descriptors of its `siblings` that run: it could forge their answers.
    """
    _libc()
    answer = _memory_file()
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    started = time.monotonic()
    engine = os.getpid()
    pid = os.fork()
    if pid == 0:
        for sibling in siblings:
            sibling.close()
        _be_warden(work, limits, answer, write_end, engine)
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
        _signal(child, _KILL)
    for child in children:
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
        _signal(child, _KILL)
    else:
        _kill_all(child)
    child.signals += 1
    child.signalled = time.monotonic()


def _signal(child: Child, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(child.handle, number)


def _kill_all(child: Child) -> None:
    _signal_descendants(child.pid, signal.SIGKILL)
    _signal(child, signal.SIGKILL)


def _signal_descendants(pid: int, number: int) -> None:
    for descendant in list(_descendants(pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(descendant, number)


def _descendants(pid: int) -> Iterator[int]:
    pending = [pid]
    while pending:
        with contextlib.suppress(OSError):  # it may end while we look
            for task in Path(f"/proc/{pending.pop()}/task").iterdir():
                found = [int(word) for word in (task / "children").read_text().split()]
                pending += found
                yield from found


def _collect(child: Child) -> Ended:
    """Reap a child that ended, and read its messages."""
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - child.started
    os.set_blocking(child.output, False)
    with contextlib.suppress(BlockingIOError):
        for _ in range(_READS_AT_END):
            if not _drain(child):
                break
    messages, malformed, size = _read_answer(child.answer, child.limits, child.analysis_path)
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
    )


def perform_here(work: Work, limits: Limits, analysis_path: str) -> Ended:
    """Do `work` in this process, for debuggers: only the size of the answer is limited."""
    answer = _memory_file()
    started, cpu = time.monotonic(), time.process_time()
    try:
        work(AnswerWriter(answer, limits.answer_bytes))
        messages, malformed, size = _read_answer(answer, limits, analysis_path)
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


def _read_answer(answer: int, limits: Limits, analysis_path: str) -> tuple[list[Any], str, int]:
    """Return the messages, why the rest could not be read, and the size in bytes."""
    messages: list[Any] = []
    size = os.fstat(answer).st_size
    try:
        _seal(answer)
        size = os.fstat(answer).st_size
        if size > limits.answer_bytes:
            return messages, f"its answer of {size:,} bytes is beyond its limit", size
        if size:
            view = memoryview(mmap.mmap(answer, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ))
            messages.extend(read_messages(view, analysis_path))
    except MalformedError as error:
        return messages, str(error), size
    return messages, "", size


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


def _be_warden(work: Work, limits: Limits, answer: int, output: int, engine: int) -> NoReturn:
    """Launch the worker, wait for it, end what it leaves behind, and end as it did."""
    status = 1 << 8
    try:
        _become_warden(engine)
        warden = os.getpid()
        worker = os.fork()
        if worker == 0:
            _be_worker(work, limits, answer, output, warden)
        status = _outlive(worker)
    finally:
        _end_as(status)


def _become_warden(engine: int) -> None:
    """Leave the engine's group, adopt orphans, pass signals on, and kill all below when the engine dies."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, lambda *_: _signal_descendants(os.getpid(), signal.SIGTERM))
    signal.signal(_KILL, lambda *_: _signal_descendants(os.getpid(), signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _limit(resource.RLIMIT_CORE, 0)
    _libc().prctl(_SET_CHILD_SUBREAPER, 1)
    _libc().prctl(_SET_PDEATHSIG, _KILL)
    if os.getppid() != engine:
        os._exit(1)


def _outlive(worker: int) -> int:
    """Reap everything below until nothing is left; return the worker's wait status."""
    status = None
    while True:
        try:
            pid, ended = os.wait()
        except ChildProcessError:
            return 1 << 8 if status is None else status
        if pid == worker:
            status = ended
        if status is not None:
            _signal_descendants(os.getpid(), signal.SIGKILL)


def _end_as(status: int) -> NoReturn:
    """End with a wait status, be it a signal's."""
    try:
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number != signal.SIGKILL:
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
    finally:
        os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1)


def _be_worker(work: Work, limits: Limits, answer: int, output: int, warden: int) -> NoReturn:
    """Do the work and leave without the engine's exit handlers; above us on the stack is a copy of the engine."""
    status = 1
    try:
        _settle(limits, output, warden)
        work(AnswerWriter(answer, limits.answer_bytes))
        status = 0
    except BaseException:  # noqa: BLE001 - the end of the child's stack
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def _settle(limits: Limits, output: int, warden: int) -> None:
    """Make a fresh fork a worker: own group, own output, default signals, limits."""
    os.setpgid(0, 0)
    _libc().prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != warden:
        os._exit(1)
    for number in (signal.SIGINT, signal.SIGTERM, _KILL):
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
    _limit(resource.RLIMIT_CPU, limits.cpu_seconds, spare=1)
    _limit(resource.RLIMIT_FSIZE, max(limits.file_mb << 20, limits.answer_bytes))
    _limit(resource.RLIMIT_DATA, _status_bytes("VmData") + memory)
    _limit(resource.RLIMIT_AS, _status_bytes("VmSize") + _SHARED_MEMORY_FACTOR * memory)


def _limit(which: int, value: int, spare: int = 0) -> None:
    """Set a limit for good; `spare` lies between the one that warns and the one that kills."""
    hard = resource.getrlimit(which)[1]
    lowest = (
        [value, value + spare]
        if hard == resource.RLIM_INFINITY
        else [min(value, hard), min(value + spare, hard)]
    )
    resource.setrlimit(which, (lowest[0], lowest[1]))


def _status_bytes(field_name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field_name + ":"):
            return int(line.split()[1]) << 10
    return 0


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
