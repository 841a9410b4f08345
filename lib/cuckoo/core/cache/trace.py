"""What a child process opens, lists and writes, told by the interpreter's audit events (PEP 578).

The hook lives in the child and in whatever it forks; what it hears goes to a memory file that the engine reads when
the child has ended. A child under a sample's control can lie here as it can in its answer: it spoils its own.
"""

import contextlib
import fcntl
import math
import mmap
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lib.cuckoo.common.inputs import PASSING, READS, UNTIL

if TYPE_CHECKING:
    from types import FrameType

_TIME = re.compile(rb"-?[0-9]{1,15}\.[0-9]{3}")
_MOST_PATHS = 200_000
_MOST_BYTES = 64 << 20
_WRITES = os.O_CREAT | os.O_TRUNC | os.O_APPEND
_READ, _WRITE, _LIST, _UNTIL, _PASSING, _END = b"r", b"w", b"l", b"u", b"x", b"e"


@dataclass
class Traced:
    """What was heard; paths are absolute and as they were asked for, not resolved."""

    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    """Opened for writing, made, or renamed to; whether that worked is not known."""
    lists: set[str] = field(default_factory=set)
    until: float = math.inf
    """When an answer may become another one by itself, in seconds since 1970."""
    passing: str = ""
    """Why an answer that was computed meanwhile must not be kept; "" when it may be."""


