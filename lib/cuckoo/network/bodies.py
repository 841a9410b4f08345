"""Bodies and attachments on disk, each named by its SHA-256."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lib.cuckoo.common.filetype import describe_bytes
from lib.cuckoo.common.replacing import output_folder, replacing
from lib.cuckoo.network.conversation import Record

TYPED_BYTES = 4096
"""Bytes that are enough to tell the type."""


class Bodies:
    """Writes into one folder, below bounds; calling it makes it a `Save` of conversations.

    What cannot be written costs the copy, never what is said of it: `notes` tells what is missing and why.

    Attributes:
        skipped: bodies that were described but not written, because a bound was reached.
        fault: why a body could not be written; "" when all could.
    """

    def __init__(self, folder: Path, maximum: int, maximum_bytes: int) -> None:
        """Write at most `maximum` files of `maximum_bytes` together; the folder is made with the first."""
        self.skipped = 0
        self.fault = ""
        self._folder = folder
        self._files = maximum
        self._bytes = maximum_bytes
        self._known: dict[str, Record] = {}

    def save(self, data: bytes | bytearray, kind: str, digest: str = "", /) -> Record:
        """Keep a body, whose SHA-256 may be known; `kind` says where it comes from and is given as `source`.

        Returns:
            sha256, size, type (as libmagic says), source and path, None when the bytes were not written.
        """
        digest = digest or hashlib.sha256(data).hexdigest()
        known = self._known.get(digest)
        if known is None:
            known = {
                "sha256": digest,
                "size": len(data),
                "type": _type(data),
                "path": self._write(digest, data),
            }
            if len(self._known) < self._files:
                self._known[digest] = known
        return {**known, "source": kind}

    def notes(self) -> Iterator[str]:
        """Yield, in sentences, what was not saved."""
        if self.skipped:
            yield f"{self.skipped} bodies were not saved: the options allow no more"
        if self.fault:
            yield f"bodies were not saved: {self.fault}"

    def _write(self, digest: str, data: bytes | bytearray) -> str | None:
        if not data:
            return None
        if self._files <= len(self._known) or self._bytes < len(data):
            self.skipped += 1
            return None
        path = self._folder / digest
        try:
            _write_new(path, data)
        except OSError as error:
            self.fault = self.fault or f"cannot write {path}: {error.strerror}"
            return None
        self._bytes -= len(data)
        return str(path)


def _write_new(path: Path, data: bytes | bytearray) -> None:
    """Write a file unless it is there.

    Raises:
        OSError: it cannot be written, or the folder is a link.
    """
    name = Path(path.name)
    with output_folder(path.parent) as folder:
        if not _is_file(name, folder):
            with replacing(name, 0o644, folder=folder) as file:
                file.write(data)


def _is_file(name: Path, folder: int) -> bool:
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _type(data: bytes | bytearray) -> str:
    """Return what libmagic says of the first bytes."""
    return describe_bytes(bytes(data[:TYPED_BYTES])) if data else "empty"
