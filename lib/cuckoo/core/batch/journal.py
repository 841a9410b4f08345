"""Journals: what a run did, one JSON object a line, in `.fledge/runs/<run>.ndjson`.

A line is written by one call, so that a kill leaves it whole, absent, or cut short at the end of the file, where
the next writer starts a line of its own. A line that cannot be read counts as absent.

The journal of a watch is bounded: when it is full it becomes `<run>.earlier.ndjson`, in the place of what was that
before, and a new one begins.
"""

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.core.batch.place import NAME, Place

Listener = Callable[[dict[str, Any]], None]
"""Who hears each event; what it says of an analysis is plain text of bounded length."""

_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LONGEST_LINE = 1 << 20
_EARLIER = ".earlier.ndjson"
MOST_BYTES = 64 << 20
"""Of the journal of a watch, and as many of the earlier one."""
_KEPT = 100
_KEPT_SECONDS = 30 * 24 * 3600


def new_run() -> str:
    """Return a name for a run: when it began, to a 65,536th of a second, and what no other has; names sort by time."""
    now = time.time()
    return (
        f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{int(now % 1 * 65536):04x}{secrets.token_hex(2)}"
    )


def journal_file(place: Place, run: str) -> Path:
    """Return where the journal of a run lies."""
    return place.runs / f"{run}.ndjson"


class Journal:
    """A file to which lines are appended.

    Raises:
        CuckooOperationalError: it cannot be opened, or is a link.
    """

    def __init__(self, file: Path, most_bytes: int = 0) -> None:
        """Open it, or make it; more than `most_bytes` are not kept in one file, unless that is 0."""
        self.file = file
        self._most_bytes = most_bytes
        self.descriptor = _opened(file)
        if not _ends_whole(self.descriptor):
            self._append(b"\n")

    def write(self, event: dict[str, Any]) -> None:
        """Append an event.

        Raises:
            CuckooOperationalError: the disk is full, or the file cannot be made again.
        """
        line = json.dumps(event).encode() + b"\n"
        if self._most_bytes and os.fstat(self.descriptor).st_size + len(line) > self._most_bytes:
            self._begin_anew()
        self._append(line)

    def require(self) -> None:
        """Make the file again if somebody removed it.

        Raises:
            CuckooOperationalError: it cannot be made.
        """
        if not os.fstat(self.descriptor).st_nlink:
            self._reopen()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)

    def _begin_anew(self) -> None:
        with contextlib.suppress(OSError):  # what cannot be moved grows on
            self.file.replace(self.file.with_suffix(_EARLIER))
        self._reopen()

    def _reopen(self) -> None:
        """Open the file that has the name, under the number that others know."""
        descriptor = _opened(self.file)
        os.dup2(descriptor, self.descriptor, inheritable=False)
        os.close(descriptor)

    def _append(self, line: bytes) -> None:
        try:
            written = os.write(self.descriptor, line)
        except OSError as error:
            raise CuckooOperationalError(f"cannot write {self.file}: {error.strerror}") from error
        if written < len(line):
            raise CuckooOperationalError(f"cannot write {self.file}: no space is left")


def _opened(file: Path) -> int:
    try:
        return os.open(file, _APPEND, 0o644)
    except OSError as error:
        raise CuckooOperationalError(f"cannot write {file}: {error.strerror}") from error


def events(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the whole lines of a journal; nothing if there is none."""
    with contextlib.suppress(OSError), os.fdopen(os.open(file, _READ), "rb") as stream:
        while line := stream.readline(_LONGEST_LINE):
            event = _parsed(line)
            if event is not None:
                yield event


def tells_of(file: Path, attempt: str) -> bool:
    """Tell whether a journal says how an attempt ended."""
    lines = chain(events(file), events(file.with_suffix(_EARLIER)))
    return any(event.get("event") == "finished" and event.get("attempt") == attempt for event in lines)


def is_journal(file: Path) -> bool:
    """Tell whether a path that somebody noted is one of a journal, and not of anything else."""
    return (
        file.suffix == ".ndjson"
        and file.parent.parts[-2:] == (NAME, "runs")
        and ".." not in file.parent.parts
    )


def unfinished_run(place: Place, folders: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    """Return the last batch run over these folders and its first event, if that did not come to its end."""
    for file in sorted(_journals(place), reverse=True):
        lines = events(file)
        first = next(lines, {})
        about = (first.get("event"), first.get("command"), first.get("folders"))
        if about != ("run", "process", list(folders)):
            continue
        done = any(event.get("event") == "end" and event.get("ending") == "completed" for event in lines)
        return None if done else (file.stem, first)
    return None


def remove_old(place: Place) -> None:
    """Remove journals that were not written to for 30 days, but for the last hundred."""
    oldest = time.time() - _KEPT_SECONDS
    for file in sorted(_journals(place))[:-_KEPT]:
        with contextlib.suppress(OSError):
            if file.lstat().st_mtime < oldest:
                file.unlink()


def _journals(place: Place) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(place.runs.glob("*.ndjson"))
    return []


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _ends_whole(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return not size or os.pread(descriptor, 1, size - 1) == b"\n"
