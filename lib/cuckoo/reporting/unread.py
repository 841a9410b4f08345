"""Saved reports whose calls stay on disk: a report of a million calls takes little more memory than one of ten.

Rules for whoever edits this file:

- nothing is read twice but calls, and these through marks, so that no size of a report makes a reader quadratic
- what is kept in memory is bounded: one value at a time, and all sections together
"""

import codecs
import io
import json
import os
import tempfile
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, overload

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.text import readable_name, size_text
from lib.cuckoo.reporting.callfiles import with_saved_calls
from lib.cuckoo.reporting.saved import analysis_around, find_report, open_report

MOST_BYTES = 8 << 30
"""Of a report, unpacked."""
MOST_KEPT = 256 << 20
"""Characters of JSON of all sections without calls, and of one call."""
MOST_KEPT_PARTS = 10_000_000
"""Lists and records of them; an empty one takes three characters, and more than twenty times as much memory."""
_PIECE = 1 << 20
_STEP = 256
"""Calls between two marks."""
_NUMBER_TAIL = 4
_LEFT_OUT = {"enhanced"}
"""Lists of `behavior` that are as long as the calls and hold nothing else."""

Read = Callable[[int, int], bytes]
"""Offset and most bytes to bytes; empty at the end."""


@contextmanager
def opened_report(path: str | os.PathLike[str], maximum: int = MOST_BYTES) -> Iterator[dict[str, Any]]:
    """Open a report like `read_report`, with `UnreadCalls` in the place of each process's list of calls.

    These can be read within the block. Lists of `behavior` that are as long as the calls are left out.

    Args:
        path: an analysis folder or a report file.
        maximum: bytes read at most, unpacked.

    Raises:
        CuckooOperationalError: there is none, it cannot be read, it is larger than `maximum`, its sections without the
            calls are larger than `MOST_KEPT`, or it holds no report; the message names the path.
        CuckooDependencyError: it is packed with zstd, and zstandard is not installed.
    """
    file = find_report(path)
    with ExitStack() as files:
        with open_report(file) as stream:
            store = files.enter_context(stored(stream, readable_name(str(file)), maximum))
            found = Reading(store, store.size).report()
        yield with_saved_calls(found, AnalysisFolder(analysis_around(file)), file.parent)


