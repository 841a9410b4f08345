"""The bytes of a log: mapped from the file, or unpacked from `.gz` into a file without a name."""

import gzip
import mmap
import os
import tempfile
import zlib
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import IO
from weakref import ref

from lib.cuckoo.behavior.wire import Data
from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder

MOST_OPEN = 64
"""Logs that stay mapped at one time; an analysis may have a hundred thousand."""
KEPT_BYTES = 16 << 20
_CHUNK = 1 << 20

_open: "OrderedDict[int, ref[LogSource]]" = OrderedDict()


class LogSource:
    """One log file, mapped when somebody reads it and let go when many others are read after it.

    `fault` says what kept the file from being read to its end; it is known once `data` was called.
    """

    def __init__(self, path: Path, unpacked_bytes: int) -> None:
        self.path = path
        self.unpacked_bytes = unpacked_bytes
        self.fault = ""
        self._data: Data | None = None
        self._kept_from = 0

    def data(self) -> Data:
        """Return the log; what cannot be read is empty."""
        if self._data is not None and next(reversed(_open), None) == id(self):
            return self._data
        if self._data is None:
            self._data = self._read()
        _open[id(self)] = ref(self)
        _open.move_to_end(id(self))
        while len(_open) > MOST_OPEN:
            _, oldest = _open.popitem(last=False)
            source = oldest()
            if source is not None:
                source.forget()
        return self._data

    @property
    def is_open(self) -> bool:
        """Whether the log is mapped at the moment."""
        return self._data is not None

    def forget(self) -> None:
        """Let go of the mapping; whoever still reads from it keeps it alive."""
        self._data = None

    def passed(self, offset: int) -> None:
        """Note how far a reader is; now and then pages are given back, so that a log does not count as memory."""
        if abs(offset - self._kept_from) >= KEPT_BYTES and isinstance(self._data, mmap.mmap):
            self._data.madvise(mmap.MADV_DONTNEED)
            self._kept_from = offset

    def left(self) -> None:
        """Note that a reader came to its end; the pages of many logs, none of them large, would be memory too."""
        if isinstance(self._data, mmap.mmap):
            self._data.madvise(mmap.MADV_DONTNEED)
        self._kept_from = 0

    def _read(self) -> Data:
        try:
            with _folder(self.path.parent).open(self.path.name) as log:
                return self._unpacked(log) if self.path.suffix == ".gz" else _mapped(log)
        except CuckooProcessingError as error:
            self.fault = str(error)
        except OSError as error:
            self.fault = f"cannot be read: {error.strerror}"
        return b""

    def _unpacked(self, log: IO[bytes]) -> Data:
        with tempfile.TemporaryFile() as plain:
            try:
                with gzip.GzipFile(fileobj=log) as packed:
                    self._copy(packed, plain)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                self.fault = f"cannot be unpacked further: {error}"
            plain.flush()
            return _mapped(plain)

    def _copy(self, packed: gzip.GzipFile, plain: IO[bytes]) -> None:
        left = self.unpacked_bytes
        while chunk := packed.read(min(_CHUNK, left + 1)):
            plain.write(chunk[:left])
            left -= len(chunk)
            if left < 0:
                self.fault = f"unpacks to more than {self.unpacked_bytes} bytes"
                return


@lru_cache(maxsize=4)
def _folder(path: Path) -> AnalysisFolder:
    """Return what opens the logs of a folder, made once for all of them."""
    return AnalysisFolder(path)


def _mapped(log: IO[bytes]) -> Data:
    """Return a read-only map; mapping nothing is an error to the system, so an empty file is empty bytes."""
    if os.fstat(log.fileno()).st_size == 0:
        return b""
    return mmap.mmap(log.fileno(), 0, access=mmap.ACCESS_READ)
