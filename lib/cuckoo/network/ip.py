"""IPv4 and IPv6 with their extension headers, fragments, and what tunnels IP in IP.

Sources: RFC 791, 8200, 4302, 2784, 2890, 2637, 4213, 4380, 7348, 8926, 2661; 3GPP TS 29.281 (GTP-U);
draft-massar-v6ops-ayiya-02.
"""

from collections.abc import Iterator
from struct import Struct

from lib.cuckoo.network.link import (
    ETHERNET,
    IP_BY_VERSION,
    IP_PROTOCOL,
    IPV4,
    IPV6,
    PPP,
    UNKNOWN,
    WIRELESS,
    Frame,
    Malformed,
)

HOP_OPTIONS, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS, MOBILITY, HIP, SHIM6 = (
    IP_PROTOCOL + number for number in (0, 43, 44, 51, 60, 135, 139, 140)
)
IP_IN_IP, IPV6_IN_IP, GRE = IP_PROTOCOL + 4, IP_PROTOCOL + 41, IP_PROTOCOL + 47

_ipv4 = Struct(">BxHHHxB").unpack_from
_ipv6 = Struct(">IHB").unpack_from
_fragment6 = Struct(">BxHI").unpack_from
_two_shorts = Struct(">HH").unpack_from


class Datagram:
    """The pieces of one datagram, in the order in which they came.

    Attributes:
        size: bytes of all pieces.
        total: bytes of the datagram, None before its last piece.
    """

    __slots__ = ("_covered", "_pieces", "size", "total")

    def __init__(self) -> None:
        self.size = 0
        self.total: int | None = None
        self._pieces: list[tuple[int, bytes]] = []
        self._covered = 0  # a bit for each byte

    def __len__(self) -> int:
        return len(self._pieces)

    def add(self, position: int, piece: bytes, *, last: bool) -> None:
        """Take a piece."""
        self._pieces.append((position, piece))
        self.size += len(piece)
        self._covered |= ((1 << len(piece)) - 1) << position
        if last:
            self.total = position + len(piece)

    def whole(self) -> bytes | None:
        """Return the payload, or None while there is a hole in it."""
        reached = self._covered.bit_length()
        if self.total is None or reached < self.total or self._covered & (self._covered + 1):
            return None
        whole = bytearray(reached)
        for position, piece in reversed(self._pieces):  # so that those which came first lie on top
            whole[position : position + len(piece)] = piece
        return bytes(whole[: self.total])


class Fragments:
    """Puts IP datagrams together; holds at most `maximum` unfinished ones and lets the oldest go first.

    Attributes:
        given_up: datagrams that never became whole, or were let go.
        begun: the first fragments of unfinished datagrams, for whoever wants to read at least those.
        lengths: bytes on the wire of the fragments of unfinished datagrams.
    """

    LONGEST = 0xFFFF
    MOST_PIECES = 1024
    MOST_BYTES = 2 * LONGEST
    """Of one datagram: more repeats itself."""
    MOST_BYTES_TOGETHER = 16 << 20

    def __init__(self, maximum: int = 512) -> None:
        self._maximum = maximum
        self._unfinished: dict[tuple[bytes, int, int], Datagram] = {}
        self._bytes = 0
        self._dropped = 0
        self.begun: dict[tuple[bytes, int, int], Frame] = {}
        self.lengths: dict[tuple[bytes, int, int], int] = {}

    @property
    def given_up(self) -> int:
        """Datagrams of which a part is missing."""
        return self._dropped + len(self._unfinished)

    def __contains__(self, key: tuple[bytes, int, int]) -> bool:
        return key in self._unfinished

    def add(self, key: tuple[bytes, int, int], position: int, piece: bytes, *, last: bool) -> bytes | None:
        """Take a piece; return the whole payload when it is the one that was missing.

        `key` is addresses, protocol and identification. Where pieces overlap, the first to arrive counts.
        """
        if position + len(piece) > self.LONGEST:
            raise Malformed("fragment beyond 65,535 bytes")
        self._make_room(key, len(piece))
        datagram = self._unfinished.setdefault(key, Datagram())
        datagram.add(position, piece, last=last)
        self._bytes += len(piece)
        whole = datagram.whole()
        if whole is not None or len(datagram) > self.MOST_PIECES or datagram.size > self.MOST_BYTES:
            self._forget(key)
            self._dropped += whole is None
        return whole

    def note(self, key: tuple[bytes, int, int], first: Frame | None, length: int) -> None:
        """Note the first fragment of a datagram, and what its fragments took on the wire so far."""
        if key in self._unfinished:
            self.lengths[key] = length
            if first is not None:
                self.begun[key] = first

    def _make_room(self, key: tuple[bytes, int, int], size: int) -> None:
        while self._bytes + size > self.MOST_BYTES_TOGETHER or (
            len(self._unfinished) >= self._maximum and key not in self._unfinished
        ):
            self._forget(next(iter(self._unfinished)))
            self._dropped += 1

    def _forget(self, key: tuple[bytes, int, int]) -> None:
        self._bytes -= self._unfinished.pop(key).size
        self.begun.pop(key, None)
        self.lengths.pop(key, None)


