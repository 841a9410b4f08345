"""TCP: segments to connections, each with two byte streams in order.

Sources: RFC 9293; sequence numbers are compared modulo 2**32 as RFC 1982 does.

Where segments overlap, what was passed on first counts; of those that wait, the one that begins first. What
is missing is reported as a gap of known
size once nothing else explains it: the connection ended, the peer acknowledged it long ago, or too much waits.
"""

from collections import OrderedDict
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, NamedTuple

from lib.cuckoo.network.conversation import CLIENT, SERVER, Conversation, Unread
from lib.cuckoo.network.detect import Detecting
from lib.cuckoo.network.flows import FlowTable, ports, reversed_key
from lib.cuckoo.network.reader import Flow, Stream

FIN, SYN, RST, ACK = 1, 2, 4, 16
MODULUS = 1 << 32
MASK = MODULUS - 1
HALF = 1 << 31
UNSET = -1
UNLOOKED = -1.0

PATIENCE_SEGMENTS = 32
"""Segments that wait behind an acknowledged hole before it is taken for a loss of the capture."""
MOST_WAITING_SEGMENTS = 2048
MOST_WAITING_BYTES = 1 << 20
WAITING_SIZE = 64
"""What a segment that waits counts beside its bytes, of those of its direction."""
WAITING_SIZE_TOGETHER = 200
"""What it counts of those of all connections: this is what it takes."""
MOST_CONVERSATIONS = 10_000
"""Connections that are read at a time; of the others only packets and bytes are counted."""


class Limits(NamedTuple):
    """Bounds of a table of connections."""

    connections: int = 50_000
    """Connections followed at a time; the one that was quiet for longest goes first."""
    waiting_bytes: int = 64 << 20
    """Bytes that wait for missing ones, over all connections."""


class Half(Stream):
    """One direction of a connection; `waiting` holds (position in the stream, time, bytes, bytes not captured).

    Attributes:
        initial: the sequence number of the first byte, UNSET where no SYN was seen.
    """

    __slots__ = ("initial", "lost", "waiting_bytes")
    flow: "Connection"

    def __init__(self, flow: "Connection", side: int, key: bytes) -> None:
        super().__init__(flow, side, key)
        self.initial = UNSET
        self.lost = self.waiting_bytes = 0

    def segment(self, sequence: int, data: bytes, start: int, end: int, time: float) -> None:
        """Take the payload `data[start:end]`, which may be empty."""
        if start >= end:
            return
        if sequence != self.next or self.waiting:
            self.arrange(sequence, data[start:end], 0, time)
        else:
            self._pass_on(data, start, end, time)
        if self.next == self.end:
            self.flow.settle()

    def _pass_on(self, data: bytes, start: int, end: int, time: float) -> None:
        size = end - start
        self.next = (self.next + size) & MASK
        self.received += size
        consumer = self.flow.consumer or (self.flow.start() if self.flow.silent else None)
        if consumer is not None:
            consumer.data(self.side, data[start:end], time)
            if consumer.records or self.flow.undecided:
                self.flow.collect()

    def arrange(self, sequence: int, payload: bytes, missing: int, time: float) -> None:
        """Take a payload that is not simply the next one; `missing` bytes of it were not captured."""
        if self.next == UNSET:
            self.next = sequence
        ahead = (sequence - self.next) & MASK
        if ahead >= HALF:
            self._repeated(MODULUS - ahead, payload, missing, time)
        elif ahead or self.waiting:
            self._keep(self.received + ahead, payload, missing, time)
        else:
            self._advance(payload, missing, time)

    def _repeated(self, overlap: int, payload: bytes, missing: int, time: float) -> None:
        self.flow.retransmissions += 1
        if overlap < len(payload) + missing:
            left = max(missing - max(overlap - len(payload), 0), 0)
            self._keep(self.received, payload[overlap:], left, time)

    def _keep(self, position: int, payload: bytes, missing: int, time: float) -> None:
        heappush(self.waiting, (position, time, payload, missing))
        self._count_waiting(1, len(payload))
        self._release()
        while self._hopeless():
            self.give_up()

    def _count_waiting(self, segments: int, size: int) -> None:
        self.waiting_bytes += size + segments * WAITING_SIZE
        self.flow.table.waiting_bytes += size + segments * WAITING_SIZE_TOGETHER

    def _hopeless(self) -> bool:
        waiting = len(self.waiting)
        if waiting <= PATIENCE_SEGMENTS:
            return bool(waiting) and self.flow.table.overfull
        if (
            waiting > MOST_WAITING_SEGMENTS
            or self.waiting_bytes > MOST_WAITING_BYTES
            or self.flow.table.overfull
        ):
            return True
        peer = self.flow.halves[1 - self.side]
        acknowledged = (peer.acknowledged - self.next) & MASK
        return peer.acknowledged != UNSET and self.waiting[0][0] - self.received <= acknowledged < HALF

    def _release(self) -> None:
        """Pass on what no longer waits for anything."""
        while self.waiting and self.waiting[0][0] <= self.received:
            position, time, payload, missing = heappop(self.waiting)
            self._count_waiting(-1, -len(payload))
            known = self.received - position
            if known < len(payload) + missing:
                self._advance(payload[known:], missing - max(known - len(payload), 0), time)

    def _advance(self, payload: bytes, missing: int, time: float) -> None:
        size = len(payload)
        self.next = (self.next + size) & MASK
        self.received += size
        consumer = self.flow.start() if self.flow.silent else self.flow.consumer
        if size and consumer is not None:
            consumer.data(self.side, payload, time)
            self.flow.collect()
        if missing > 0:
            self._gap(missing)

    def _gap(self, size: int) -> None:
        self.next = (self.next + size) & MASK
        self.received += size
        self.lost += size
        consumer = self.flow.start() if self.flow.silent else self.flow.consumer
        if consumer is not None:
            consumer.gap(self.side, size)
            self.flow.collect()

    def give_up(self) -> None:
        """Declare the first hole lost and pass on what waits behind it."""
        if self.waiting:
            self._gap(self.waiting[0][0] - self.received)
            self._release()

    def flush(self) -> None:
        """Pass on all that waits, with gaps between."""
        while self.waiting:
            self.give_up()

    @property
    def finished(self) -> bool:
        """True when all up to the FIN was seen."""
        return self.end != UNSET and self.next in {self.end, UNSET}


