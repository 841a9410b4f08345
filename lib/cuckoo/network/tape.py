"""The bytes of one direction, pulled by a parser that is written as if all of them were there.

A parser is a generator: it asks the tape for a line or a number of bytes with `yield from`, and is put to
sleep until enough have come. However the bytes are split into segments, it sees the same ones in the same
order, so its records cannot depend on the splitting.
"""

import re
from collections.abc import Callable, Generator
from typing import Protocol

from lib.cuckoo.network.conversation import Context, Conversation, Hold, Pool, Record

LINE_END = re.compile(rb"\n")
UNBOUNDED = 1 << 62
UNACCOUNTED = 512
"""Bytes that may wait on a tape without being taken from the pool: there may be ten thousand of them."""

Steps = Generator[None, None, None]


class Cut(Exception):  # noqa: N818 - not an error: what a parser is told at a gap and at the end
    """The stream does not go on here.

    Attributes:
        rest: the bytes before the cut that the parser had not taken.
        missing: the size of the gap, 0 at the end of the stream.
        ended: True at the end of the stream, False at a gap.
        let_go: bytes that a parser waited through and that are not in `rest`.
    """

    def __init__(self, rest: bytes, missing: int = 0) -> None:
        super().__init__("gap in the stream" if missing else "end of stream")
        self.rest = rest
        self.missing = missing
        self.ended = not missing
        self.let_go = 0


class Malformed(Exception):  # noqa: N818 - ends the reading of a message or a side, not the program
    """The bytes are not what the parser reads; the text says why."""

    def __init__(self, why: str = "malformed") -> None:
        super().__init__(why)


class Sink(Protocol):
    """Where `Tape.pour` puts bytes."""

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Take the next bytes."""

    def lose(self, size: int) -> None:
        """Note that `size` bytes are missing here."""


class Watched:
    """What `Tape.pour_until` waits for, and where what comes before goes."""

    __slots__ = ("end", "first", "last", "overlap", "sink")

    def __init__(self, end: re.Pattern[bytes], mark: bytes, overlap: int, sink: Sink) -> None:
        self.end = end
        self.first = mark[:1]
        self.last = mark[-1:]
        self.overlap = overlap
        self.sink = sink

    def passes(self, payload: bytes | memoryview) -> bool:
        """Tell whether no match begins in a payload.

        A single byte is found many times as fast as a pattern, and a pattern twice as fast as two bytes.
        """
        return (
            isinstance(payload, bytes)
            and (self.last not in payload or self.end.search(payload) is None)
            and payload.find(self.first, -self.overlap) < 0
        )


class Drain:
    """A sink that keeps nothing."""

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Let the bytes go."""

    def lose(self, size: int) -> None:
        """Let the gap go."""


