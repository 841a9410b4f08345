"""Files that appear whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BUFFER = 1 << 20


@contextlib.contextmanager
def replacing(target: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Give a new file that takes the place of `target` at the end of the `with` block, unless an error ends it.

    A link in the place of `target` is replaced, never followed. On an error `target` stays as it was. `mode` is
    that of the new file, less what the umask takes.

    Raises:
        OSError: the file cannot be made or cannot take its place.
    """
    with _draft(target, mode) as (_, descriptor), os.fdopen(descriptor, "wb", _BUFFER) as file:
        yield file


@contextlib.contextmanager
def drafted(target: Path, mode: int = 0o666) -> Iterator[Path]:
    """Give the path of a new, empty file as `replacing` gives the file, for libraries that open by name.

    Raises:
        OSError: as from `replacing`.
    """
    with _draft(target, mode) as (draft, descriptor):
        os.close(descriptor)
        yield draft


@contextlib.contextmanager
def _draft(target: Path, mode: int) -> Iterator[tuple[Path, int]]:
    draft = target.with_name(f".{secrets.token_hex(8)}")
    try:
        yield draft, os.open(draft, _NEW_FILE, mode)
        draft.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