class Connection(Flow):
    """One TCP connection; `halves` are those of client and server.

    Attributes:
        consumer: the parser of its protocol; None once it is known that there is none, or at the end.
        silent: True until the first byte of either side: most flows of a scan never need a parser.
        undecided: True while `consumer` is what finds out the protocol.
        swapped: True when the protocol shows that who was taken for the client is the server.
        state: "open", "closed" (both sides sent FIN) or "reset".
        read_to: bytes of both sides up to its end, behind which nothing is read; UNSET before that.
    """

    __slots__ = ("consumer", "read_to", "retransmissions", "silent", "state", "swapped", "table", "undecided")
    halves: tuple[Half, Half]

    def __init__(self, table: "Connections", key: bytes, time: float, offset: int) -> None:
        super().__init__(time, offset)
        self.table = table
        self.halves = (Half(self, CLIENT, key), Half(self, SERVER, reversed_key(key)))
        self.retransmissions = 0
        self.read_to = UNSET
        self.state = "open"
        self.silent = self.undecided = True
        self.swapped = False
        self.consumer: Conversation | None = None

    def start(self) -> Conversation | None:
        """Find a parser: the first bytes have come."""
        self.silent = False
        self.consumer = self.table.on_start(self)
        self.table.reading(self)
        return self.consumer

    def collect(self) -> None:
        """Hand over the records that the parser has finished, and see whether the protocol is known."""
        consumer = self.consumer
        if self.undecided and isinstance(consumer, Detecting) and consumer.chosen is not None:
            self._decide(consumer, consumer.chosen)
        if consumer is not None and consumer.records:
            records = consumer.records[:]
            consumer.records.clear()  # the list itself stays: conversations inside share it
            for record in records:
                self.table.on_record(self, record)

    def _decide(self, detecting: Detecting, chosen: Conversation) -> None:
        """Speak to the parser that was found itself, unless it sees the sides the other way round."""
        self.undecided, self.swapped = False, detecting.swapped
        self.protocol = "" if isinstance(chosen, Unread) else type(chosen).__name__.lower()
        if isinstance(chosen, Unread):
            self._be_silent()
        elif not detecting.swapped:
            self.consumer = chosen

    def settle(self) -> None:
        """Close the connection when both sides have sent all up to their FIN."""
        if self.consumer is not None or self.state == "open":
            client, server = self.halves
            if client.finished and server.finished:
                self.close("closed")

    def close(self, state: str) -> None:
        """End the connection: what waits is passed on, the parser finishes."""
        for half in self.halves:
            half.flush()
        self.silence()
        if self.state == "open":
            self.state = state
            self.read_to = self._received

    @property
    def unread(self) -> int:
        """Bytes that came behind its end: behind a reset that was forged, the conversation goes on."""
        return self._received - self.read_to

    @property
    def _received(self) -> int:
        client, server = self.halves
        return client.received + server.received

    def silence(self) -> None:
        """End the reading; what was said so far becomes records."""
        if self.consumer is not None:
            self.consumer.close()
            self.collect()
            self._be_silent()
        self.silent = False

    def _be_silent(self) -> None:
        self.consumer = None
        self.table.conversations.pop(self, None)

    @property
    def roles(self) -> tuple[Half, Half]:
        """The directions of client and server, as far as is known by now."""
        client, server = self.halves
        return (server, client) if self.swapped else (client, server)

    @property
    def unanswered(self) -> bool:
        """True when a SYN was sent and nothing at all came back: nothing was captured, and nothing acknowledged."""
        client, server = self.halves
        return client.initial != UNSET and not server.packets and client.acknowledged == UNSET