class Tape:
    """One direction of a conversation and the generator that reads it.

    Attributes:
        aside: bytes that the parser keeps of what it is reading; they count as waiting.
    """

    def __init__(self, parse: "Callable[[Tape], Steps]", pool: Pool | None = None) -> None:
        """Read with `parse`; what waits beyond a few bytes is taken from `pool`."""
        self.buffer = bytearray()
        self.done = False
        self.aside = 0
        self._sink: Sink | None = None
        self._wanted = 0
        self._watched: Watched | None = None
        self._hold = Hold(Pool(UNBOUNDED) if pool is None else pool)
        self._steps = parse(self)
        self.resume()

    def feed(self, payload: bytes | memoryview) -> None:
        """Append bytes and let the parser go as far as it can."""
        if self._sink is not None and len(payload) < self._wanted:
            self._sink.write(payload)
            self._wanted -= len(payload)
            return
        if self.done:
            return
        watched = self._watched
        if watched is not None and not self.buffer and not self._hold.size and watched.passes(payload):
            watched.sink.write(payload)
            return
        self.buffer += payload
        if watched is None or self._pour_before(watched) is not None:
            self.resume()
        if len(self.buffer) > UNACCOUNTED or self._hold.size or self.aside:
            self._account()

    def _pour_before(self, watched: "Watched") -> re.Match[bytes] | None:
        """Return the match that is waited for; without one, pour what cannot be part of it."""
        if match := watched.end.search(self.buffer):
            return match
        surplus = len(self.buffer) - watched.overlap
        if surplus > 0:
            begun = self.buffer.find(watched.first, surplus)
            surplus = len(self.buffer) if begun < 0 else begun
            watched.sink.write(self.buffer[:surplus])
            del self.buffer[:surplus]
        return None

    def _account(self) -> None:
        """Take what waits from the pool; when that is empty, the parser is told of a gap instead."""
        if not self._hold.resize(len(self.buffer) + self.aside):
            self._cut(max(1, len(self.buffer)))
            self._hold.resize(0)

    def resume(self) -> None:
        """Let the parser look again, for example because the other side has answered."""
        if not self.done and next(self._steps, self) is self:
            self._stop()

    def gap(self, size: int) -> None:
        """Tell the parser that bytes are missing; inside a body of known length it reads on behind them."""
        if self.done or size <= 0:
            return
        if self._sink is not None and size <= self._wanted:
            self._sink.lose(size)
            self._wanted -= size
            self.resume()
            return
        self._cut(size)

    def end(self) -> None:
        """Tell the parser that the stream has ended."""
        if not self.done:
            self._cut()
        self._stop()
        self._steps.close()  # it refers to this tape: one that still waits would wait for the collector

    def take(self, size: int) -> bytes:
        """Remove and return up to `size` bytes that have come."""
        if size >= len(self.buffer):
            piece = bytes(self.buffer)
            self.buffer.clear()
        else:
            piece = bytes(self.buffer[:size])
            del self.buffer[:size]
        return piece

    def exactly(self, size: int) -> Generator[None, None, bytes]:
        """Wait for `size` bytes; the caller bounds it."""
        while len(self.buffer) < size:
            yield
        return self.take(size)

    def until(
        self, end: re.Pattern[bytes], limit: int, overlap: int = 0
    ) -> Generator[None, None, tuple[bytes, int]]:
        """Wait for a match of `end`; return the bytes up to its end and how many of them were let go.

        At most `limit` bytes are returned; those behind them, up to the match, count as let go. `overlap` is
        the longest match less one: as much of it may have come before.
        """
        start = 0
        head = b""
        dropped = 0
        while (match := end.search(self.buffer, start)) is None:
            start = max(0, len(self.buffer) - overlap)
            if start > limit:
                head = head or self._put_aside(limit)
                dropped += start
                del self.buffer[:start]
                start = 0
            try:
                yield
            except Cut as cut:
                waited = dropped + len(cut.rest)
                cut.rest = (head or cut.rest)[:limit]
                cut.let_go = waited - len(cut.rest)
                raise
        self.aside = 0
        if dropped:
            total = dropped + match.end()
            del self.buffer[: match.end()]
            return head, total - len(head)
        size = match.end()
        kept = self.take(size)
        return kept[:limit], max(0, size - limit)

    def _put_aside(self, size: int) -> bytes:
        """Return the first bytes; they go on counting."""
        head = bytes(self.buffer[:size])
        self.aside = len(head)
        return head

    def line(self, limit: int = 65536) -> Generator[None, None, bytes]:
        """Wait for a line; what is beyond `limit` bytes of it is let go. The line end is taken off."""
        start = 0
        while (end := self.buffer.find(b"\n", start, limit)) < 0 and len(self.buffer) < limit:
            start = len(self.buffer)
            yield
        if end >= 0:
            return self.take(end + 1).rstrip(b"\r\n")
        line, _ = yield from self.until(LINE_END, limit)
        return line.rstrip(b"\r\n")

    def pour(self, size: int, sink: Sink) -> Steps:
        """Pass `size` bytes to the sink as they come; gaps inside are told to it."""
        piece = self.take(size)
        if piece:
            sink.write(piece)
        self._wanted = size - len(piece)
        self._sink = sink
        while self._wanted:
            yield
            piece = self.take(self._wanted)
            sink.write(piece)
            self._wanted -= len(piece)
        self._sink = None

    def pour_until(self, end: re.Pattern[bytes], mark: bytes, overlap: int, sink: Sink) -> Steps:
        """Pass bytes to the sink as they come, up to and with a match of `end`; gaps are told to it.

        Every match begins with `mark`, best with a byte at its end that is rare elsewhere.
        `overlap` is the longest match less one. What comes before a gap never matches together with what comes
        behind it.
        """
        watched = Watched(end, mark, overlap, sink)
        while (match := self._pour_before(watched)) is None:
            self._watched = watched
            try:
                yield
            except Cut as cut:
                sink.write(cut.rest)
                if cut.ended:
                    raise
                sink.lose(cut.missing)
        self._watched = None
        sink.write(self.take(match.end()))

    def _cut(self, missing: int = 0) -> None:
        cut = Cut(bytes(self.buffer), missing)
        self.buffer.clear()
        self.aside = 0
        self._sink = self._watched = None
        try:
            self._steps.throw(cut)
        except (StopIteration, Cut):
            self._stop()
        finally:
            cut.__traceback__ = (
                None  # it leads back here: all that the parser held would wait for the collector
            )

    def _stop(self) -> None:
        self.done = True
        self.buffer.clear()
        self._sink = self._watched = None
        self._hold.resize(0)


class TwoTapes:
    """A conversation that reads each side from a tape, and may end by handing both to another parser."""

    def __init__(self, context: Context) -> None:
        """Read one conversation; subclasses set their own state before.

        `hold` is for what the parser keeps beside bodies until it becomes a record.
        """
        self.context = context
        self.records: list[Record] = []
        self.time = 0.0
        self._inner: Conversation | None = None
        self.hold = Hold(context.held)
        self.tapes = (Tape(self._read_client, context.held), Tape(self._read_server, context.held))

    def _read_client(self, tape: Tape) -> Steps:
        raise NotImplementedError

    def _read_server(self, tape: Tape) -> Steps:
        raise NotImplementedError

    def _finish(self) -> None:
        """Called once, at the end, after both tapes have ended."""

    def data(self, side: int, payload: bytes | memoryview, time: float) -> None:
        """Take the next bytes of one side, in order."""
        self.time = time
        if self._inner is not None:
            self._inner.data(side, payload, time)
        else:
            self.tapes[side].feed(payload)

    def gap(self, side: int, size: int) -> None:
        """Note that bytes of one side were never captured."""
        if self._inner is not None:
            self._inner.gap(side, size)
        else:
            self.tapes[side].gap(size)

    def close(self) -> None:
        """Flush what is pending."""
        for tape in self.tapes:
            tape.end()
        self._finish()
        self.hold.resize(0)
        if self._inner is not None:
            self._inner.close()

    def hand_over(self, inner: Conversation) -> None:
        """Let `inner` read what is left on both tapes and all that follows; its records become ours."""
        inner.records, self._inner = self.records, inner
        for side, tape in enumerate(self.tapes):
            rest = tape.take(len(tape.buffer))
            if rest:
                inner.data(side, rest, self.time)
