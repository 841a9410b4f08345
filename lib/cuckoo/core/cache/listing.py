"""The names in an analysis folder: so that what appears, goes, grows or turns into something else is noticed.

Modules ask for files that are not there, and look at sizes without opening; neither can be told from a trace. So the
whole list is part of what every answer depends on, but for what our own modules wrote.
"""

import hashlib
import os
import stat
from collections.abc import Collection, Iterator, Mapping

from lib.cuckoo.common.paths import INPUTS
from lib.cuckoo.core.cache.files import Identity, identity_of

_MOST_NAMES = 2_000_000
_OWN_FOLDER = INPUTS["reports_path"]


class TooManyNamesError(ValueError):
    """The folder holds more names than are worth comparing."""


class Listing:
    """What lay in a folder at one time; `reports/`, the engine's own, is left out.

    Raises:
        TooManyNamesError: there are more than two millions.
        OSError: a folder cannot be listed.
    """

    def __init__(self, folder: str) -> None:
        self._lines: list[tuple[str, bytes, Identity]] = []
        self.folders: set[str] = set()
        """Paths of folders, relative."""
        for path, status, link in _entries(folder):
            if len(self._lines) >= _MOST_NAMES:
                raise TooManyNamesError(folder)
            self._lines.append((path, _line(path, status, link), identity_of(status)))
            if stat.S_ISDIR(status.st_mode):
                self.folders.add(path)

    def unchanged(self, own: Mapping[str, Identity]) -> dict[str, Identity]:
        """Return those of our own paths that are as they were when they were written."""
        return {
            path: own[path]
            for path, _, identity in self._lines
            if path in own and is_same(own[path], identity)
        }

    def digest(self, own: Collection[str]) -> str:
        """Return a digest of all but our own paths."""
        whole = hashlib.sha256()
        for path, line, _ in self._lines:
            if path not in own:
                whole.update(line)
        return whole.hexdigest()


def regular_files(folder: str) -> Iterator[str]:
    """Yield the files of a folder, absolute, links to files too, but for those in `reports/`."""
    for path, status, link in _entries(folder):
        if stat.S_ISREG(status.st_mode) or link:
            yield os.path.join(folder, path)


def is_same(before: Identity, identity: Identity) -> bool:
    """Compare what a path was with what it is; of a folder, whose times change with its content, the place only."""
    if before[2] < 0:
        return before[:2] == identity[:2]
    return before == identity


def written_identity(path: str) -> Identity:
    """Return what `is_same` compares with.

    Raises:
        OSError: there is nothing at the path.
    """
    status = os.lstat(path)
    if stat.S_ISDIR(status.st_mode):
        return (status.st_dev, status.st_ino, -1, 0, status.st_ctime_ns)
    return identity_of(status)


def _entries(folder: str) -> Iterator[tuple[str, os.stat_result, str]]:
    """Yield path, status and target of each link, in order; links are not followed."""
    waiting = [""]
    while waiting:
        place = waiting.pop()
        for entry in _listed(os.path.join(folder, place)):
            path = os.path.join(place, entry.name)
            if path == _OWN_FOLDER:
                continue
            status = entry.stat(follow_symlinks=False)
            yield path, status, os.readlink(entry.path) if entry.is_symlink() else ""
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)


def _listed(folder: str) -> list[os.DirEntry[str]]:
    """List a folder; one that may not be listed shows nothing, to modules either."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except PermissionError:
        return []


def _line(path: str, status: os.stat_result, link: str) -> bytes:
    size = 0 if stat.S_ISDIR(status.st_mode) else status.st_size
    return f"{path}\0{status.st_mode:o}\0{size}\0{link}\n".encode("utf-8", "surrogateescape")
