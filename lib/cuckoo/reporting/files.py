"""Reports on disk: whole or not at all, and there after the power fails."""

import os
from collections.abc import Iterable
from pathlib import Path

from lib.cuckoo.common.replacing import replacing


def write_whole(target: Path, chunks: Iterable[bytes]) -> int:
    """Write `chunks` beside `target`, sync, and rename onto it; return the size in bytes.

    A link in the place of `target` is replaced, never followed. On an error `target` stays as it was.

    Raises:
        OSError: the file cannot be written.
    """
    with replacing(target) as file:
        file.writelines(chunks)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()
