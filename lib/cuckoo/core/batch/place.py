"""`.fledge`, the folder beside analyses in which runs keep what several of them must know.

    .fledge/leases/<identity>             who works on an analysis
    .fledge/states/<2 digits>/<identity>  how the last run of an analysis ended
    .fledge/runs/<run>.ndjson             what a run did, line by line

It lies beside the analyses and not inside one, whose content was chosen by malware. A name of an analysis reaches
the disk only as its digest.
"""

import errno
import hashlib
import os
import secrets
import stat
from pathlib import Path

from lib.cuckoo.common.exceptions import CuckooOperationalError

NAME = ".fledge"
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def identity(name: str) -> str:
    """Return 32 hexadecimal digits for the name of an analysis, whatever bytes that has."""
    return hashlib.blake2b(os.fsencode(name), digest_size=16).hexdigest()


class Place:
    """The `.fledge` of a folder that holds analyses."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(os.path.realpath(folder))
        self.path = self.folder / NAME
        self.leases = self.path / "leases"
        self.states = self.path / "states"
        self.runs = self.path / "runs"

    @classmethod
    def beside(cls, analysis: str | os.PathLike[str]) -> "Place":
        """Return the place of the folder in which an analysis really lies."""
        return cls(os.path.dirname(os.path.realpath(analysis)))  # noqa: PTH120 - a name may be no Unicode

    def exists(self) -> bool:
        """Tell whether a run was here before."""
        return self.path.is_dir() and not self.path.is_symlink()

    def make(self) -> None:
        """Make the folders.

        Raises:
            CuckooOperationalError: one cannot be made, or is a link or no folder.
        """
        for path in (self.path, self.leases, self.states, self.runs):
            make_folder(path)

    def now(self) -> float:
        """Return the time by the clock of the file system, which all machines that share it see.

        Raises:
            CuckooOperationalError: the folder cannot be written.
        """
        probe = self.leases / f".clock-{secrets.token_hex(8)}"
        try:
            descriptor = os.open(probe, _NEW_FILE, 0o600)
            try:
                return os.fstat(descriptor).st_mtime
            finally:
                os.close(descriptor)
                probe.unlink()
        except OSError as error:
            raise CuckooOperationalError(f"cannot write {self.leases}: {error.strerror}") from error


def make_folder(path: Path) -> None:
    """Make a folder unless it is there.

    Raises:
        CuckooOperationalError: it cannot be made, or is a link or no folder.
    """
    try:
        path.mkdir(exist_ok=True)
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "it is a link")
    except OSError as error:
        raise CuckooOperationalError(f"cannot keep records in {path}: {error.strerror}") from error
