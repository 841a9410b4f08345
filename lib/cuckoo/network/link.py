"""Link layers: from the bytes of a packet to the network protocol they carry.

Sources: IEEE 802.1Q/802.1ad, 802.2, 802.11; RFC 894, 1042, 1331, 2516, 3032; the link-type pages of tcpdump.

Each function here takes a `Frame`, moves its `start` behind one header and returns the kind of what follows: an
EtherType, or one of the numbers below that is none. A header cut short raises `Malformed`.
"""

from collections.abc import Callable, Iterator
from struct import Struct

Layer = Callable[["Frame"], int]

IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806
IP_PROTOCOL = 0x10000
"""Added to an IP protocol number, so that one number says what follows in any layer."""
ETHERNET, PPP, LLC, IP_BY_VERSION, UNKNOWN = 0x20000, 0x20001, 0x20002, 0x20003, 0x20004
WIRELESS, AGGREGATE = 0x20005, 0x20006
MOST_SUBFRAMES = 64
"""Frames read of one aggregate."""
LONGEST_ETHERNET_LENGTH = 1500


class Malformed(ValueError):  # noqa: N818 - reads as what it says: the packet is malformed
    """A header that is cut short or contradicts itself; the message is a kind that can be counted."""


class Frame:
    """A packet on its way up: the layer at hand is `data[start:end]`.

    Attributes:
        missing: payload bytes that were on the wire but not captured (snap length).
        addresses: source and destination of the innermost IP header so far, as in the packet (8 or 32 bytes).
    """

    __slots__ = ("addresses", "data", "end", "length", "missing", "offset", "start", "time")

    def __init__(self, time: float, data: bytes, length: int, offset: int) -> None:
        self.time = time
        self.data = data
        self.length = length
        self.offset = offset
        self.start = 0
        self.end = len(data)
        self.missing = max(length - len(data), 0)
        self.addresses = b""

    def take(self, size: int) -> int:
        """Move `start` over a header of `size` bytes and return where it begins."""
        begin = self.start
        if begin + size > self.end:
            raise Malformed("header is cut short")
        self.start = begin + size
        return begin


_two = Struct(">H").unpack_from
_four = Struct(">I").unpack_from
_little = Struct("<I").unpack_from
_little_two = Struct("<H").unpack_from


def ethernet(frame: Frame) -> int:
    """Ethernet II, or 802.3 with LLC when the type is a length."""
    begin = frame.take(14)
    (kind,) = _two(frame.data, begin + 12)
    return LLC if kind <= LONGEST_ETHERNET_LENGTH else kind


def vlan(frame: Frame) -> int:
    """One 802.1Q or 802.1ad tag; further tags come as the kind that follows."""
    begin = frame.take(4)
    (kind,) = _two(frame.data, begin + 2)
    return LLC if kind <= LONGEST_ETHERNET_LENGTH else kind


def llc(frame: Frame) -> int:
    """IEEE 802.2, with SNAP where present; the old raw-802.2 IP access point too."""
    data, begin = frame.data, frame.take(3)
    if data[begin] == 0xAA and data[begin + 1] == 0xAA:
        frame.take(5)
        return int(_two(data, begin + 6)[0])
    return IPV4 if data[begin] == data[begin + 1] == 0x06 else UNKNOWN


def mpls(frame: Frame) -> int:
    """The label stack; what it carries is not said, so the first nibble decides."""
    while not frame.data[frame.take(4) + 2] & 1:
        pass
    return _nibble(frame, ETHERNET)


def ip_by_version(frame: Frame) -> int:
    """Raw IP: the version is in the first nibble."""
    return _nibble(frame, UNKNOWN)


def _nibble(frame: Frame, otherwise: int) -> int:
    if frame.start >= frame.end:
        raise Malformed("header is cut short")
    version = frame.data[frame.start] >> 4
    if version == 0 and otherwise == ETHERNET:
        frame.take(4)  # a pseudowire's control word
    return {4: IPV4, 6: IPV6}.get(version, otherwise)


def bridge_tag(frame: Frame) -> int:
    """An 802.1BR E-tag."""
    begin = frame.take(8)
    return int(_two(frame.data, begin + 6)[0])


