"""What files hold, without reading them twice: digests remembered with what the file system says of each file.

As git's index does it: a file whose device, inode, size and times of change are as they were when it was hashed is not
read again. A file that was hashed within two seconds of its last change may have been changed once more within the
same tick of the file system's clock, so that its digest is not trusted and it is read again.
"""

import errno
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_TICK_NS = 2_000_000_000
"""The coarsest clock of a file system in use, FAT's."""

Identity = tuple[int, int, int, int, int]
"""Device, inode, size, and nanoseconds of the last changes of content and of anything."""


def identity_of(status: os.stat_result) -> Identity:
    """Return what changes when a file is changed or replaced."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class FileDigests:
    """Digests of files and listings of folders; `known` are those of an earlier run, as `as_plain` gave them."""

    def __init__(self, known: object = None) -> None:
        self._known = dict(_checked(known))
        self._used: dict[str, list[object]] = {}
        self._said: dict[str, str] = {}
        self.changed = False
        """True when a file was hashed, so that it is worth keeping the digests."""

    def state(self, path: str) -> str:
        """Return in a word what lies at a path: equal words, equal content.

        A link counts by where it leads. Of a file it is the SHA-256, of a folder a digest of its names; what cannot
        be read gives why. The answer holds for the lifetime of the object.
        """
        said = self._said.get(path)
        if said is None:
            said = self._said[path] = self._look(path)
        return said

    def forget(self) -> None:
        """Look at every path anew from here on: a module ran that may have written."""
        self._said.clear()

    def as_plain(self) -> dict[str, list[object]]:
        """Return the digests that were asked for, as plain data."""
        return self._used

    def newest_ns(self) -> int:
        """Return when the one changed last of the files that were asked for was changed; 0 if there are none."""
        return max((_changed_ns(record) for record in self._used.values()), default=0)

    def _look(self, path: str) -> str:
        try:
            status = os.stat(path)
            if stat.S_ISREG(status.st_mode):
                return self._file(path, status)
            if stat.S_ISDIR(status.st_mode):
                return "folder " + _listing(path)
        except (OSError, ValueError) as error:
            return f"unreadable {_reason(error)}"
        return f"kind {stat.S_IFMT(status.st_mode):o}"

    def _file(self, path: str, status: os.stat_result) -> str:
        identity, known = identity_of(status), self._known.get(path)
        if known is None or tuple(known[:5]) != identity or not _is_settled(identity, known[6]):
            known = _hashed(path, identity)
            self.changed = True
        if known is None:
            return f"changing {secrets.token_hex(16)}"
        self._known[path] = self._used[path] = known
        return f"file {known[5]}"


def _changed_ns(record: list[object]) -> int:
    return record[4] if isinstance(record[4], int) else 0


def _hashed(path: str, identity: Identity) -> list[object] | None:
    """Return a record of a file; None if it was changed or replaced meanwhile."""
    began = time.time_ns()
    with os.fdopen(os.open(path, _FLAGS), "rb") as stream:
        if identity_of(os.fstat(stream.fileno())) != identity:
            return None
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if identity_of(os.fstat(stream.fileno())) != identity:
            return None
    return [*identity, digest, began]


def _is_settled(identity: Identity, hashed_ns: object) -> bool:
    """Tell whether a change after the hashing would show; any change sets the last of the times."""
    return isinstance(hashed_ns, int) and identity[4] + _TICK_NS < hashed_ns


def _listing(path: str) -> str:
    with os.scandir(path) as entries:
        names = sorted(
            (os.fsencode(entry.name), entry.is_dir(), entry.is_symlink())
            for entry in entries
            if entry.name != "__pycache__"
        )
    return hashlib.sha256(repr(names).encode()).hexdigest()


def _reason(error: OSError | ValueError) -> str:
    number = error.errno if isinstance(error, OSError) else None
    return errno.errorcode.get(number or 0, "as no file can be called so")


def _checked(known: object) -> Iterator[tuple[str, list[object]]]:
    """Yield the records that have the shape of one."""
    for path, record in known.items() if isinstance(known, Mapping) else ():
        if isinstance(path, str) and isinstance(record, list) and len(record) == 7:
            yield path, record


def tree_files(folder: Path) -> Iterator[str]:
    """Yield the files of a folder of code at any depth, in order, without what Python makes of them."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        yield from (os.path.join(place, name) for name in sorted(files) if not name.startswith("."))


def tree_state(folder: Path, digests: FileDigests) -> str:
    """Return in a word what a folder of code holds."""
    whole = hashlib.sha256()
    for path in tree_files(folder):
        whole.update(os.fsencode(path) + b"\0" + digests.state(path).encode() + b"\0")
    return whole.hexdigest()
