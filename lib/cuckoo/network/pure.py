"""The walk in Python: the twin of `_walk.pyx`, with the same classes and the same answers.

Nearly all packets of a capture are plain ones of flows that are known: these the walk takes, at a fifth of the
price of the layers. Whatever is new, odd or malformed it leaves to them, and it may leave more: who takes a packet
changes nothing in the results.
"""

from collections.abc import Callable, MutableMapping
from struct import Struct
from typing import Any, NamedTuple

NAME = "python"

ETHERNET_LINK = 1
ENHANCED_PACKET = 6
BLOCK_FRAME = 32
"""Bytes of an enhanced packet block around its packet and options: eight numbers of 4."""
LONGEST_BLOCK = 1 << 24
IPV4 = 0x0800
TCP, UDP, ICMP = 6, 17, 1

_usual = Struct(">12xHBxHxxHxB14xIIBB").unpack_from
"""Ethernet, IPv4 without options and TCP in one go: EtherType, version and header length, total length,
fragment bits, protocol, sequence and acknowledgement number, header length, flags; of UDP the first five, and
its length in the upper half of the sixth."""
_RECORD = {order: Struct(order + "IIII").unpack_from for order in "<>"}
_BLOCK = {order: Struct(order + "IIIIIII").unpack_from for order in "<>"}
_SIZE = {order: Struct(order + "I").unpack_from for order in "<>"}


class Format(NamedTuple):
    """How the records of a pcap file are written: byte order, seconds per unit of the fraction, header size."""

    order: str
    unit: float
    header: int


class Interface(NamedTuple):
    """An interface of a pcapng section."""

    link: int
    snap_length: int
    unit: float
    """Seconds per unit of its time stamps."""
    offset: int
    """Seconds to add to them."""


class Flow:
    """What all flows have in common; each has two directions in `halves`, client and server.

    Attributes:
        first, last: times of the first and the latest packet, in seconds since 1970.
        offset: where in the capture the record of the first packet begins.
        protocol: the name of the application protocol, empty while unknown.
    """

    __slots__ = ("first", "halves", "last", "looked", "offset", "protocol")
    halves: Any  # a pair of what the protocol keeps for a direction; each has `key`

    def __init__(self, time: float, offset: int) -> None:
        self.first = self.last = self.looked = time
        self.offset = offset
        self.protocol = ""

    def close(self, state: str) -> None:
        """Take notice that no more packets will come."""


class Direction:
    """One direction of a flow: `side` 0 is what the client sent; `key` as `flows` makes it."""

    __slots__ = ("flow", "key", "packets", "side", "wire_bytes")
    flow: Any

    def __init__(self, flow: Flow, side: int, key: bytes) -> None:
        self.flow = flow
        self.side = side
        self.key = key
        self.packets = self.wire_bytes = 0


class Stream(Direction):
    """One direction of a connection.

    Attributes:
        next: the sequence number expected next, negative before the first segment.
        end: that behind the last byte, negative before a FIN.
        acknowledged: the last acknowledgement number sent this way, negative before the first.
        received: bytes of the stream so far, gaps included.
        waiting: heap of what came too early; see `tcp`.
    """

    __slots__ = ("acknowledged", "end", "next", "received", "waiting")

    def __init__(self, flow: Flow, side: int, key: bytes) -> None:
        super().__init__(flow, side, key)
        self.next = self.end = self.acknowledged = -1
        self.received = 0
        self.waiting: list[tuple[int, float, bytes, int]] = []


OnSegment = Callable[[float, bytes, int, int, int, int, int], None]
"""Takes a segment behind a plain IP header, with options that are whole: time, packet, its length on the wire, offset
of its record in the file; and inside the packet where the addresses begin, where TCP begins, and where it ends."""


