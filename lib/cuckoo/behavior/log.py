"""One walk over a log: its calls into columns, everything else into small records."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from lib.cuckoo.behavior.calls import Calls, Limits
from lib.cuckoo.behavior.clock import filetime_ms
from lib.cuckoo.behavior.columns import MOST_KINDS, Columns
from lib.cuckoo.behavior.kinds import Kind, declared_kind
from lib.cuckoo.behavior.message import Message, Rendered, printable, read_message, render
from lib.cuckoo.behavior.reader import active
from lib.cuckoo.behavior.shapes import Unread
from lib.cuckoo.behavior.source import KEPT_BYTES, LogSource
from lib.cuckoo.behavior.wire import (
    BINARY,
    LARGEST_DOCUMENT,
    NUMBERS,
    STRING,
    Data,
    MalformedError,
    Value,
    document,
    document_end,
    elements,
    integer,
    payload,
    plain,
)

FAULTS_KEPT = 100
LARGEST_DECLARATION = 64 << 10
MOST_DECLARED = 16 << 20
"""Bytes of declarations in one log; each becomes objects many times its size."""
_RESERVED = frozenset(("__process__", "__thread__", "__environ__", "__action__"))
_START = b"\x10I\0"
_int32 = struct.Struct("<i").unpack_from


@dataclass(slots=True)
class Faults:
    """What could not be read: how many times, and the first places."""

    count: int = 0
    first: list[Unread] = field(default_factory=list)

    def add(self, offset: int, what: str) -> None:
        """Count a fault at an offset of the log."""
        self.count += 1
        if len(self.first) < FAULTS_KEPT:
            self.first.append({"offset": offset, "what": what})


@dataclass(slots=True)
class ProcessSpan:
    """The part of a log that belongs to one process, in rows of the index."""

    process_id: int | None = None
    parent_id: int = 0
    module_path: str = ""
    first_seen_ms: int = 0
    start: int = 0
    stop: int = 0
    environ: dict[str, str] = field(default_factory=dict)
    threads: dict[int, None] = field(default_factory=dict)
    """Announced ones; the calls name theirs themselves."""
    buffers: dict[int, str] = field(default_factory=dict)
    """Row of a call to the SHA-1 of the buffer that the second family stored for it."""
    second: dict[str, Value] | None = None
    """What only the second family says of a process; None in logs of the others."""


class LogIndex:
    """The index of one log."""

    def __init__(self, source: LogSource) -> None:
        self.source = source
        self.columns = Columns()
        self.kinds: list[Kind] = []
        self.faults = Faults()
        self.spans: list[ProcessSpan] = [ProcessSpan()]
        self.size_bytes = 0
        self._numbers: dict[bytes, int] = {}
        self._by_index: dict[int, int] = {}
        self._declared_bytes = 0

    def read(self) -> None:
        """Walk the log from its first byte to its last."""
        data = self.source.data()
        if self.source.fault:
            self.faults.add(0, self.source.fault)
        self.size_bytes = size = len(data)
        scan, columns, position = active().scan, self.columns, 0
        while position < size:
            limit = min(size, position + KEPT_BYTES)
            position = scan(data, position, limit, columns)
            if position < limit:
                position = self._document(data, position)
            self.source.passed(position)
        self.source.left()
        self._close_span()
        self.columns.finish()
        self._numbers.clear()
        self._by_index.clear()

    def calls(self, log_name: str, limits: Limits | None = None) -> list[Calls]:
        """Return the calls of each span, which keep the log by its name in the analysis folder."""
        columns = [memoryview(column) for column in self.columns.arrays()]
        return [
            Calls(
                source=self.source,
                log_name=log_name,
                kinds=self.kinds,
                columns=[column[span.start : span.stop] for column in columns],
                first_seen_ms=span.first_seen_ms,
                buffers={row - span.start: sha1 for row, sha1 in span.buffers.items() if row < span.stop},
                limits=limits,
            )
            for span in self.spans
        ]

    def _document(self, data: Data, position: int) -> int:
        """Read whatever lies at `position`; return where to go on."""
        size = len(data)
        try:
            end = document_end(data, position, size)
        except MalformedError as error:
            self.faults.add(error.offset, error.what)
            return self._resume(data, position, size)
        try:
            self._message(data, position, end)
        except MalformedError as error:
            self.faults.add(error.offset, error.what)
        return end

    def _resume(self, data: Data, position: int, size: int) -> int:
        """Return the offset behind a fault at which a message of a monitor begins, or the end of the log."""
        found = data.find(_START, position + 5)
        while found >= 0:
            start = found - 4
            length = _int32(data, start)[0]
            if 5 <= length <= min(size - start, LARGEST_DOCUMENT) and not data[start + length - 1]:
                return start
            found = data.find(_START, found + 1)
        return size

    def _message(self, data: Data, start: int, end: int) -> None:
        if end - start > LARGEST_DOCUMENT:
            raise MalformedError(start, f"a document of {end - start} bytes, above {LARGEST_DOCUMENT}")
        message = read_message(data, start, end)
        if message.type is None:
            self._call(data, start, message)
        elif message.type == "info":
            self._declare(data, start, end)
        elif message.type == "buffer":
            self.columns.part()
            self.spans[-1].buffers[len(self.columns)] = _checksum(data, start, end)
        elif message.type not in ("debug", "new_process"):
            raise MalformedError(start, f"a message of unknown type {message.type[:40]!r}")

    def _declare(self, data: Data, start: int, end: int) -> None:
        if end - start > LARGEST_DECLARATION:
            raise MalformedError(start, f"a declaration of {end - start} bytes, above {LARGEST_DECLARATION}")
        index, kind = _declaration(data[start:end])
        if index is None:
            raise MalformedError(start, "a declaration without an index")
        number = self._number(data[start:end], kind)
        if number < 0:
            raise MalformedError(start, f"a declaration beyond {MOST_KINDS} or {MOST_DECLARED} bytes of them")
        self._by_index[index] = number
        self.columns.declare(index, number if kind.usual and kind.api not in _RESERVED else -1)

    def _number(self, declaration: bytes, kind: Kind) -> int:
        number = self._numbers.get(declaration)
        if number is None:
            self._declared_bytes += len(declaration)
            if len(self.kinds) >= MOST_KINDS or self._declared_bytes > MOST_DECLARED:
                return -1
            number = self._numbers[declaration] = len(self.kinds)
            self.kinds.append(kind)
        return number

    def _call(self, data: Data, start: int, message: Message) -> None:
        if message.index is None:
            raise MalformedError(start, "a message without type and index")
        number = self._by_index.get(message.index)
        if number is None:
            raise MalformedError(start, f"a call of index {message.index}, which was not declared before")
        kind = self.kinds[number]
        if kind.api in _RESERVED:
            self._notice(data, start, message, kind)
        else:
            self._append(data, start, message, number)

    def _append(self, data: Data, start: int, message: Message, number: int) -> None:
        columns, previous = self.columns, self.columns.previous
        spans = message.args, message.aux
        (args_start, args_end), (aux_start, aux_end) = spans
        if (
            previous[0] >= 0
            and columns.kinds[-1] == number
            and data[args_start:args_end] == data[previous[0] : previous[0] + previous[1]]
            and data[aux_start:aux_end] == data[previous[2] : previous[2] + previous[3]]
        ):
            columns.repeat(max(message.repeated, 0) + 1)
            return
        status = _status(data, message, self.kinds[number])
        columns.append(start, message.time, message.thread, number, status, message.repeated)
        for slot, edge in enumerate((args_start, args_end - args_start, aux_start, aux_end - aux_start)):
            previous[slot] = edge

    def _notice(self, data: Data, start: int, message: Message, kind: Kind) -> None:
        if kind.api == "__process__":
            self._start_process(data, message, kind)
        elif kind.api == "__thread__":
            self.spans[-1].threads[message.thread & 0xFFFFFFFF] = None
        elif kind.api == "__environ__":
            self.spans[-1].environ.update(_texts(render(data, start, kind)))

    def _start_process(self, data: Data, message: Message, kind: Kind) -> None:
        said = dict(zip(kind.names, _values(data, message), strict=False))
        span = _span(said)
        now = self.spans[-1]
        if (now.process_id, now.first_seen_ms) == (span.process_id, span.first_seen_ms):
            return
        self.columns.part()
        if now.process_id is None:  # calls before the first announcement are its calls
            span.start, span.threads, span.environ, span.buffers = (
                now.start,
                now.threads,
                now.environ,
                now.buffers,
            )
            self.spans[-1] = span
            return
        self._close_span()
        span.start = len(self.columns)
        self.spans.append(span)

    def _close_span(self) -> None:
        self.spans[-1].stop = len(self.columns)


def _checksum(data: Data, start: int, end: int) -> str:
    for tag, name, at, to in elements(data, start, end):
        if name == b"checksum" and tag in (STRING, BINARY):
            return printable(payload(data, tag, at, to)[:64])
    return ""


@lru_cache(maxsize=1024)
def _declaration(raw: bytes) -> tuple[int | None, Kind]:
    """Return index and kind of an `info` message; the logs of one analysis declare the same ones."""
    info = document(raw, 0, len(raw))
    index = info.get("I")
    return index if isinstance(index, int) else None, declared_kind(info)


def _values(data: Data, message: Message) -> Iterator[Value]:
    for element in elements(data, *message.args):
        yield plain(data, element)


def _status(data: Data, message: Message, kind: Kind) -> bool:
    """Return whether a call succeeded; where its log does not say so, it did."""
    wanted = kind.status_at
    try:
        for position, (tag, _, at, to) in enumerate(elements(data, *message.args)):
            if position == wanted:
                return tag not in NUMBERS or integer(data, at, to) != 0
    except MalformedError:
        pass
    return True


def _texts(rendered: Rendered) -> dict[str, str]:
    return {name: text for name, text, _ in rendered.values if isinstance(text, str)}


def _span(said: dict[str, Value]) -> ProcessSpan:
    """Return what a `__process__` message says, in the words of either family."""
    second = "pid" in said
    path = said.get("module_path" if second else "ModulePath")
    low, high = ("time_low", "time_high") if second else ("TimeLow", "TimeHigh")
    return ProcessSpan(
        process_id=_unsigned(said.get("pid" if second else "ProcessIdentifier")),
        parent_id=_unsigned(said.get("ppid" if second else "ParentProcessIdentifier")),
        module_path=printable(path if isinstance(path, bytes) else str(path or "").encode()),
        first_seen_ms=filetime_ms(_unsigned(said.get(low)), _unsigned(said.get(high))),
        second={key: said.get(key) for key in ("command_line", "is_64bit", "track", "modules")}
        if second
        else None,
    )


def _unsigned(value: Value) -> int:
    return value & 0xFFFFFFFF if isinstance(value, int) else 0
