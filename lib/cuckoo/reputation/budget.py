"""The time that all look-ups of one module may take together."""

import time
from collections.abc import Callable


class Budget:
    """Seconds that shrink as they pass; `clock` and `sleep` are those of `time` outside of tests."""

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + seconds

    @property
    def left(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self._end - self._clock())

    def pause(self, seconds: float) -> bool:
        """Sleep, and return True; False, at once, when that would leave no time for anything after it."""
        if seconds >= self.left:
            return False
        self._sleep(seconds)
        return True