def service_header(frame: Frame) -> int:
    """A network service header (RFC 8300)."""
    data, begin = frame.data, frame.take(4)
    frame.take(max((data[begin + 1] & 0x3F) * 4 - 4, 0))
    return {1: IPV4, 2: IPV6, 3: ETHERNET}.get(data[begin + 3], UNKNOWN)


def macsec(frame: Frame) -> int:
    """An 802.1AE tag; readable when it only protects from change."""
    data, begin = frame.data, frame.take(6)
    if data[begin] & 0x0C:
        return UNKNOWN
    if data[begin] & 0x20:
        frame.take(8)
    short = data[begin + 1] & 0x3F
    frame.end = min(frame.start + short, frame.end) if short else frame.end - 16
    return int(_two(data, frame.take(2))[0])


PPP_PROTOCOLS = {0x21: IPV4, 0x57: IPV6, 0x281: 0x8847}


def ppp(frame: Frame) -> int:
    """PPP with or without the HDLC address, with a protocol field of one or two bytes."""
    data, begin = frame.data, frame.take(2)
    if data[begin] in {0xFF, 0x0F, 0x8F} and data[begin + 1] in {0x03, 0x00}:
        begin = frame.take(2)
        if data[begin - 2] != 0xFF:
            return int(_two(data, begin)[0])  # Cisco HDLC carries an EtherType
    if data[begin] & 1:
        frame.start -= 1
        return PPP_PROTOCOLS.get(data[begin], UNKNOWN)
    return PPP_PROTOCOLS.get(int(_two(data, begin)[0]), UNKNOWN)


def pppoe(frame: Frame) -> int:
    """A PPPoE session header; PPP without the HDLC address follows."""
    frame.take(6)
    return PPP


def cooked(frame: Frame) -> int:
    """Linux cooked capture, version 1."""
    begin = frame.take(16)
    return _cooked_kind(*_two(frame.data, begin + 14))


def _cooked_kind(kind: int) -> int:
    return {1: UNKNOWN, 4: LLC}.get(kind, kind)


def cooked2(frame: Frame) -> int:
    """Linux cooked capture, version 2."""
    begin = frame.take(20)
    return _cooked_kind(*_two(frame.data, begin))


FAMILIES = {2: IPV4, 10: IPV6, 24: IPV6, 28: IPV6, 30: IPV6}
"""Address families of the systems that write these captures; 10, 24, 28 and 30 are all IPv6 somewhere."""


def loopback(frame: Frame) -> int:
    """BSD null/loopback: an address family in the byte order of the machine that captured."""
    begin = frame.take(4)
    (family,) = _little(frame.data, begin)
    if family > 0xFFFF:
        (family,) = _four(frame.data, begin)
    return FAMILIES.get(family, UNKNOWN)


def radiotap(frame: Frame) -> int:
    """IEEE 802.11 behind a radiotap header."""
    if frame.start + 4 > frame.end:
        raise Malformed("header is cut short")
    (length,) = _little_two(frame.data, frame.start + 2)
    begin = frame.take(max(length, 8))
    return wireless(frame, padded=bool(_radiotap_flags(frame.data[begin : frame.start]) & 0x20))


def _radiotap_flags(header: bytes) -> int:
    """Return the Flags of a radiotap header, the second of its fields; 0 without them."""
    present = int.from_bytes(header[4:8], "little")
    at = 8
    while header[at - 1] & 0x80 and at + 4 <= len(header):
        at += 4
    if present & 1:
        at += -at % 8 + 8  # the time stamp is before them
    return header[at] if present & 2 and at < len(header) else 0


def wireless(frame: Frame, *, padded: bool = False) -> int:
    """An IEEE 802.11 data frame in the clear; other frames and protected ones carry nothing for us.

    A card may have `padded` the header to a multiple of four bytes.
    """
    data, begin = frame.data, frame.take(24)
    control, flags = data[begin], data[begin + 1]
    if control & 0x0C != 0x08 or control & 0x40 or flags & 0x40:
        return UNKNOWN
    if flags & 3 == 3:
        frame.take(6)
    quality = frame.take(6 if flags & 0x80 else 2) if control & 0x80 else 0
    if padded:
        frame.take(-(frame.start - begin) % 4)
    return AGGREGATE if quality and data[quality] & 0x80 else LLC


