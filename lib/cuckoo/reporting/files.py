"""Files that appear whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

_BUFFER = 1 << 20


def write_whole(target: Path, chunks: Iterable[bytes]) -> int:
    """Write `chunks` beside `target`, sync, and rename onto it; return the size in bytes.

    A link in the place of `target` is replaced, never followed. On an error `target` stays as it was.

    Raises:
        OSError: the file cannot be written.
    """
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb", buffering=_BUFFER) as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        draft.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    return size
