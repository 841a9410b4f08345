"""Leases: of all processes on all machines that share a folder, at most one works on an analysis.

A lease is a file with a fixed name, which names its holder. Rules for whoever edits this file:

- a lease appears whole, by `link`, which fails where the name is taken, also on NFS
- its age is measured against the clock of the file system, never against that of a machine
- a lease is removed or replaced only by who made its *ticket*, a second file that carries the lease's token in its
  name: a taker and a holder who comes back late, or two takers, cannot both have it
- a holder says first that it is alive and then looks for a ticket; a taker makes the ticket first and then looks
  whether the holder is alive: one of them sees the other

The holder of a stale lease may be a process that was stopped for a minute and goes on: it finds out when it next
looks, before anything is published.
"""

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.core.batch.holder import LARGEST_BYTES, Holder, ourselves, parse
from lib.cuckoo.core.batch.place import Place, identity

STALE_SECONDS = 60.0
"""Age of a heartbeat beyond which a holder on another machine counts as dead."""
BEATS = 6
"""Heartbeats in that time."""
_ATTEMPTS = 20
_LAST_CHILDREN_SECONDS, _PAUSE_SECONDS = 2.0, 0.01
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TICKET = ".after."


class LeaseLostError(CuckooOperationalError):
    """Somebody else took the lease over: what is being done must not be published."""


@dataclass(frozen=True)
class _Found:
    """A lease file as it was found."""

    holder: Holder
    beaten: float
    """When its holder was last heard of, by the clock of the file system."""


class Lease:
    """A lease that this process, or the one it was forked from, holds."""

    def __init__(self, path: Path, holder: Holder, previous: Holder | None = None) -> None:
        self.path = path
        self.holder = holder
        self.previous = previous
        """Who left the lease behind that was taken over; None if there was none."""

    @property
    def token(self) -> str:
        """What names this attempt at the analysis."""
        return self.holder.token

    def beat(self) -> None:
        """Say that the holder is alive.

        Raises:
            LeaseLostError: somebody else took the lease over, or it cannot be read.
        """
        try:
            with _opened(self.path) as descriptor:
                ours = _read(descriptor).token == self.token
                if ours:
                    os.utime(descriptor)
        except OSError as error:
            raise LeaseLostError(f"the lease {self.path} is gone: {error.strerror}") from error
        if not ours or os.path.lexists(_ticket(self.path, self.token)):
            raise LeaseLostError(f"the lease {self.path} was taken over")

    def share(self) -> int:
        """Lock the lease file, and return the descriptor that holds the lock.

        All processes that are forked from this one hold it with us: so it can be known when the last has ended.

        Raises:
            LeaseLostError: somebody else took the lease over, or it cannot be read.
        """
        try:
            descriptor = os.open(self.path, _READ)
        except OSError as error:
            raise LeaseLostError(f"the lease {self.path} is gone: {error.strerror}") from error
        with contextlib.suppress(OSError):  # file systems without locks: heartbeats must do
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        self.beat()
        return descriptor

    def is_shared(self) -> bool:
        """Tell whether a process that was forked by the one that did `share` still runs."""
        try:
            with _opened(self.path) as descriptor:
                return _is_locked(descriptor)
        except OSError:
            return False

    def release(self) -> None:
        """Give the lease up; if somebody else took it over, that stays theirs."""
        ticket = _ticket(self.path, self.token)
        with contextlib.suppress(OSError):
            os.link(self.path, ticket)
            if _look(ticket).holder.token == self.token:
                self.path.unlink()
            ticket.unlink()


