"""HTTP/1.x (RFC 9112, and what is sent instead): every request and response of one connection, paired.

The records are those of `exchange`. After CONNECT and after an agreed Upgrade the connection is read on as
whatever its bytes are.
"""

import re
from collections import deque
from collections.abc import Callable, Generator

from lib.cuckoo.network.body import Body
from lib.cuckoo.network.conversation import CLIENT, Context, Conversation, Unread, printable
from lib.cuckoo.network.exchange import TEXT_LIMIT, Exchange, Message, Origin
from lib.cuckoo.network.tape import LINE_END, UNBOUNDED, Cut, Drain, Malformed, Steps, Tape, TwoTapes

HEAD_LIMIT = 256 << 10
"""Bytes kept of a start line, and of the headers."""
MAXIMUM_HEADERS = 1000
PENDING_LIMIT = 1000
"""Requests that may wait for their response."""
WAIT_LIMIT = 256 << 10
"""Bytes a client may send before its CONNECT or Upgrade is answered."""
RESYNC_LIMIT = 1 << 20
"""Bytes without a message after which a side is given up."""

_METHOD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64})[ \t]+")
_VERSION = re.compile(rb"[ \t](?i:HTTP)/(\d{1,3}\.\d{1,3})\Z")
_LONGEST_VERSION = len(" HTTP/123.123")
_STATUS = re.compile(rb"(?:(?i:HTTP)/(\d{1,3}(?:\.\d{1,3})?)|ICY)[ \t]+(\d{3})")
_BLANKS = b" \t"
_LINE_REST = b" \t\r"
STATUS_BEGIN = b"HTTP/"
HEAD_END = re.compile(rb"\n\r?\n")
_CUT_VERSION = re.compile(rb"H|HT|HTT|HTTP|HTTP/[\d.]*")
"""The version where the line was cut, or where it stands in place of the target."""
FINAL_WITHOUT_BODY = frozenset({101, 204, 304})


Tunnel = Callable[[str, str], Conversation]
"""Makes the parser of what follows a switch: "connect" and where to, or the protocol that the Upgrade names."""


def _ignore(_protocol: str, _target: str) -> Conversation:
    return Unread()