class Trace:
    """A memory file for one child, made before the fork."""

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("trace", os.MFD_CLOEXEC)
        fcntl.fcntl(self._descriptor, fcntl.F_SETFL, os.O_APPEND)

    def begin(self) -> None:
        """Listen from here on; for the child, which ends with the hook in place."""
        self._recorder = _Recorder(self._descriptor)
        sys.addaudithook(self._recorder.hear)

    def end(self) -> None:
        """Say that all was heard; without it nothing that was heard counts."""
        self._recorder.say(_END, b"")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def read(self) -> Traced:
        """Return what was heard."""
        size = os.fstat(self._descriptor).st_size
        if not 0 < size <= _MOST_BYTES:
            return Traced(
                passing="nothing is known of what it read" if not size else "it read too many files"
            )
        with mmap.mmap(self._descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as memory:
            return _parsed(memory[:])


def _parsed(heard: bytes) -> Traced:
    traced, ended = Traced(), False
    kinds = {_READ: traced.reads, _WRITE: traced.writes, _LIST: traced.lists}
    for line in heard.split(b"\0")[:-1]:
        kind, path = line[:1], line[1:]
        ended = ended or line == _END
        if kind in kinds and path.startswith(b"/"):
            kinds[kind].add(os.fsdecode(path))
        elif kind == _UNTIL and _TIME.fullmatch(path):
            traced.until = min(traced.until, float(path))
        elif line != _END:
            traced.passing = path.decode("utf-8", "replace") or "what it read cannot be told"
    if not ended:
        traced.passing = traced.passing or "it was not watched to its end"
    return traced


class _Recorder:
    """Hears audit events and writes each path once.

    It must never raise: an exception in a hook would end what the module was about to do.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._identity = os.fstat(descriptor)
        self._said: set[tuple[bytes, bytes]] = set()

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        note = _NOTES.get(event)
        if note is None:
            return
        try:
            note(self, arguments)
        except (OSError, ValueError, TypeError, IndexError, AttributeError):
            self.say(_PASSING, b"the event " + event.encode() + b" cannot be read")

    def say(self, kind: bytes, text: bytes) -> None:
        if (kind, text) in self._said:
            return
        if len(self._said) > _MOST_PATHS:
            kind, text = _PASSING, b"it read too many files"
        self._said.add((kind, text))
        with contextlib.suppress(OSError):  # then the end is not said either
            if os.path.samestat(os.fstat(self._descriptor), self._identity):
                os.write(self._descriptor, kind + text + b"\0")

    def opened(self, arguments: tuple[Any, ...]) -> None:
        path, mode, flags = arguments
        if isinstance(path, int):
            return
        located = _located(path)
        if flags & os.O_ACCMODE != os.O_RDONLY or flags & _WRITES:
            self.say(_WRITE, located)
        if flags & os.O_ACCMODE == os.O_WRONLY or flags & os.O_TRUNC:
            return
        if mode is None and not os.path.isabs(path):
            self.say(_PASSING, b"it opened a file by a path that may be relative to any folder")
        self.say(_READ, located)

    def listed(self, arguments: tuple[Any, ...]) -> None:
        self.say(_LIST, _located("." if arguments[0] is None else arguments[0]))

    def renamed(self, arguments: tuple[Any, ...]) -> None:
        self.say(_WRITE, _located(arguments[1], arguments[-1]))

    def made(self, arguments: tuple[Any, ...]) -> None:
        self.say(_WRITE, _located(arguments[0], arguments[-1]))

    def depended(self, arguments: tuple[Any, ...]) -> None:
        self.say(_READ, _located(arguments[0]))

    def limited(self, arguments: tuple[Any, ...]) -> None:
        self.say(_UNTIL, b"%.3f" % arguments[0])

    def imported(self, arguments: tuple[Any, ...]) -> None:
        if arguments[1]:  # native modules only; the others are opened
            self.say(_READ, _located(arguments[1]))

    def connected_to_database(self, arguments: tuple[Any, ...]) -> None:
        name = os.fsdecode(arguments[0])
        if name.startswith("file:"):
            self.say(_PASSING, b"it opened a database by URI")
        elif name not in {":memory:", ""}:
            self.say(_READ, _located(name))
            self.say(_WRITE, _located(name))

    def started_program(self, arguments: tuple[Any, ...]) -> None:
        del arguments
        if not _is_looking_for_a_library():
            self.say(_PASSING, b"it started another program")

    def used_network(self, arguments: tuple[Any, ...]) -> None:
        del arguments
        self.say(_PASSING, b"it used the network")

    def said_passing(self, arguments: tuple[Any, ...]) -> None:
        self.say(_PASSING, str(arguments[0]).encode("utf-8", "replace").replace(b"\0", b" ")[:1000] or b"?")


def _is_looking_for_a_library() -> bool:
    """Tell whether the linker was asked where a library lies, as `ctypes` does it for python-magic and others."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the interpreter's own way to see who called
    while frame is not None:
        if frame.f_globals.get("__name__") == "ctypes.util":
            return True
        frame = frame.f_back
    return False


def _located(path: Any, folder: object = -1) -> bytes:
    """Return an absolute path, as the bytes that the system knows it by.

    Args:
        path: as it was asked for; a number is an open file's.
        folder: descriptor of the folder that it is relative to, if one was given.
    """
    if isinstance(path, int):
        return os.fsencode(os.readlink(f"/proc/self/fd/{path}"))
    name = os.fsencode(path)
    if name.startswith(b"/"):
        return name
    if isinstance(folder, int) and folder >= 0:
        return os.path.join(os.fsencode(os.readlink(f"/proc/self/fd/{folder}")), name)
    return os.path.join(os.getcwdb(), name)


_Note = Callable[[_Recorder, tuple[Any, ...]], None]
_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "pty.spawn")
_NETWORK = ("connect", "sendto", "sendmsg", "bind", "getaddrinfo", "gethostbyname", "gethostbyaddr")
_NOTES: Mapping[str, _Note] = {
    "open": _Recorder.opened,
    "os.listdir": _Recorder.listed,
    "os.scandir": _Recorder.listed,
    "os.rename": _Recorder.renamed,
    "os.link": _Recorder.renamed,
    "os.symlink": _Recorder.renamed,
    "os.mkdir": _Recorder.made,
    "import": _Recorder.imported,
    "sqlite3.connect": _Recorder.connected_to_database,
    READS: _Recorder.depended,
    UNTIL: _Recorder.limited,
    PASSING: _Recorder.said_passing,
    **dict.fromkeys(_PROGRAMS, _Recorder.started_program),
    **dict.fromkeys((f"socket.{call}" for call in _NETWORK), _Recorder.used_network),
}
