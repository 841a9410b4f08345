"""The index of a log: a few numbers for each call, in columns."""

from array import array
from typing import Final

TYPECODES: Final = "QqIHBI"
"""Of the columns, in the order in which `Columns.arrays` gives them."""
COLUMNS: Final = ("offsets", "times", "threads", "kinds", "statuses", "repeated")
_FEW_CALLS: Final = 4096
MOST_KINDS: Final = 1 << 16
MOST_INDEXES: Final = 1 << 16
MOST_REPEATS: Final = (1 << 32) - 1


class Columns:
    """Grows by one row for each call that is not the repetition of the one before.

    The scanners write here. `table` maps an index of the log to the number of its declared kind; -1 stands for
    everything that a scanner must hand back. `previous` holds where the last call's arguments lie (start, size,
    and the same of `aux`), so that its identical neighbour is recognised by its bytes; a start of -1 means that
    the next call is never a repetition.
    """

    __slots__ = ("kinds", "offsets", "previous", "repeated", "statuses", "table", "threads", "times")

    def __init__(self) -> None:
        self.offsets = array("Q")
        self.times = array("q")
        self.threads = array("I")
        self.kinds = array("H")
        self.statuses = array("B")
        self.repeated = array("I")
        self.table = array("i", [-1]) * 1024
        self.previous = array("q", [-1, 0, 0, 0])

    def __len__(self) -> int:
        return len(self.offsets)

    def arrays(self) -> tuple["array[int]", ...]:
        """Return offset, time in ms, thread, kind, status and repetitions."""
        return self.offsets, self.times, self.threads, self.kinds, self.statuses, self.repeated

    def finish(self) -> None:
        """Give back what only the walk needed; an analysis may have a hundred thousand logs."""
        self.table = array("i")
        if len(self) < _FEW_CALLS:
            for name in COLUMNS:
                column = getattr(self, name)
                setattr(self, name, array(column.typecode, column.tobytes()))

    def declare(self, index: int, number: int) -> None:
        """Let the scanners take calls of `index` as kind `number`; -1 takes that back."""
        if not 0 <= index < MOST_INDEXES:
            return
        if index >= len(self.table):
            self.table.extend([-1] * (index + 1 - len(self.table)))
        self.table[index] = number

    def part(self) -> None:
        """Keep the next call from being folded into the one before."""
        self.previous[0] = -1

    def repeat(self, times: int) -> None:
        """Count `times` more repetitions of the last call, up to what the column holds."""
        self.repeated[-1] = min(self.repeated[-1] + times, MOST_REPEATS)

    def append(self, offset: int, time: int, thread: int, kind: int, status: bool, repeated: int) -> None:
        """Add a call; numbers that a column cannot hold are cut to what it can."""
        self.offsets.append(offset)
        self.times.append(time)
        self.threads.append(thread & 0xFFFFFFFF)
        self.kinds.append(kind)
        self.statuses.append(status)
        self.repeated.append(min(max(repeated, 0), MOST_REPEATS))