def subframes(frame: Frame) -> Iterator[Frame]:
    """Yield what an aggregate of IEEE 802.11 (A-MSDU) carries: LLC behind two addresses and a length."""
    at = frame.start
    for count in range(MOST_SUBFRAMES):
        if at + 14 > frame.end:
            if not count:
                raise Malformed("header is cut short")
            return
        size = 14 + int(_two(frame.data, at + 12)[0])
        inner = Frame(frame.time, frame.data, size, frame.offset)
        inner.start, inner.end = at + 14, min(at + size, frame.end)
        inner.missing = at + size - inner.end
        yield inner
        at += size + -size % 4


def slip(frame: Frame) -> int:
    """SLIP with the 16-byte header that BSD captures put in front."""
    frame.take(16)
    return IP_BY_VERSION


def fddi(frame: Frame) -> int:
    """FDDI: frame control, two addresses, then LLC."""
    frame.take(13)
    return LLC


def token_ring(frame: Frame) -> int:
    """Token Ring with its optional routing field."""
    data, begin = frame.data, frame.take(14)
    if data[begin + 8] & 0x80:
        routing = frame.take(2)
        frame.take(max((data[routing] & 0x1F) - 2, 0))
    return LLC


def arcnet(frame: Frame) -> int:
    """ARCNET as Linux captures it; the protocol numbers are those of RFC 1201, and of RFC 1051 before."""
    data, begin = frame.data, frame.take(5)
    if data[begin + 4] in {0xD4, 0xD5, 0xC4}:
        frame.take(3)
    return {0xD4: IPV4, 0xF0: IPV4, 0xC4: IPV6, 0xD5: ARP, 0xF1: ARP}.get(data[begin + 4], UNKNOWN)


def infiniband(frame: Frame) -> int:
    """IP over InfiniBand: a 40-byte pseudo header, then an EtherType and two reserved bytes."""
    begin = frame.take(44)
    return int(_two(frame.data, begin + 40)[0])


def pktap(frame: Frame) -> int:
    """Apple's per-process tap: its header says the link type of what follows."""
    data, begin = frame.data, frame.take(12)
    length, _, link = (_little(data, begin + at)[0] for at in (0, 4, 8))
    frame.take(max(length - 12, 0))
    inner = LINKS.get(link)
    return UNKNOWN if inner is None or inner is pktap else inner(frame)


def nflog(frame: Frame) -> int:
    """Linux netfilter log: attributes, of which number 9 is the packet."""
    data, begin = frame.data, frame.take(4)
    while True:
        at = frame.take(4)
        (size,), (kind,) = _little_two(data, at), _little_two(data, at + 2)
        if kind & 0x7FFF == 9:
            return FAMILIES.get(data[begin], UNKNOWN)
        frame.take(max(size - 4, 0) + -size % 4)


LINKS: dict[int, Layer] = {
    0: loopback,
    1: ethernet,
    6: token_ring,
    8: slip,
    9: ppp,
    10: fddi,
    12: ip_by_version,
    14: ip_by_version,
    50: ppp,
    51: pppoe,
    101: ip_by_version,
    104: ppp,
    105: wireless,
    108: loopback,
    113: cooked,
    127: radiotap,
    129: arcnet,
    228: ip_by_version,
    229: ip_by_version,
    239: nflog,
    242: infiniband,
    258: pktap,
    276: cooked2,
}
"""Link type number of the capture to the function that reads it."""

LINK_NAMES = {
    2: "EXP_ETHERNET", 3: "AX25", 7: "ARCNET_BSD", 100: "ATM_RFC1483", 107: "FRELAY", 117: "PFLOG",
    119: "IEEE802_11_PRISM", 143: "DOCSIS", 147: "USER0", 163: "IEEE802_11_AVS", 187: "BLUETOOTH_HCI_H4",
    189: "USB_LINUX", 192: "PPI", 195: "IEEE802_15_4_WITHFCS", 201: "BLUETOOTH_HCI_H4_WITH_PHDR",
    220: "USB_LINUX_MMAPPED", 227: "CAN_SOCKETCAN", 249: "USBPCAP", 252: "WIRESHARK_UPPER_PDU",
}  # fmt: skip
"""Names of link types that are met but carry no IP that is read here, for messages."""


def link_name(link: int) -> str:
    """Name a link type for a message."""
    return f"link type {link} ({LINK_NAMES[link]})" if link in LINK_NAMES else f"link type {link}"
