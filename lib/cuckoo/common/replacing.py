"""Files that appear whole or not at all.

A file is written as a draft beside its place. Who is killed meanwhile leaves the draft behind, under a name that
tells whose it is, so that the next who writes there can remove it.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BUFFER = 1 << 20
_DRAFT = re.compile(r"\.fledge-[0-9a-f]{16}\.draft")
_NAMES_PER_FOLDER = 100_000
_LEVELS = 3


def draft_name() -> str:
    """Return a name that nobody has, for a file that is being written."""
    return f".fledge-{secrets.token_hex(8)}.draft"


@contextlib.contextmanager
def output_folder(path: str | os.PathLike[str]) -> Iterator[int]:
    """Make a folder unless it is there, and give its descriptor for the `with` block.

    What is there already was put there by somebody else: a link in its place is never followed, and through the
    descriptor no path swapped meanwhile gains anything.

    Raises:
        OSError: it cannot be made or opened, or something else has its name.
    """
    with contextlib.suppress(FileExistsError):  # what is no folder shows in the opening
        Path(path).mkdir()
    folder = os.open(path, _FOLDER)
    try:
        yield folder
    finally:
        os.close(folder)


@contextlib.contextmanager
def replacing(target: Path, mode: int = 0o666, *, folder: int | None = None) -> Iterator[BinaryIO]:
    """Give a new file that takes the place of `target` at the end of the `with` block, unless an error ends it.

    A link in the place of `target` is replaced, never followed. On an error `target` stays as it was. `mode` is
    that of the new file, less what the umask takes. A relative `target` lies in `folder`, when that is given.

    Raises:
        OSError: the file cannot be made or cannot take its place.
    """
    with _draft(target, mode, folder) as (_, descriptor), os.fdopen(descriptor, "wb", _BUFFER) as file:
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
def _draft(target: Path, mode: int, folder: int | None = None) -> Iterator[tuple[Path, int]]:
    draft = target.with_name(draft_name())
    try:
        yield draft, os.open(draft, _NEW_FILE, mode, dir_fd=folder)
        os.replace(draft, target, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft, dir_fd=folder)
        raise


def remove_drafts(folder: str | os.PathLike[str], levels: int = _LEVELS) -> None:
    """Remove the drafts that somebody left in `folder` and below, down to `levels`; links are not followed.

    Call it only when nobody else writes there. What cannot be listed or removed stays.
    """
    with contextlib.suppress(OSError):
        _remove_in(os.open(folder, _FOLDER), levels)


def _remove_in(descriptor: int, levels: int) -> None:
    """Remove the drafts in an open folder, and close it."""
    try:
        with os.scandir(descriptor) as entries:
            found = [
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in islice(entries, _NAMES_PER_FOLDER)
            ]
        for name, is_folder in found:
            with contextlib.suppress(OSError):
                if is_folder and levels > 1:
                    _remove_in(os.open(name, _FOLDER, dir_fd=descriptor), levels - 1)
                elif not is_folder and _DRAFT.fullmatch(name):
                    os.unlink(name, dir_fd=descriptor)
    finally:
        os.close(descriptor)
