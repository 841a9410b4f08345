"""The scanner in Python: the twin of `_scan.pyx`, with the same functions and the same answers.

`scan` is quick for the shapes that monitors write, matched by one expression; everything else it hands back.
"""

import re
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lib.cuckoo.behavior.columns import MOST_REPEATS, Columns
from lib.cuckoo.behavior.kinds import Kind
from lib.cuckoo.behavior.message import render_some
from lib.cuckoo.behavior.wire import LARGEST_DOCUMENT, Data

if TYPE_CHECKING:
    from lib.cuckoo.behavior.calls import Calls

NAME = "python"


def _optional(*names: bytes) -> bytes:
    """Return an expression for elements that hold an int32 or an int64 each, and may be absent."""
    return b"".join(b"(?:\\x10%b\\0.{4}|\\x12%b\\0.{8})?" % (name, name) for name in names)


_CALL = re.compile(
    b"(....)\\x10I\\0(....)"
    + _optional(b"C", b"R", b"P")
    + b"(?:\\x10T\\0(.{4})|\\x12T\\0(.{8}))(?:\\x10t\\0(.{4})|\\x12t\\0(.{8}))"
    + _optional(b"h", b"e", b"E")
    + b"(?:\\x10r\\0(.{4}))?\\x04args\\0()(....)\\x100\\0(....)",
    re.DOTALL,
)
"""The start of a call: its numbers in the order of the three families, then the array with the success flag."""


def scan(data: Data, position: int, stop: int, columns: Columns) -> int:
    """Index calls from `position` on, as long as they are of declared kinds and of usual shape.

    Returns the offset of the first document at or behind `stop`, or of the first one before it that somebody else
    must look at.
    """
    match, number, size_of_log = _CALL.match, int.from_bytes, len(data)
    table, previous = columns.table, columns.previous
    known, (last_start, last_size, aux_start, aux_size) = len(table), previous
    last = data[last_start : last_start + last_size] if last_start >= 0 and aux_size == 0 else None
    while position < stop:
        found = match(data, position)
        if found is None:
            break
        size_, index_, thread4, thread8, time4, time8, repeated_, _, args_size_, status = found.groups()
        size, index = number(size_, "little"), number(index_, "little")
        args_size = number(args_size_, "little")
        end, args_start = position + size, found.start(8)
        kind = table[index] if index < known else -1
        if (
            kind < 0
            or size > LARGEST_DOCUMENT
            or end > size_of_log
            or args_start + args_size + 1 != end
            or args_size < 13
            or data[end - 1]
        ):
            break
        args = data[args_start : end - 1]
        repeated = max(number(repeated_, "little", signed=True), 0) if repeated_ else 0
        if args == last and columns.kinds[-1] == kind:
            columns.repeated[-1] = min(columns.repeated[-1] + repeated + 1, MOST_REPEATS)
        else:
            columns.offsets.append(position)
            columns.times.append(number(time4 or time8, "little", signed=True))
            columns.threads.append(number(thread4 or thread8[:4], "little"))
            columns.kinds.append(kind)
            columns.statuses.append(status != b"\0\0\0\0")
            columns.repeated.append(repeated)
            last, last_start, last_size, aux_start, aux_size = args, args_start, args_size, 0, 0
        position = end
    previous[:] = array("q", [last_start, last_size, aux_start, aux_size])
    return position


def call(calls: "Calls", row: int, raw: bool) -> dict[str, Any]:
    """Return one call as a new dict."""
    return calls.plain_call(row, raw=raw)


def pick(data: Data, offset: int, kind: Kind, positions: Sequence[int]) -> list[str | None]:
    """Return the texts of some arguments of the call at `offset`, by declared position in rising order.

    None stands for one that is absent, cannot be read, or is no plain value.
    """
    return render_some(data, offset, kind, positions)


def select(kinds: Sequence[int], wanted: bytes) -> "array[int]":
    """Return the rows whose kind has a one in `wanted`, which has a byte for each possible kind."""
    return array("I", [row for row, kind in enumerate(kinds) if wanted[kind]])


def json_calls(calls: "Calls", first: int, last: int) -> bytes:
    """Return calls [first, last) as JSON objects with commas between them."""
    return b",".join([calls.json_call(row) for row in range(first, last)])
