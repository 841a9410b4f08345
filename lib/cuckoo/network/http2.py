"""HTTP/2 (RFC 9113): the requests and responses of every stream of one connection.

The records are those of `exchange`, with version "2"; the heads are written as HTTP/1 writes them. A last
record "http2" says what of a connection could not be read ("flaws"), when there is something.
"""

from collections.abc import Generator
from typing import TYPE_CHECKING

from lib.cuckoo.network.body import Body
from lib.cuckoo.network.conversation import CLIENT, SERVER, SIDES, Context, Pool, printable
from lib.cuckoo.network.exchange import TEXT_LIMIT, Exchange, Message, Origin
from lib.cuckoo.network.tape import Cut, Drain, Malformed, Steps, Tape, TwoTapes

if TYPE_CHECKING:
    from hpack import Decoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, PROMISE, CONTINUATION = 0, 1, 3, 5, 9
END_STREAM, END_HEADERS, PADDED, PRIORITY = 0x1, 0x4, 0x8, 0x20
HEADER_LIMIT = 256 << 10
"""Bytes of one block of headers, packed and unpacked."""
TABLE_LIMIT = 1 << 17
"""Bytes of a side's table of headers; 64 KiB is the most that common clients allow."""
MESSAGE_LIMIT = 1 << 20
"""Weight of a message that gets no more trailers."""
TRAILERS_DROPPED = "trailers let go"
ENTRY_SIZE = 200
"""Bytes that a header takes beside its text."""
UNPACKED_FACTOR = 8
"""How much dearer an unpacked byte of a header is than one of a body: a table of few bytes gives many."""
OPEN_STREAMS = 1000
MAXIMUM_HEADERS = 1000
SCHEMES = frozenset({"http", "https"})
Pairs = list[tuple[str, str]]


class Http2(TwoTapes):
    """One connection of HTTP/2."""

    def __init__(self, context: Context, origin: Origin = Origin()) -> None:  # noqa: B008 - frozen
        """Read one connection to `origin`."""
        self._origin = origin
        self._streams: dict[int, Exchange] = {}
        self._flaws: list[str] = []
        self._decoders = (HeaderDecoder(context.inflated), HeaderDecoder(context.inflated))
        self._weight = 0
        super().__init__(context)

    def _read_client(self, tape: Tape) -> Steps:
        yield from self._read(tape, CLIENT)

    def _read_server(self, tape: Tape) -> Steps:
        yield from self._read(tape, SERVER)

    def _read(self, tape: Tape, side: int) -> Steps:
        try:
            if side == CLIENT:
                yield from tape.exactly(len(PREFACE))
            while True:
                yield from self._frame(tape, side)
        except (Cut, Malformed) as stop:
            if isinstance(stop, Malformed) or not stop.ended:
                self._flaws.append(f"{SIDES[side]}: {stop}")

    def _frame(self, tape: Tape, side: int) -> Steps:
        size, kind, flags, stream = _frame_head((yield from tape.exactly(9)))
        if kind == DATA:
            yield from self._data(tape, side, size, flags, stream)
        elif kind in {HEADERS, PROMISE}:
            yield from self._headers(tape, side, (size, kind, flags), stream)
        else:
            yield from tape.pour(size, Drain())
        if kind == RESET and (exchange := self._streams.pop(stream, None)) is not None:
            self._emit(exchange)

    def _data(self, tape: Tape, side: int, size: int, flags: int, stream: int) -> Steps:
        padding = (yield from tape.exactly(1))[0] if flags & PADDED and size else 0
        size = max(0, size - (padding + 1 if flags & PADDED else 0))
        message = self._message(side, stream)
        yield from tape.pour(size, message.body if message is not None else Drain())
        yield from tape.pour(padding, Drain())
        if flags & END_STREAM:
            self._end(side, stream)

    def _headers(self, tape: Tape, side: int, head: tuple[int, int, int], stream: int) -> Steps:
        block, promised = yield from _header_block(tape, *head)
        pairs = self._decoders[side].decode(block)
        if head[1] == PROMISE:
            if self._open(promised).request is None:
                self._begin(CLIENT, promised, pairs)
                self._end(CLIENT, promised)
            return
        message = self._message(side, stream)
        if message is not None:
            self._take_trailers(message, pairs)
        else:
            self._begin(side, stream, pairs)
        if head[2] & END_STREAM:
            self._end(side, stream)

    def _take_trailers(self, message: Message, pairs: Pairs) -> None:
        room = MAXIMUM_HEADERS - len(message.trailers) if message.weight < MESSAGE_LIMIT else 0
        if room < len(pairs) and TRAILERS_DROPPED not in message.flaws:
            message.flaws.append(TRAILERS_DROPPED)
        message.trailers += pairs[:room]
        self._weigh(message)

    def _begin(self, side: int, stream: int, pairs: Pairs) -> None:
        message = self._start(side, pairs)
        exchange = self._open(stream)
        if side == SERVER and 100 <= message.status < 200:
            exchange.interim += [message.status] if len(exchange.interim) < MAXIMUM_HEADERS else []
            return
        if side == CLIENT:
            exchange.request = message
        else:
            exchange.response = message
        self._weigh(message)

    def _start(self, side: int, pairs: Pairs) -> Message:
        special = dict(reversed([pair for pair in pairs if pair[0].startswith(":")]))
        message = Message(b"", Body(self.context), self.time, "2")
        headers = [pair for pair in pairs if not pair[0].startswith(":")][:MAXIMUM_HEADERS]
        if side == CLIENT:
            message.method = special.get(":method", "")
            message.target = special.get(":path", special.get(":authority", ""))
            message.scheme = special.get(":scheme", "") if special.get(":scheme") in SCHEMES else ""
            if authority := special.get(":authority", ""):
                headers.insert(0, ("host", authority))
            first = f"{message.method} {message.target} HTTP/2"
        else:
            digits = special.get(":status", "")
            message.status = (
                int(digits) if digits.isascii() and digits.isdecimal() and len(digits) == 3 else 0
            )
            message.kind = "http_response"
            first = f"HTTP/2 {digits}"
        message.take_headers(headers)
        message.start = first.encode()
        message.fields = "".join(f"{name}: {value}\r\n" for name, value in headers).encode()[:TEXT_LIMIT]
        return message

    def _open(self, stream: int) -> Exchange:
        exchange = self._streams.get(stream)
        if exchange is None:
            if len(self._streams) >= OPEN_STREAMS:
                self._emit(self._streams.pop(next(iter(self._streams))))
            exchange = self._streams[stream] = Exchange()
        return exchange

    def _weigh(self, message: Message) -> None:
        """Hold what the messages take; report the oldest streams as they are when there is no room for them."""
        self._weight += message.weigh()
        while not self.hold.resize(self._weight + sum(decoder.weight for decoder in self._decoders)):
            if not self._streams:
                raise Malformed("no room for headers")
            self._emit(self._streams.pop(next(iter(self._streams))))

    def _message(self, side: int, stream: int) -> Message | None:
        exchange = self._streams.get(stream)
        if exchange is None:
            return None
        return exchange.request if side == CLIENT else exchange.response

    def _end(self, side: int, stream: int) -> None:
        message = self._message(side, stream)
        if message is not None:
            message.finish()
            self._weigh(message)
        exchange = self._streams.get(stream)
        if exchange is not None and exchange.finished:
            self._emit(self._streams.pop(stream))

    def _emit(self, exchange: Exchange) -> None:
        self._weight -= exchange.weight
        self.records += self._origin.records(exchange)

    def _finish(self) -> None:
        for exchange in self._streams.values():
            self._emit(exchange)
        self._streams.clear()
        if self._flaws:
            self.records.append({"protocol": "http2", "time": self.time, "flaws": self._flaws})


