"""The one way to open what lies in an analysis folder.

Whatever lies there was named and written under the control of malware. Rules for whoever edits this file:

- nothing but a regular file is opened for reading, and no call blocks on a FIFO or wakes a device
- a symbolic link counts by where it leads: into the folder or into `storage/binaries`, or not at all
- what was opened is checked again through its descriptor, so that a path swapped meanwhile gains nothing
"""

import os
import stat
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.text import readable_name

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
NAMES_PER_DIRECTORY = 1_000_000
"""Names taken from one directory; a directory may hold more than memory does."""


class AnalysisFolder:
    """An analysis folder and the places that links in it may lead to."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        real = os.path.realpath(self.path)
        self._allowed = {real} | {
            os.path.realpath(os.path.join(base, os.pardir, os.pardir, "binaries"))
            for base in (os.path.normpath(self.path), real)
        }

    @classmethod
    def around(cls, path: str | os.PathLike[str]) -> "AnalysisFolder":
        """Guess the folder of a lone path: `…/analyses/<id>` above it, else the directory that holds it."""
        absolute = os.path.abspath(path)
        parts = absolute.split(os.sep)
        for index in range(len(parts) - 3, -1, -1):
            if parts[index] == "analyses":
                return cls(os.sep.join(parts[: index + 2]))
        return cls(os.path.dirname(absolute))

    def open(self, path: str | os.PathLike[str]) -> BinaryIO:
        """Open a regular file for reading; `path` is absolute or relative to the folder.

        Raises:
            CuckooProcessingError: absent, unreadable, not a regular file, or a link that leads out; the
                message names the path and what is wrong with it.
        """
        location = os.path.join(self.path, path)
        try:
            self._require_inside(location, os.path.realpath(location))
            mode = os.stat(location).st_mode
            if not stat.S_ISDIR(mode):  # opening a directory wakes nothing, and fails for the true reason
                _require_regular(location, mode)
            descriptor = os.open(location, _FLAGS)
        except (OSError, ValueError) as error:
            raise CuckooProcessingError(f"cannot read {readable_name(location)}: {_reason(error)}") from error
        return self._checked(descriptor, location)

    def read(self, path: str | os.PathLike[str], maximum: int) -> bytes:
        """Return at most the first `maximum` bytes of a file.

        Raises:
            CuckooProcessingError: as from `open`.
        """
        with self.open(path) as stream:
            try:
                return stream.read(maximum)
            except OSError as error:
                raise CuckooProcessingError(
                    f"cannot read {readable_name(stream.name)}: {_reason(error)}"
                ) from error

    def exists(self, path: str | os.PathLike[str]) -> bool:
        """Tell whether something has that name, be it a dangling link."""
        try:
            return os.path.lexists(os.path.join(self.path, path))
        except ValueError:
            return False

    def walk(self, name: str) -> Iterator[str]:
        """Yield what lies under the directory `name`, at any depth: paths relative to the folder, in order.

        Directories are entered, links never are. All else is yielded, links and devices too: `open` tells
        which are no files. A directory that cannot be listed is yielded itself, an absent one gives nothing.
        """
        waiting = [name]
        while waiting:
            path = waiting.pop()
            names = self._names(path)
            if names is not None:
                waiting.extend(os.path.join(path, child) for child in reversed(names))
            elif path != name or self.exists(path):
                yield path

    def _names(self, path: str) -> list[str] | None:
        """List a directory, sorted; None for what is not one or cannot be listed."""
        location = os.path.join(self.path, path)
        try:
            descriptor = os.open(location, _FLAGS | os.O_DIRECTORY | os.O_NOFOLLOW)
        except (OSError, ValueError):
            return None
        try:
            self._require_inside(location, _opened_path(descriptor, location))
            with os.scandir(descriptor) as entries:
                return sorted((entry.name for entry in islice(entries, NAMES_PER_DIRECTORY)), key=os.fsencode)
        except (OSError, CuckooProcessingError):
            return None
        finally:
            os.close(descriptor)

    def _checked(self, descriptor: int, location: str) -> BinaryIO:
        try:
            _require_regular(location, os.fstat(descriptor).st_mode)
            self._require_inside(location, _opened_path(descriptor, location))
            return os.fdopen(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise

    def _require_inside(self, location: str, real: str) -> None:
        if not any(real == base or real.startswith(base.rstrip(os.sep) + os.sep) for base in self._allowed):
            target = readable_name(real)
            raise CuckooProcessingError(
                f"refused to read {readable_name(location)}: it leads to {target}, outside the analysis"
            )


def _opened_path(descriptor: int, location: str) -> str:
    """Ask the kernel what was opened; without /proc the path must do."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return os.path.realpath(location)


def _require_regular(location: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
        raise CuckooProcessingError(f"cannot read {readable_name(location)}: it is {kind}")


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
