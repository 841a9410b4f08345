"""The scanner in Python: the twin of `_scan.pyx`, with the same functions and the same answers.

`scan` is quick for the shapes that monitors write, matched by one expression; everything else it hands back.
"""

import json
import re
from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lib.cuckoo.behavior.columns import MOST_REPEATS, Columns
from lib.cuckoo.behavior.kinds import Kind
from lib.cuckoo.behavior.message import render_some
from lib.cuckoo.behavior.wire import LARGEST_DOCUMENT, Data

if TYPE_CHECKING:
    from lib.cuckoo.behavior.calls import Calls

NAME = "python"
MOST_LISTS = 32
MOST_BYTES_OF_NAMES = (1 << 32) - 1


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


class NameLists:
    """Several lists of names while they grow; no list has a name twice.

    All names stand in one buffer, each once: the lists it is in, a bit each, in as many bytes as `count` lists need;
    its size in bytes as LEB128; its UTF-8. A list is a column of places, and the place of a name that of its size.
    """

    def __init__(self, count: int) -> None:
        if not 0 < count <= MOST_LISTS:
            raise ValueError(f"{count} lists")
        self._count = count
        self._bits_size = (count + 7) // 8
        self._store = array("B")
        self._columns = [array("I") for _ in range(count)]
        self._places: dict[str, int] | None = {}

    def add(self, name: str, lists: int) -> int:
        """Add a name to each of the lists whose bit is set, unless it is there; return its place.

        Raises:
            ValueError: there is no such list, or nothing can be added any more.
            OverflowError: the names are more than a column of places can tell apart.
        """
        if self._places is None or not 0 <= lists < 1 << self._count:
            raise ValueError(f"cannot add to the lists {lists:#x}")
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = self._append(name.encode())
        before = self._store[place - self._bits_size : place]
        new = lists & ~int.from_bytes(before, "little")
        if new:
            bits = int.from_bytes(before, "little") | new
            self._store[place - self._bits_size : place] = array(
                "B", bits.to_bytes(self._bits_size, "little")
            )
            for number, column in enumerate(self._columns):
                if new >> number & 1:
                    column.append(place)
        return place

    def _append(self, text: bytes) -> int:
        place = len(self._store) + self._bits_size
        if place + 5 + len(text) > MOST_BYTES_OF_NAMES:
            raise OverflowError("more than 4 GB of names")
        self._store.frombytes(bytes(self._bits_size) + _leb128(len(text)) + text)
        return place

    def finish(self) -> tuple[memoryview, list[memoryview]]:
        """Return the buffer, and a column for each list; nothing can be added any more."""
        self._places = None
        return memoryview(self._store), [memoryview(column) for column in self._columns]


def _leb128(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _text_at(store: memoryview, place: int) -> memoryview:
    """Return the UTF-8 of the name at a place; empty where no name lies whole."""
    size = 0
    for shift in range(0, 35, 7):
        if place >= len(store):
            break
        byte = store[place]
        size |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return store[place : place + size] if size <= len(store) - place else store[:0]
    return store[:0]


def names(store: memoryview, places: Sequence[int]) -> list[str]:
    """Return the names at some places; what is no UTF-8 in them is replaced."""
    return [str(_text_at(store, place), "utf-8", "replace") for place in places]


def bytes_of_names(store: memoryview, places: Sequence[int]) -> int:
    """Return how many bytes the names at some places have together."""
    return sum(_text_at(store, place).nbytes for place in places)


def find_name(store: memoryview, places: Sequence[int], name: str) -> int:
    """Return the number of the first place that has a name, -1 when none has it."""
    return next(_rows_of(store, places, name.encode("utf-8", "surrogatepass")), -1)


def _rows_of(store: memoryview, places: Sequence[int], text: bytes) -> Iterator[int]:
    return (row for row, place in enumerate(places) if _text_at(store, place) == text)


def json_names(store: memoryview, places: Sequence[int]) -> bytes:
    """Return the names at some places as JSON texts with commas between them."""
    return json.dumps(names(store, places), ensure_ascii=False, separators=(",", ":"))[1:-1].encode()