class HeaderDecoder:
    """Unpacks the headers of one side (RFC 7541)."""

    def __init__(self, allowance: Pool) -> None:
        """Take what is unpacked from an allowance that is never returned."""
        self._decoder: Decoder | None = None
        self._allowance = allowance

    @property
    def weight(self) -> int:
        """About how many bytes the table takes."""
        entries = 0 if self._decoder is None else len(self._decoder.header_table.dynamic_entries)
        return ENTRY_SIZE * entries + (self._decoder.header_table_size if self._decoder and entries else 0)

    def decode(self, block: bytes) -> Pairs:
        """Return names and values.

        Raises:
            Malformed: the block cannot be read, and so none that follows it.
        """
        try:
            from hpack import Decoder, HPACKError  # noqa: PLC0415 - an extra
        except ImportError:
            raise Malformed("hpack is not installed") from None
        if self._decoder is None:
            self._decoder = Decoder(max_header_list_size=HEADER_LIMIT)
            self._decoder.max_allowed_table_size = TABLE_LIMIT
        try:
            found: list[tuple[bytes, bytes]] = list(self._decoder.decode(block, raw=True))
        except HPACKError as error:
            raise Malformed(f"headers: {error}") from None
        size = sum(ENTRY_SIZE + len(name) + len(value) for name, value in found)
        if not self._allowance.take(UNPACKED_FACTOR * size):
            raise Malformed("headers unpack to too much")
        return [(printable(name), printable(value)) for name, value in found]


def _frame_head(head: bytes) -> tuple[int, int, int, int]:
    """Return size, kind, flags and stream of a frame."""
    return int.from_bytes(head[:3], "big"), head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF


def _header_block(tape: Tape, size: int, kind: int, flags: int) -> Generator[None, None, tuple[bytes, int]]:
    """Return a block of headers with its continuations, and the stream that a PUSH_PROMISE opens."""
    promised = 0
    if size > HEADER_LIMIT:
        raise Malformed(f"{size} bytes of headers")
    fragment = yield from tape.exactly(size)
    if flags & PADDED:
        fragment = fragment[1 : max(1, len(fragment) - fragment[0])] if fragment else b""
    if kind == PROMISE:
        promised, fragment = int.from_bytes(fragment[:4], "big") & 0x7FFFFFFF, fragment[4:]
    elif flags & PRIORITY:
        fragment = fragment[5:]
    block = bytearray(fragment)
    while not flags & END_HEADERS:
        size, kind, flags, _ = _frame_head((yield from tape.exactly(9)))
        if kind != CONTINUATION or len(block) + size > HEADER_LIMIT:
            raise Malformed("headers are not continued")
        block += yield from tape.exactly(size)
        tape.aside = len(block)
    tape.aside = 0
    return bytes(block), promised