LONGEST_DATAGRAM = 0xFFFF


class InternetProtocol:
    """Reads IP headers; keeps the fragments that wait for the rest of their datagram.

    Attributes:
        oversized: packets that claim more than there was on the wire.
    """

    def __init__(self) -> None:
        self.fragments = Fragments()
        self.oversized = 0

    def version4(self, frame: Frame) -> int:
        """IPv4; a total length of 0 is that of a card that splits the packet later (offload)."""
        data, begin = frame.data, frame.take(20)
        first, total, identification, flags, protocol = _ipv4(data, begin)
        header = (first & 15) * 4
        if first >> 4 != 4 or header < 20:
            raise Malformed("not an IPv4 header")
        frame.take(header - 20)
        if total:
            self._bound(frame, begin + max(total, header))
        frame.addresses = data[begin + 12 : begin + 20]
        if flags & 0x3FFF:
            position = (flags & 0x1FFF) * 8
            return self._reassemble(frame, protocol, identification, position, more=bool(flags & 0x2000))
        return IP_PROTOCOL + int(protocol)

    def version6(self, frame: Frame) -> int:
        """The fixed IPv6 header; a payload length of 0 with options behind it is a jumbogram."""
        data, begin = frame.data, frame.take(40)
        first, length, following = _ipv6(data, begin)
        if first >> 28 != 6:
            raise Malformed("not an IPv6 header")
        if length:
            self._bound(frame, frame.start + length)
        frame.addresses = data[begin + 8 : begin + 40]
        return IP_PROTOCOL + int(following)

    def _bound(self, frame: Frame, end: int) -> None:
        """Set the end of the frame from a length field; what that says beyond the capture is missing.

        What it says beyond the wire never was: no receiver waits for it, so it must hide nothing that comes later.
        """
        beyond = max(end - frame.end, 0)
        frame.missing = min(beyond, frame.cut)
        frame.short = beyond > 0
        frame.end = min(frame.end, end)
        self.oversized += beyond > frame.cut

    def fragment6(self, frame: Frame) -> int:
        """The IPv6 fragment header."""
        following, position, identification = _fragment6(frame.data, frame.take(8))
        if not position & 0xFFF9:
            return IP_PROTOCOL + int(following)
        more = bool(position & 1)
        return self._reassemble(frame, following, identification, position & 0xFFF8, more=more)

    def _reassemble(
        self, frame: Frame, protocol: int, identification: int, position: int, *, more: bool
    ) -> int:
        if frame.short:
            return _cut(protocol, position)
        piece = frame.data[frame.start : frame.end]
        key, fragments = (frame.addresses, protocol, identification), self.fragments
        length = fragments.lengths.get(key, 0) + frame.length
        whole = fragments.add(key, position, piece, last=not more)
        if whole is None:
            if not position:
                _become(frame, piece)
            fragments.note(key, frame if not position else None, length)
            return WAITING
        _become(frame, whole)
        frame.length = length
        return IP_PROTOCOL + protocol

    def leftovers(self) -> Iterator[tuple[int, Frame]]:
        """Yield kind and frame of the first fragments whose rest never came, those found in these among them."""
        begun = self.fragments.begun
        while begun:
            (_, protocol, _) = key = next(iter(begun))
            frame = begun.pop(key)
            frame.missing = max(frame.missing, 1)
            frame.cut = max(frame.cut, LONGEST_DATAGRAM)
            yield IP_PROTOCOL + protocol, frame


def _become(frame: Frame, payload: bytes) -> None:
    """Let a frame hold this and nothing else."""
    frame.data, frame.start, frame.end = payload, 0, len(payload)


WAITING = 0x20010
"""The kind of a fragment that is kept until the rest arrives."""


def _cut(protocol: int, position: int) -> int:
    """Read on in the first fragment at least, when the datagram can never be whole."""
    if position:
        raise Malformed("fragment is cut short")
    return IP_PROTOCOL + protocol


def extension(frame: Frame) -> int:
    """An IPv6 extension header of which only the length matters."""
    begin = frame.take(8)
    frame.take(frame.data[begin + 1] * 8)
    return IP_PROTOCOL + frame.data[begin]


def authentication(frame: Frame) -> int:
    """The IPsec authentication header: protects, but hides nothing."""
    begin = frame.take(12)
    frame.take(max(frame.data[begin + 1] * 4 - 4, 0))
    return IP_PROTOCOL + frame.data[begin]


GRE_KINDS = {0x6558: ETHERNET, 0x880B: PPP}


def gre(frame: Frame) -> int:
    """GRE, version 0 and the enhanced version 1 of PPTP; ERSPAN type II inside."""
    flags, kind = _two_shorts(frame.data, frame.take(4))
    version = flags & 7
    optional = bool(flags & 0xC000) + bool(flags & 0x2000) + bool(flags & 0x1000)
    if version == 1:
        optional += bool(flags & 0x80)
    frame.take(4 * optional)
    return _gre_payload(frame, kind, sequenced=bool(flags & 0x1000))


