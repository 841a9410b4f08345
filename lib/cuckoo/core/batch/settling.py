"""Whether a sandbox has finished writing an analysis: a marker is there, or nothing has changed for a while.

A change is told by the time of the last change of anything at the top of the folder and two levels below
(`ctime`, which copying with old dates does not set back). Where such times lie in the future, what counts is that
they stay the same.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

_LEVELS = 3
_ENTRIES = 20_000
_MARKER_SECONDS = 1.0


class Settling:
    """Tells of analyses whether they are complete."""

    def __init__(self, seconds: float, marker: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._marker = marker
        self._clock = clock
        self._seen: dict[Path, tuple[tuple[int, int], float]] = {}
        """What an unsettled folder looked like, and since when."""

    def wait_seconds(self, path: Path, now: float) -> float:
        """Return how long to wait before looking again; 0 when the analysis is complete.

        `now` is the time by the clock of the file system.
        """
        if self._marker:
            return 0.0 if os.path.lexists(path / self._marker) else _MARKER_SECONDS
        newest, entries = _look(path)
        age = now - newest / 1e9
        if age >= 0:
            missing = self._seconds - age
        else:
            since = self._since(path, (newest, entries))
            missing = self._seconds - (self._clock() - since)
        if missing <= 0:
            self._seen.pop(path, None)
            return 0.0
        return missing

    def _since(self, path: Path, look: tuple[int, int]) -> float:
        known = self._seen.get(path)
        if known is None or known[0] != look:
            known = self._seen[path] = (look, self._clock())
        return known[1]


def _look(path: Path) -> tuple[int, int]:
    """Return when anything in a folder was last changed, in nanoseconds since 1970, and how much there is."""
    newest = entries = 0
    for status in islice(_statuses(path), _ENTRIES):
        newest = max(newest, status.st_ctime_ns)
        entries += 1
    return newest, entries


def _statuses(path: Path) -> Iterator[os.stat_result]:
    waiting: list[tuple[str, int]] = [(os.fspath(path), 0)]
    with contextlib.suppress(OSError):
        yield path.stat(follow_symlinks=False)
    while waiting:
        folder, level = waiting.pop()
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    yield entry.stat(follow_symlinks=False)
                    if level + 1 < _LEVELS and entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, level + 1))