class Http(TwoTapes):
    """One connection of HTTP/1.x."""

    def __init__(
        self,
        context: Context,
        origin: Origin = Origin(),  # noqa: B008 - frozen
        tunnel: Tunnel = _ignore,
    ) -> None:
        """Read one connection to `origin`, whose address is the host of requests that name none."""
        self._origin = origin
        self._tunnel = tunnel
        self._open: deque[Exchange] = deque()
        self._waiting: deque[Exchange] = deque()
        self._response_lost = False
        self._weight = 0
        super().__init__(context)

    def close(self) -> None:
        """Flush what is pending; a CONNECT whose answer was not captured counts as agreed to."""
        last = self._open[-1] if self._open else None
        if self._inner is None and last is not None and last.switched is None and _connects(last):
            self._switch(last, "connect")
        super().close()

    def _finish(self) -> None:
        while self._open:
            self._emit(self._open.popleft())

    # the client

    def _read_client(self, tape: Tape) -> Steps:
        while True:
            try:
                yield from self._request(tape)
                continue
            except (Cut, Malformed) as stop:
                if isinstance(stop, Cut) and stop.ended:
                    return
            yield from _resynchronise(tape, _is_request)  # not above, where what was cut is still held

    def _request(self, tape: Tape) -> Steps:
        line, cut = yield from _start_line(tape)
        method, target, version = parse_request_line(line)
        message = Message(line, Body(self.context), self.time, version)
        message.method = method
        message.target = target
        exchange = Exchange(request=message)
        self._enqueue(exchange)
        yield from self._rest(tape, message, self._request_body, cut)
        if message.method == "CONNECT" or message.header("upgrade"):
            yield from self._await_switch(tape, exchange)

    def _enqueue(self, exchange: Exchange) -> None:
        self._open.append(exchange)
        self._waiting.append(exchange)
        if len(self._waiting) > PENDING_LIMIT:
            self._give_up_oldest()

    def _give_up_oldest(self) -> None:
        """Report an exchange early: one that waits for its response, else one that is still being read."""
        oldest = self._waiting.popleft() if self._waiting else self._open[0]
        self._open.remove(oldest)
        self._emit(oldest)
        oldest.forget()

    def _request_body(self, tape: Tape, message: Message) -> Steps:
        if "chunked" in message.listed("transfer-encoding"):
            return _chunks(tape, message)
        return tape.pour(message.length or 0, message.body)

    def _await_switch(self, tape: Tape, exchange: Exchange) -> Steps:
        while exchange.switched is None and len(tape.buffer) < WAIT_LIMIT:
            yield
        exchange.switched = bool(exchange.switched)

    # the server

    def _read_server(self, tape: Tape) -> Steps:
        while True:
            try:
                yield from self._response(tape)
                continue
            except (Cut, Malformed) as stop:
                if isinstance(stop, Cut) and stop.ended:
                    return
                self._response_lost = isinstance(stop, Cut)
            yield from _resynchronise(tape, _is_response)  # not above, where what was cut is still held

    def _response(self, tape: Tape) -> Steps:
        while not tape.buffer:
            yield
        waiting = self._waiting
        if waiting and waiting[0].is_bare and (yield from _is_body(tape)):
            message, cut = Message(b"", Body(self.context), self.time, "0.9"), None
        else:
            line, cut = yield from _start_line(tape)
            message = self._status(line)
        message.kind = "http_response"
        if 100 <= message.status < 200 and message.status != 101:
            yield from _fields(tape, message)
            self._note_interim(message.status)
            return
        exchange = self._answered(message)
        yield from self._rest(
            tape, message, lambda tape, message: self._response_body(tape, message, exchange), cut
        )
        self._decide_switch(message, exchange)

    def _status(self, line: bytes) -> Message:
        found = split_status_line(line)
        if found is None:
            raise Malformed
        version, status, reason = found
        message = Message(line, Body(self.context), self.time, (version or b"1.0").decode("ascii"))
        message.status = int(status)
        message.reason = printable(reason, 1024)
        return message

    def _note_interim(self, status: int) -> None:
        if self._waiting and len(self._waiting[0].interim) < MAXIMUM_HEADERS:
            self._waiting[0].interim.append(status)

    def _answered(self, message: Message) -> Exchange:
        """Return the exchange that this response belongs to.

        When responses were lost in a gap, a client that does not pipeline has had them all but the last.
        """
        if self._response_lost:
            while len(self._waiting) > 1:
                self._waiting[0].switched = False
                self._give_up_oldest()
        self._response_lost = False
        if self._waiting:
            exchange = self._waiting.popleft()
        else:
            exchange = Exchange()
            self._open.append(exchange)
            if len(self._open) > PENDING_LIMIT:
                self._give_up_oldest()
        exchange.response = message
        return exchange

    def _response_body(self, tape: Tape, message: Message, exchange: Exchange) -> Steps:
        head_only = exchange.request is not None and exchange.request.method == "HEAD"
        if head_only or message.status in FINAL_WITHOUT_BODY or _switches(message, exchange):
            return tape.pour(0, message.body)
        if "chunked" in message.listed("transfer-encoding"):
            return _chunks(tape, message)
        if message.length is None:
            return _until_close(tape, message)
        return tape.pour(message.length, message.body)

    def _decide_switch(self, message: Message, exchange: Exchange) -> None:
        if exchange.switched is None and _switches(message, exchange):
            exchange.switched = True
            self._switch(exchange, "connect" if _connects(exchange) else message.header("upgrade").lower())
        elif exchange.switched is None:
            exchange.switched = False
            self.tapes[CLIENT].resume()

    # both

    def _switch(self, exchange: Exchange, protocol: str) -> None:
        self.hand_over(self._tunnel(protocol, exchange.request.target if exchange.request else ""))

    def _rest(
        self, tape: Tape, message: Message, body: Callable[[Tape, Message], Steps], cut: Cut | None
    ) -> Steps:
        """Read headers and body, unless the start line was cut, and finish the message however they end."""
        try:
            if cut is not None:
                raise cut
            yield from _fields(tape, message)
            self._weigh(message)
            yield from body(tape, message)
        except (Cut, Malformed) as stop:
            self._settle(message, str(stop))
            raise
        self._settle(message)

    def _settle(self, message: Message, flaw: str = "") -> None:
        """Finish a message unless it was reported early; report what is complete."""
        if message.finished:
            return
        message.finish(flaw)
        self._weigh(message)

    def _weigh(self, message: Message) -> None:
        """Hold what the messages take; report the oldest exchanges when there is no room for them."""
        if message.reported:
            return
        self._weight += message.weigh()
        while self._open and self._open[0].finished:
            self._emit(self._open.popleft())
        while not self.hold.resize(self._weight) and self._open:
            self._give_up_oldest()

    def _emit(self, exchange: Exchange) -> None:
        self._weight -= exchange.weight
        self.records += self._origin.records(exchange)


def split_request_line(line: bytes) -> tuple[bytes, bytes, bytes | None] | None:
    """Return method, target and version (None without one); None when this is no request line.

    By hand, because for a pattern a long run of blanks may be part of what stands before it or behind it.
    """
    found = _METHOD.match(line)
    if found is None:
        return None
    target = line[found.end() :].rstrip(_LINE_REST)
    if b"\r" in target or b"\n" in target:
        return None
    version = _VERSION.search(target, max(0, len(target) - _LONGEST_VERSION))
    if version is None:
        return found[1], target, None
    return found[1], target[: version.start()].rstrip(_BLANKS), version[1]


def split_status_line(line: bytes) -> tuple[bytes | None, bytes, bytes] | None:
    """Return version (None for ICY), status and reason; None when this is no status line."""
    found = _STATUS.match(line)
    if found is None:
        return None
    reason = line[found.end() :].rstrip(_LINE_REST)
    if (reason and reason[:1] not in {b" ", b"\t"}) or b"\r" in reason or b"\n" in reason:
        return None
    return found[1], found[2], reason.lstrip(_BLANKS)