class Store:
    """An open file that several readers read from different places."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.name = name
        self.size = os.fstat(file.fileno()).st_size

    def read(self, offset: int, most: int) -> bytes:
        """Return up to `most` bytes at a place; none behind the end."""
        return os.pread(self._file.fileno(), most, offset)


@contextmanager
def stored(stream: Any, name: str, maximum: int) -> Iterator[Store]:
    """Yield what `stream` reads as a file of its own: the same one, or a nameless one with what was packed.

    Raises:
        ValueError: it is larger than `maximum`.
    """
    with tempfile.TemporaryFile() if _is_packed(stream) else os.fdopen(os.dup(stream.fileno()), "rb") as file:
        if _is_packed(stream):
            _copy(stream, file, maximum)
        store = Store(file, name)
        if store.size > maximum:
            raise ValueError(f"it is larger than {size_text(maximum)}")
        yield store


def _is_packed(stream: object) -> bool:
    return not isinstance(stream, io.BufferedReader)


def _copy(stream: BinaryIO, plain: Any, maximum: int) -> None:
    left = maximum
    while left >= 0 and (piece := stream.read(_PIECE)):
        plain.write(piece)
        left -= len(piece)
    plain.flush()


class Reading:
    """Values of JSON text, one after the other; only what is being read is in memory."""

    def __init__(self, store: Store, end: int, start: int = 0) -> None:
        self._store = store
        self._next = start
        self._end = end
        self._text = ""
        self._at = 0
        self._base = start
        """Offset in the file of the first character in memory."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._scan = json.JSONDecoder().raw_decode
        self._kept = 0
        self._kept_parts = 0
        self._length = 0
        """Characters of the value read last."""

    def report(self) -> Any:
        """Return the report, its calls unread.

        Raises:
            ValueError: the text is no JSON, no report, or larger than a report may be.
        """
        if self.peek() != "{":
            raise ValueError("it holds no report")
        found = self._object({"behavior": self._behavior}, self.kept)
        if self.peek():
            raise ValueError(f"it has text behind its end at offset {self.mark()}")
        return found

    def _behavior(self) -> Any:
        left_out = dict.fromkeys(_LEFT_OUT, self._skipped)
        return self._object({"processes": self._processes, **left_out}, self.kept)

    def _processes(self) -> Any:
        return self._list(self._process)

    def _process(self) -> Any:
        return self._object({"calls": self._calls}, self.kept)

    def _calls(self) -> Any:
        if self.peek() != "[":
            return self.kept()
        marks, count = array("Q"), 0
        for _ in self._elements():
            if count % _STEP == 0:
                marks.append(self.mark())
            self.value()
            count += 1
        return UnreadCalls(self._store, marks, self.mark(), count)

    def _skipped(self) -> None:
        if self.peek() != "[":
            self.value()
            return
        for _ in self._elements():
            self.value()

    def _object(self, special: Mapping[str, Callable[[], Any]], otherwise: Callable[[], Any]) -> Any:
        """Return an object, or whatever else stands here; some members are read in a way of their own."""
        if self.peek() != "{":
            return otherwise()
        return {name: special.get(name, otherwise)() for name in self._members()}

    def _list(self, element: Callable[[], Any]) -> Any:
        if self.peek() != "[":
            return self.kept()
        return [element() for _ in self._elements()]

    def _members(self) -> Iterator[str]:
        """Yield the names of an object's members; the caller reads each value before the next name."""
        self._take("{")
        while self.peek() != "}":
            if self.peek() != '"':
                raise ValueError(f"no name of a member at offset {self.mark()}")
            name = self.kept()
            self._take(":")
            yield name
            if not self._goes_on("}"):
                break
        self._take("}")

    def _elements(self) -> Iterator[None]:
        """Yield where each element of a list begins; the caller reads it before the next."""
        self._take("[")
        while self.peek() != "]":
            yield
            if not self._goes_on("]"):
                break
        self._take("]")

    def _goes_on(self, closing: str) -> bool:
        if self.peek() != ",":
            return False
        self._take(",")
        if self.peek() == closing:
            raise ValueError(f"a comma with nothing behind it at offset {self.mark()}")
        return True

    def _take(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise ValueError(f"no {wanted!r} at offset {self.mark()}")
        self._at += 1

    def peek(self) -> str:
        """Return the next character that is no white space, "" at the end."""
        while True:
            text, at = self._text, self._at
            while at < len(text) and text[at] in " \t\n\r":
                at += 1
            self._at = at
            if at < len(text):
                return text[at]
            if not self._grow():
                return ""

    def kept(self) -> Any:
        """Return the value that stands here, and count it to what stays in memory."""
        found = self.value()
        self._kept += self._length
        if self._kept > MOST_KEPT:
            raise ValueError(f"its sections without calls are larger than {size_text(MOST_KEPT)}")
        self._kept_parts += _parts(self._text, self._at - self._length, self._at)
        _bound_parts(self._kept_parts)
        return found

    def value(self) -> Any:
        """Return the value that stands here."""
        self.peek()
        while True:
            try:
                found, end = self._scan(self._text, self._at)
            except ValueError:
                if not self._grow():
                    raise
                continue
            self._length = end - self._at
            if len(self._text) - end < _NUMBER_TAIL and isinstance(found, int | float) and self._grow():
                continue  # it may go on: of 1.5e+3 each of 1, 1. and 1.5e+ begins with a number
            self._at += self._length
            return found

    def next_of_several(self) -> Any:
        """Return the value that stands here, whether a comma stands before it or none."""
        if self.peek() == ",":
            self._at += 1
        return self.value()

    def mark(self) -> int:
        """Return the offset in the file of what is read next."""
        self._drop()
        return self._base

    def _drop(self) -> None:
        """Forget what was read."""
        self._base += len(self._text[: self._at].encode("utf-8", "surrogateescape"))
        self._text = self._text[self._at :]
        self._at = 0

    def _grow(self) -> bool:
        """Read on, as much again as there is, and tell whether there was more."""
        self._drop()
        most = min(max(_PIECE, len(self._text)), self._end - self._next)
        if len(self._text) > MOST_KEPT:
            raise ValueError(f"a value in it is larger than {size_text(MOST_KEPT)}")
        piece = self._store.read(self._next, most) if most > 0 else b""
        self._next += len(piece)
        more = self._decoder.decode(piece, final=not piece)
        self._text += more
        if len(self._text) > MOST_KEPT_PARTS:  # else it cannot hold so many
            _bound_parts(_parts(self._text, 0, len(self._text)))
        return bool(piece or more)


def _parts(text: str, start: int, end: int) -> int:
    return text.count("[", start, end) + text.count("{", start, end)


def _bound_parts(count: int) -> None:
    if count > MOST_KEPT_PARTS:
        raise ValueError(f"its sections without calls have more than {MOST_KEPT_PARTS:,} lists and records")


class UnreadCalls(Sequence[Any]):
    """Calls of one process that lie in a file as JSON; reading one reads a few before it, reading all reads on."""

    def __init__(self, store: Store, marks: "array[int]", end: int, count: int) -> None:
        self._store = store
        self._marks = marks
        self._end = end
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Any]:
        return self._from(0)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """Return one call, or a list of some."""
        rows = range(self._count)[index]
        return [self[row] for row in rows] if isinstance(rows, range) else next(self._from(rows))

    def _from(self, row: int) -> Iterator[Any]:
        """Yield the calls from a row on.

        Raises:
            CuckooOperationalError: the file is another one than it was.
        """
        if row >= self._count:
            return
        reading = Reading(self._store, self._end, self._marks[row // _STEP])
        try:
            for _ in range(row % _STEP):
                reading.next_of_several()
            for _ in range(row, self._count):
                yield reading.next_of_several()
        except (OSError, ValueError, RecursionError) as error:
            raise CuckooOperationalError(f"{self._store.name} changed while it was read: {error}") from error
