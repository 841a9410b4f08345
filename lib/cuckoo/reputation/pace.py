"""A limit on requests a minute that all processes of a machine share.

They share a file with the times of the last requests, in seconds since 1970, under an advisory lock. Whatever
else stands in the file counts as nothing.
"""

import contextlib
import fcntl
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lib.cuckoo.reputation.budget import Budget
from lib.cuckoo.reputation.service import NoAnswerError

_WINDOW_SECONDS = 60.0
_LOCK_PAUSE_SECONDS = 0.05
_FILE_BYTES = 1 << 20


@dataclass(frozen=True)
class Pace:
    """At most `per_minute` requests in any 60 seconds; 0 is no limit."""

    file: Path
    per_minute: int
    clock: Callable[[], float] = time.time

    def wait(self, budget: Budget) -> None:
        """Return when a request may be sent, which then counts.

        Raises:
            NoAnswerError: that would be after the budget's end.
            OSError: the file cannot be used.
        """
        while self.per_minute > 0:
            seconds = self._claim(budget)
            if not seconds:
                return
            if not budget.pause(seconds):
                raise NoAnswerError(
                    f"the {self.per_minute} look-ups a minute of this machine are used up for {seconds:.0f} s, "
                    f"and {budget.left:.0f} s of the budget are left"
                )

    def _claim(self, budget: Budget) -> float:
        """Count a request and return 0, or return the seconds until there is room for it."""
        with self._locked(budget) as file:
            now = self.clock()
            stamps = _recent(file.read(_FILE_BYTES), now)
            if len(stamps) >= self.per_minute:
                return max(stamps[-self.per_minute] + _WINDOW_SECONDS - now, _LOCK_PAUSE_SECONDS)
            file.seek(0)
            file.truncate()
            file.write(json.dumps([*stamps, now]).encode())
            return 0.0

    @contextlib.contextmanager
    def _locked(self, budget: Budget) -> Iterator[BinaryIO]:
        """Open the file and hold its lock; a process that was stopped holding it costs the budget, no more."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "r+b") as file:
            while not _lock(descriptor):
                if not budget.pause(_LOCK_PAUSE_SECONDS):
                    raise NoAnswerError(f"another process holds the lock of {self.file}")
            yield file


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _recent(data: bytes, now: float) -> list[float]:
    """Return the times of the last minute, in order; those in the future are from before a clock was set back."""
    try:
        values = json.loads(data or b"[]")
    except (ValueError, RecursionError):
        return []
    stamps = [float(value) for value in values if _is_time(value)] if isinstance(values, list) else []
    return sorted(stamp for stamp in stamps if now - _WINDOW_SECONDS < stamp <= now)


def _is_time(value: object) -> bool:
    if isinstance(value, int):
        return 0 <= value < 1 << 53
    return isinstance(value, float) and math.isfinite(value)