class Leases:
    """The leases of a place, as a run takes them."""

    def __init__(self, place: Place, journal: str, stale_seconds: float = STALE_SECONDS) -> None:
        self.place = place
        self.journal = journal
        self.stale_seconds = stale_seconds
        self._ahead: dict[Path, tuple[float, float]] = {}
        """Heartbeats that lie in the future, and since when we see them, on our monotonic clock."""

    def take(self, name: str) -> Lease | Holder:
        """Return a lease on the analysis `name`, else who has it.

        Raises:
            CuckooOperationalError: lease files cannot be written or read here.
        """
        return self._take(self.place.leases / identity(name), name)

    def left_behind(self) -> Iterator[Lease]:
        """Take over, one after another, the leases whose holders are dead.

        Raises:
            CuckooOperationalError: lease files cannot be written or read here.
        """
        with _explained(self.place.leases):
            with os.scandir(self.place.leases) as entries:
                paths = [Path(entry.path) for entry in entries]
            for path in paths:
                if path.name.startswith(".") or _TICKET in path.name:
                    self._remove_if_old(path)
                    continue
                found = _look_if_readable(path)
                if found and self._is_dead(path, found):
                    lease = self._take(path, found.holder.name)
                    if isinstance(lease, Lease):
                        yield lease

    def _take(self, path: Path, name: str) -> Lease | Holder:
        with _explained(path):
            mine = ourselves(secrets.token_hex(16), name, self.journal)
            draft = path.with_name(f".{mine.token}")
            try:
                with os.fdopen(os.open(draft, _NEW_FILE, 0o644), "wb") as file:
                    file.write(mine.as_bytes())
                return self._put(draft, path, mine)
            finally:
                draft.unlink(missing_ok=True)

    def _put(self, draft: Path, path: Path, mine: Holder) -> Lease | Holder:
        """Put a lease in place, also of one that is stale."""
        for _ in range(_ATTEMPTS):
            if _link(draft, path):
                return Lease(path, mine)
            with contextlib.suppress(FileNotFoundError):  # it was given up this moment
                found = self._outlived(path)
                if found is None:
                    return _look(path).holder
                if self._replace(draft, path, found):
                    return Lease(path, mine, found.holder)
        raise CuckooOperationalError(f"cannot take the lease {path}: others take and leave it all the time")

    def _outlived(self, path: Path) -> _Found | None:
        """Return a lease whose holder is dead, None if it lives; children of one that died here are waited for."""
        deadline = time.monotonic() + _LAST_CHILDREN_SECONDS
        while True:
            found = _look(path)
            if self._is_dead(path, found):
                return found
            if found.holder.runs_here() is not False or time.monotonic() > deadline:
                return None
            time.sleep(_PAUSE_SECONDS)

    def _replace(self, draft: Path, path: Path, stale: _Found) -> bool:
        """Put a lease in the place of a stale one; False if somebody else is at it, or it is stale no more."""
        ticket = _ticket(path, stale.holder.token)
        if not _link(draft, ticket):
            self._remove_if_old(ticket)
            return False
        found = _look_if_there(path)
        if found is None or found.holder != stale.holder or not self._is_dead(path, found):
            ticket.unlink()
            return False
        ticket.replace(path)
        return True

    def _is_dead(self, path: Path, found: _Found) -> bool:
        """Tell whether a holder is gone, with all its children; one on another machine, by its heartbeat."""
        if self._is_stale(path, found.beaten):
            return True
        if found.holder.runs_here() is not False:
            return False
        with contextlib.suppress(FileNotFoundError), _opened(path) as descriptor:
            return not _is_locked(descriptor)
        return False

    def _is_stale(self, path: Path, beaten: float) -> bool:
        """Tell whether a heartbeat is old; one in the future, as after a clock was set back, by how long we see it."""
        age = self.place.now() - beaten
        if age >= 0:
            self._ahead.pop(path, None)
            return age > self.stale_seconds
        seen, since = self._ahead.setdefault(path, (beaten, time.monotonic()))
        if seen != beaten:
            self._ahead[path] = (beaten, time.monotonic())
            return False
        return time.monotonic() - since > self.stale_seconds

    def _remove_if_old(self, path: Path) -> None:
        """Remove a file with which somebody was killed in the middle of taking or leaving a lease."""
        with contextlib.suppress(OSError, CuckooOperationalError):
            found = _look(path)
            if found.holder.runs_here() is False or self._is_stale(path, found.beaten):
                path.unlink()


def _ticket(path: Path, token: str) -> Path:
    return path.with_name(f"{path.name}{_TICKET}{token}")


def _link(source: Path, target: Path) -> bool:
    """Give a file a second name; False if something has that name.

    An answer of NFS may be lost and the link there all the same: the number of names tells.
    """
    try:
        os.link(source, target)
    except FileExistsError:  # also when it is gone by now
        return source.stat().st_nlink == 2
    except OSError:
        if source.stat().st_nlink == 2:
            return True
        raise
    return True


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a lease file, which makes NFS ask the server how it is."""
    descriptor = os.open(path, _READ)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> Holder:
    return parse(os.read(descriptor, LARGEST_BYTES))


def _look(path: Path) -> _Found:
    with _opened(path) as descriptor:
        return _Found(_read(descriptor), os.fstat(descriptor).st_mtime)


def _look_if_readable(path: Path) -> _Found | None:
    """Return a lease file as it is; None for a link, a folder, and one that was given up this moment."""
    try:
        return _look(path)
    except OSError:
        return None


def _look_if_there(path: Path) -> _Found | None:
    try:
        return _look(path)
    except FileNotFoundError:
        return None


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CuckooOperationalError(f"cannot use the lease {path}: {error.strerror}") from error