class Connections(FlowTable):
    """All TCP connections of a capture.

    Attributes:
        waiting_bytes: bytes that wait for missing ones, over all connections.
        conversations: the connections that are read, begun first first.
        silenced: connections that are not read any more, because too many were.
    """

    def __init__(
        self,
        limits: Limits,
        on_start: Callable[[Connection], Conversation | None],
        on_record: Callable[[Connection, dict[str, Any]], None],
        on_end: Callable[[Connection], None],
    ) -> None:
        super().__init__(limits.connections, on_end)
        self.waiting_bytes = 0
        self.conversations: OrderedDict[Connection, float] = OrderedDict()
        self.silenced = 0
        self.on_record = on_record
        self.on_start = on_start
        self._limits = limits

    @property
    def overfull(self) -> bool:
        """True when too many bytes wait for missing ones."""
        return self.waiting_bytes > self._limits.waiting_bytes

    def reading(self, connection: Connection) -> None:
        """Note that a connection is read; when too many are, the one that was quiet for longest is not any more.

        One that was used since it was looked at before stays for another round.
        """
        self.conversations[connection] = UNLOOKED
        while len(self.conversations) > MOST_CONVERSATIONS:
            oldest, looked = next(iter(self.conversations.items()))
            if oldest.last != looked:
                self.conversations[oldest] = oldest.last
                self.conversations.move_to_end(oldest)
            else:
                self.silenced += 1
                oldest.silence()
                self.conversations.pop(oldest, None)

    def half(self, key: bytes, flags: int, sequence: int, time: float, offset: int) -> Half:
        """Return the direction that a segment belongs to; a new SYN on old ports makes a new connection."""
        half: Half | None = self.halves.get(key)
        if half is not None and flags & SYN and _is_reuse(half, flags, sequence):
            self.remove(half.flow)
            half = None
        if half is None:
            return self._open(key, flags, time, offset)
        half.flow.last = time
        return half

    def _open(self, key: bytes, flags: int, time: float, offset: int) -> Half:
        from_server = _sent_by_server(key, flags)
        connection = Connection(self, reversed_key(key) if from_server else key, time, offset)
        self.add(connection)
        half: Half = self.halves[key]
        return half


def control(half: Half, flags: int, sequence: int, size: int) -> int:
    """Note SYN and FIN; return the sequence number of the payload's first byte."""
    if flags & SYN:
        sequence = (sequence + 1) & MASK
        if half.initial == UNSET and not half.received:
            half.initial = half.next = sequence
    if flags & FIN:
        half.end = (sequence + size) & MASK
    return sequence


def after_control(half: Half, flags: int) -> None:
    """Close the connection when its last segment has been taken."""
    connection = half.flow
    if flags & RST:
        connection.close("reset")
    else:
        connection.settle()


def _is_reuse(half: Half, flags: int, sequence: int) -> bool:
    """Tell a new connection's SYN from one sent again."""
    connection = half.flow
    if connection.state != "open":
        return not flags & ACK
    known = half.initial != UNSET
    return known and not flags & ACK and (sequence + 1) & MASK != half.initial


def _sent_by_server(key: bytes, flags: int) -> bool:
    """Guess from the first segment seen: a SYN says it, else the well-known port is the server's."""
    if flags & SYN:
        return bool(flags & ACK)
    source, destination = ports(key)
    return source < 1024 <= destination
