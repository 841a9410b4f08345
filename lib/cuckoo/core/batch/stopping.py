"""Being asked to stop: Ctrl-C, a service manager, a closed terminal."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType


class Stop:
    """Remembers that somebody asked; loops look at `asked` a few times a second and call `tick`."""

    def __init__(self, tick: Callable[[], None] = lambda: None) -> None:
        self.number = 0
        """The first signal that asked; 0 for none."""
        self.tick = tick

    @property
    def asked(self) -> bool:
        """True when it is time to stop."""
        return self.number != 0

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGINT, SIGTERM and SIGHUP as requests inside the `with` block."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(number, self._ask) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the form of a handler
        self.number = self.number or number