def parse_request_line(line: bytes) -> tuple[str, str, str]:
    """Return method, target (spaces in it are kept) and version, "0.9" for a GET without one.

    Raises:
        Malformed: this is no request line.
    """
    found = split_request_line(line)
    if found is None:
        raise Malformed
    method, target, version = found
    if version is None:
        target, version = _without_cut_version(target)
    if version is None and (method != b"GET" or b" " in target):
        raise Malformed
    return method.decode("ascii"), printable(target, TEXT_LIMIT), (version or b"0.9").decode("ascii")


def _without_cut_version(target: bytes) -> tuple[bytes, bytes | None]:
    """Take off the begin of a version; return it too, "1.0" where it has no number."""
    at = max(target.rfind(b" "), target.rfind(b"\t")) + 1
    if not _CUT_VERSION.fullmatch(target, at):
        return target, None
    return target[:at].rstrip(_BLANKS), target[at:].partition(b"/")[2] or b"1.0"


def _is_request(line: bytes) -> bool:
    found = split_request_line(line)
    return found is not None and found[2] is not None


def _is_response(line: bytes) -> bool:
    return split_status_line(line) is not None


def _connects(exchange: Exchange) -> bool:
    return exchange.request is not None and exchange.request.method == "CONNECT"


def _switches(message: Message, exchange: Exchange) -> bool:
    return message.status == 101 or (_connects(exchange) and 200 <= message.status < 300)


def _is_body(tape: Tape) -> Generator[None, None, bool]:
    """Tell whether what comes does not begin as a response with a head does."""
    while len(tape.buffer) < len(STATUS_BEGIN):
        yield
    return tape.buffer[: len(STATUS_BEGIN)].upper() != STATUS_BEGIN


def _start_line(tape: Tape) -> Generator[None, None, tuple[bytes, Cut | None]]:
    """Wait for a line that is not blank; return it, or what there is of it and what cut it."""
    while True:
        try:
            line = yield from tape.line(HEAD_LIMIT)
        except Cut as cut:
            if cut.rest.strip():
                return cut.rest[:HEAD_LIMIT], cut
            raise
        if line.strip():
            return line, None


def _fields(tape: Tape, message: Message) -> Steps:
    """Read the headers, up to the blank line."""
    if message.version == "0.9":
        return
    try:
        yield from _field_block(tape, message)
    except Cut as cut:
        message.fields = cut.rest[:HEAD_LIMIT]
        _note_let_go(message, cut.let_go)
        raise
    finally:
        message.take_headers(_parse_fields(message.fields))


def _field_block(tape: Tape, message: Message) -> Steps:
    while len(tape.buffer) < 2 and tape.buffer != b"\n":
        yield
    blank = 1 if tape.buffer[0] == 10 else 2 if tape.buffer[:2] == b"\r\n" else 0
    if blank:
        tape.take(blank)
        return
    message.fields, dropped = yield from tape.until(HEAD_END, HEAD_LIMIT, overlap=2)
    _note_let_go(message, dropped)


def _note_let_go(message: Message, size: int) -> None:
    if size:
        message.flaws.append(f"{size} bytes of headers let go")


def _parse_fields(block: bytes) -> list[tuple[str, str]]:
    """Split headers at line ends; a line that begins with white space continues the one before (obs-fold)."""
    headers: list[tuple[str, str]] = []
    for line in printable(block, HEAD_LIMIT).split("\n", MAXIMUM_HEADERS)[:MAXIMUM_HEADERS]:
        name, _, value = line.partition(":")
        if line[:1] in {" ", "\t"} and headers:
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}")
        elif name.strip():
            headers.append((name.strip(), value.strip()))
    return headers


def _chunks(tape: Tape, message: Message) -> Steps:
    """Read a chunked body and its trailers."""
    while size := _chunk_size((yield from tape.line(1024))):
        yield from tape.pour(size, message.body)
        if (yield from tape.line(1024)):
            raise Malformed
    room, dropped = HEAD_LIMIT, 0
    while line := (yield from tape.line()):
        if len(line) <= room and len(message.trailers) < MAXIMUM_HEADERS:
            room -= len(line)
            message.trailers += _parse_fields(line)
        else:
            dropped += len(line)
    if dropped:
        message.flaws.append(f"{dropped} bytes of trailers let go")


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not re.fullmatch(rb"[0-9a-fA-F]{1,15}", digits):
        raise Malformed
    return int(digits, 16)


def _until_close(tape: Tape, message: Message) -> Steps:
    try:
        yield from tape.pour(UNBOUNDED, message.body)
    except Cut as cut:
        if not cut.ended:
            raise


def _resynchronise(tape: Tape, starts: Callable[[bytes], bool]) -> Steps:
    """Skip lines until one is a start line with a version, which is put back."""
    skipped = 0
    while skipped < RESYNC_LIMIT:
        try:
            line, dropped = yield from tape.until(LINE_END, HEAD_LIMIT)
        except Cut as cut:
            if cut.ended:
                raise
            continue
        if starts(line.rstrip(b"\r\n")):
            tape.buffer[:0] = line
            return
        skipped += len(line) + dropped
    yield from tape.pour(UNBOUNDED, Drain())