class Walk:
    """Takes packets of known flows, and counts all packets by second.

    Attributes:
        second: the second of the latest packet.
        untimed: packets in seconds beyond the bound; right once `timeline` was called.
    """

    def __init__(
        self,
        segments: MutableMapping[bytes, Any],
        datagrams: MutableMapping[bytes, Any],
        count_icmp: Callable[[bytes, int], bool],
        on_segment: "OnSegment",  # noqa: ARG002 - for the twin; here the layers cost no more
        most_seconds: int,
    ) -> None:
        """Look flows up in two tables, by key; packets in further seconds than `most_seconds` are `untimed`.

        `count_icmp` is given the destination of an ICMP message and its bytes on the wire, and says whether it
        has taken it. `on_segment` may be given TCP segments that begin or end a flow; see `OnSegment`.
        """
        self.second = 0.0
        self.untimed = 0
        self._segments = segments
        self._datagrams = datagrams
        self._count_icmp = count_icmp
        self._most_seconds = most_seconds
        self._upcoming = 0.0
        self._packets = 0
        self._timeline: dict[int, int] = {}

    def timeline(self) -> list[list[int]]:
        """Return the seconds, in order, each with its number of packets."""
        self._note(self.second, self._packets)
        self._packets = 0
        return [[second, self._timeline[second]] for second in sorted(self._timeline)]

    def tick(self, time: float) -> None:
        """Count a packet that somebody else takes."""
        if not self.second <= time < self._upcoming:
            self._note(self.second, self._packets)
            self.second, self._packets = time // 1, 0
            self._upcoming = self.second + 1
        self._packets += 1

    def _note(self, second: float, packets: int) -> None:
        if second in self._timeline or len(self._timeline) < self._most_seconds:
            if packets:
                self._timeline[int(second)] = self._timeline.get(int(second), 0) + packets
        else:
            self.untimed += packets

    def records(self, data: bytes, position: int, written: Format, link: int, base: int) -> int:  # noqa: ARG002 - as above
        """Take and count pcap records from `position` on, as long as they are whole and can be taken.

        `base` is the offset of `data` in the file. Returns the offset of the first record that is left to somebody
        else, or of the end.
        """
        if link != ETHERNET_LINK:
            return position
        unpack, packet, tick = _RECORD[written.order], self.packet, self.tick
        header, unit, available = written.header, written.unit, len(data)
        while (begin := position + header) <= available:
            seconds, fraction, length, wire = unpack(data, position)
            if (end := begin + length) > available:
                break
            time = seconds + fraction * unit
            if not packet(time, link, data[begin:end], wire):
                break
            if not self.second <= time < self._upcoming:
                tick(time)
            else:
                self._packets += 1
            position = end
        return position

    def blocks(
        self,
        data: bytes,
        position: int,
        order: str,
        interfaces: list[Interface],
        base: int,  # noqa: ARG002 - as above
    ) -> int:
        """Take and count enhanced packet blocks of a pcapng section, in the way of `records`."""
        unpack, trailer, packet, tick = _BLOCK[order], _SIZE[order], self.packet, self.tick
        available = len(data)
        while position + BLOCK_FRAME <= available:
            kind, size, number, high, low, length, wire = unpack(data, position)
            if kind != ENHANCED_PACKET or number >= len(interfaces) or not _is_plain(size, length):
                break
            if (end := position + size) > available or trailer(data, end - 4) != (size,):
                break
            link, _, unit, offset = interfaces[number]
            time = (high << 32 | low) * unit + offset
            begin = position + 28
            if not packet(time, link, data[begin : begin + length], wire):
                break
            tick(time)
            position = end
        return position

    def packet(self, time: float, link: int, data: bytes, length: int) -> bool:
        """Take a packet of a known flow of plain Ethernet, IPv4, and TCP or UDP; False for any other."""
        if len(data) < 48 or link != ETHERNET_LINK:
            return False
        kind, first, total, fragment, protocol, sequence, acknowledged, words, flags = _usual(data)
        if kind != IPV4 or first != 0x45 or fragment & 0x3FFF or (end := 14 + total) > len(data):
            return False
        if protocol == TCP:
            half = self._segments.get(data[26:38])
            start = 34 + (words >> 2 & 0x3C)
            if half is None or flags & 0x17 != 0x10 or start < 54 or start > end:
                return False
            half.acknowledged = acknowledged
        elif protocol == UDP:
            half = self._datagrams.get(data[26:38])
            if half is None or sequence >> 16 != end - 34 or end < 42:
                return False
        else:
            return protocol == ICMP and self._count_icmp(data[30:34], length)
        half.packets += 1
        half.wire_bytes += length
        half.flow.last = time
        if protocol == TCP:
            half.segment(sequence, data, start, end, time)
        elif half.flow.reader is not None:
            half.flow.reader(half, data[42:end], time)
        return True


def _is_plain(size: int, length: int) -> bool:
    """Tell whether an enhanced packet block of this size has room for its packet, and needs no padding."""
    return BLOCK_FRAME + length <= size <= LONGEST_BLOCK and not size % 4