def _gre_payload(frame: Frame, kind: int, *, sequenced: bool) -> int:
    if kind == 0x88BE:
        frame.take(8 if sequenced else 0)
        return ETHERNET
    if kind == 0x22EB:
        begin = frame.take(12)
        frame.take(8 if frame.data[begin + 11] & 1 else 0)
        return ETHERNET
    return WIRELESS if kind & 0xFF00 == ARUBA else GRE_KINDS.get(kind, kind)


ARUBA = 0x8200
"""Kinds of GRE in which access points of Aruba carry frames of IEEE 802.11; the low byte names a queue."""
TEREDO_PORT, VXLAN_PORTS, GENEVE_PORT, GTP_PORT, L2TP_PORT = 3544, {4789, 8472}, 6081, 2152, 1701
AYIYA_PORT = 5072


def tunnel(frame: Frame, source: int, destination: int) -> int:
    """Return the kind of what a UDP datagram tunnels, with `start` moved there, or UNKNOWN.

    Teredo is known by its port or by holding exactly one IPv6 packet; the others go by their ports.
    """
    ports = {source, destination}
    if TEREDO_PORT in ports or _holds_ipv6(frame):
        return _teredo(frame)
    if destination in VXLAN_PORTS and frame.end - frame.start > 22 and frame.data[frame.start] & 8:
        frame.take(8)
        return ETHERNET
    if destination == GENEVE_PORT:
        return _geneve(frame)
    if GTP_PORT in ports:
        return _gtp(frame)
    if L2TP_PORT in ports:
        return _l2tp(frame)
    return _ayiya(frame) if AYIYA_PORT in ports else UNKNOWN


def _holds_ipv6(frame: Frame) -> bool:
    data, start, end = frame.data, frame.start, frame.end
    if end - start < 40 or data[start] >> 4 != 6:
        return False
    _, length, following = _ipv6(data, start)
    teredo = (
        data[start + 8 : start + 12] == b"\x20\x01\0\0" or data[start + 24 : start + 28] == b"\x20\x01\0\0"
    )
    return teredo and length + 40 == end - start and following in {6, 17, 58, 59}


def _teredo(frame: Frame) -> int:
    """Skip the authentication and origin indications of RFC 4380, section 5.1.1."""
    data, start = frame.data, frame.start
    if data[start : start + 2] == b"\0\1" and start + 4 <= frame.end:
        start += 13 + data[start + 2] + data[start + 3]
    if data[start : start + 2] == b"\0\0":
        start += 8
    if start + 40 > frame.end or data[start] >> 4 != 6:
        return UNKNOWN
    frame.start = start
    return IPV6


def _geneve(frame: Frame) -> int:
    data, start = frame.data, frame.start
    if frame.end - start < 8 or data[start] >> 6:
        return UNKNOWN
    frame.take(min(8 + (data[start] & 0x3F) * 4, frame.end - start))
    kind = int.from_bytes(data[start + 2 : start + 4], "big")
    return ETHERNET if kind == 0x6558 else kind


def _gtp(frame: Frame) -> int:
    """GTP-U version 1, a G-PDU with its optional fields."""
    data, start = frame.data, frame.start
    if frame.end - start < 12 or data[start] >> 4 != 3 or data[start + 1] != 0xFF:
        return UNKNOWN
    start += 8
    if data[frame.start] & 7:
        following, start = data[start + 3], start + 4
        while following and start < frame.end and data[start]:
            start += data[start] * 4
            following = data[min(start, frame.end) - 1]
    if start >= frame.end:
        return UNKNOWN
    frame.start = start
    return IP_BY_VERSION


def _ayiya(frame: Frame) -> int:
    """AYIYA: a packet behind identity and signature (draft-massar-v6ops-ayiya-02)."""
    data, start = frame.data, frame.start
    if frame.end - start < 8 or data[start + 2] & 15 != AYIYA_FORWARD:
        return UNKNOWN
    start += 8 + (1 << (data[start] >> 4)) + (data[start + 1] >> 4) * 4
    kind = AYIYA_KINDS.get(data[frame.start + 3], UNKNOWN)
    if start >= frame.end or kind == UNKNOWN:
        return UNKNOWN
    frame.start = start
    return kind


AYIYA_FORWARD = 1
AYIYA_KINDS = {4: IPV4, 41: IPV6}


def _l2tp(frame: Frame) -> int:
    """L2TP version 2, a data message with its optional fields (RFC 2661)."""
    data, start = frame.data, frame.start
    if frame.end - start < 8 or data[start] & 0x80 or data[start + 1] & 15 != 2:
        return UNKNOWN
    flags = data[start]
    size = 6 + (2 if flags & 0x40 else 0) + (4 if flags & 8 else 0)
    if flags & 2:
        size += 2 + int.from_bytes(data[start + size : start + size + 2], "big")
    if start + size >= frame.end:
        return UNKNOWN
    frame.start = start + size
    return PPP
