"""Bodies and attachments on disk, each named by its SHA-256."""

import hashlib
import os
from pathlib import Path

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.filetype import describe_bytes
from lib.cuckoo.network.conversation import Record

TYPED_BYTES = 4096
"""Bytes that are enough to tell the type."""


class Bodies:
    """Writes into one folder, below bounds; calling it makes it a `Save` of conversations.

    Attributes:
        skipped: bodies that were described but not written, because a bound was reached.
    """

    def __init__(self, folder: Path, maximum: int, maximum_bytes: int) -> None:
        """Write at most `maximum` files of `maximum_bytes` together; the folder is made with the first."""
        self.skipped = 0
        self._folder = folder
        self._files = maximum
        self._bytes = maximum_bytes
        self._known: dict[str, Record] = {}

    def save(self, data: bytes, kind: str) -> Record:
        """Keep a body; `kind` says where it comes from and is given as `source`.

        Returns:
            sha256, size, type (as libmagic says), source and path, None when the bytes were not written.

        Raises:
            CuckooProcessingError: the folder cannot be written.
        """
        digest = hashlib.sha256(data).hexdigest()
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

    def _write(self, digest: str, data: bytes) -> str | None:
        if not data:
            return None
        if self._files <= len(self._known) or self._bytes < len(data):
            self.skipped += 1
            return None
        self._bytes -= len(data)
        path = self._folder / digest
        try:
            _write_new(path, data)
        except OSError as error:
            raise CuckooProcessingError(f"cannot save a body: {error}") from error
        return str(path)


def _write_new(path: Path, data: bytes) -> None:
    """Write a file unless it is there, be it as a link; the folder may not be one."""
    path.parent.mkdir(exist_ok=True)
    if path.parent.is_symlink():
        raise NotADirectoryError(f"{path.parent} is a link")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _type(data: bytes) -> str:
    """Return what libmagic says of the first bytes."""
    return describe_bytes(data[:TYPED_BYTES]) if data else "empty"
