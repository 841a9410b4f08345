"""The child's side of isolation: the warden, and the worker below it that does the work.

The warden adopts whatever the worker's descendants leave behind, passes on the engine's signals to all of them, ends
them when the worker has ended, however that was, and then ends as the worker did.
"""

import contextlib
import ctypes
import faulthandler
import functools
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from lib.cuckoo.core.answer import AnswerWriter
from lib.cuckoo.core.limits import Limits

Work = Callable[[AnswerWriter], None]
"""What a child does; it writes messages and returns, or raises."""

KILL = signal.SIGHUP
"""Tells a warden to kill all below it; the kernel sends it when the engine dies."""

_HEARD = frozenset({signal.SIGCHLD, signal.SIGTERM, KILL})
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_SHARED_MEMORY_FACTOR = 8


def be_warden(work: Work, limits: Limits, answer: int, output: int, engine: int) -> NoReturn:
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
    """Leave the engine's group, adopt orphans, and ask for a signal when the engine dies.

    The signals of `_HEARD` stay blocked until `_outlive` takes them one by one: a handler might run before there is
    a worker to pass them on to, or right before a wait that then never ends.
    """
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, _HEARD)
    for number in _HEARD:
        signal.signal(number, signal.SIG_DFL)
    _limit(resource.RLIMIT_CORE, 0)
    libc().prctl(_SET_CHILD_SUBREAPER, 1)
    libc().prctl(_SET_PDEATHSIG, KILL)
    if os.getppid() != engine:
        os._exit(1)


def _outlive(worker: int) -> int:
    """Reap everything below until nothing is left, passing signals on; return the worker's wait status."""
    status = None
    while True:
        number = signal.sigwait(_HEARD)
        if number != signal.SIGCHLD:
            signal_descendants(os.getpid(), signal.SIGKILL if number == KILL else signal.SIGTERM)
            continue
        try:
            for pid, ended in _reap():
                status = ended if pid == worker else status
        except ChildProcessError:
            return 1 << 8 if status is None else status
        if status is not None:
            signal_descendants(os.getpid(), signal.SIGKILL)


def _reap() -> Iterator[tuple[int, int]]:
    """Take leave of the children that have ended; yield each with its wait status.

    Raises:
        ChildProcessError: there are none left to wait for.
    """
    while (ended := os.waitpid(-1, os.WNOHANG))[0]:
        yield ended


def _end_as(status: int) -> NoReturn:
    """End with a wait status, be it a signal's."""
    try:
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number != signal.SIGKILL:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
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
    libc().prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != warden:
        os._exit(1)
    for number in (signal.SIGINT, signal.SIGTERM, KILL):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
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
def libc() -> ctypes.CDLL:
    """Return the C library; loaded before the first fork, so that children need not."""
    return ctypes.CDLL(None)


def signal_descendants(pid: int, number: int) -> None:
    """Signal everything below a process, whatever group it is in."""
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
