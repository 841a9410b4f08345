"""Two numbers in memory shared with the parent process: which signature runs, and how far the walk has come.

The child stores them before each step, which costs nanoseconds; a parent that sees neither move for too long
knows whom to blame, also when a regular expression never returns and no thread of the child gets a turn.
"""

import mmap
from typing import Protocol

_SIZE = 16


class Cells(Protocol):
    """Where numbers are stored: a memory view, or a list in tests."""

    def __setitem__(self, index: int, value: int, /) -> None:
        """Store a number."""


class Progress:
    """Where the stage is. Made before the fork, so that both sides see the same memory."""

    def __init__(self) -> None:
        self.cells = memoryview(mmap.mmap(-1, _SIZE)).cast("Q")
        """The running signature's number, from 1, or 0 for the engine itself; then the index of the call."""

    @property
    def running(self) -> int | None:
        """The position in the list given to the stage of the signature that runs, None between signatures."""
        number = self.cells[0]
        return number - 1 if number else None

    @property
    def position(self) -> tuple[int, int]:
        """A value that stays the same only as long as one signature works on one call."""
        return self.cells[0], self.cells[1]
