"""One pass over a capture: packets to flows, flows to conversations, records to sections."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from struct import Struct

from lib.cuckoo.common.allowlist import AllowList
from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.network import ip, link
from lib.cuckoo.network.capture import Capture
from lib.cuckoo.network.conversation import CLIENT, Context, Conversation, Record
from lib.cuckoo.network.detect import Detecting, Place
from lib.cuckoo.network.dns import DnsOverTcp, looks_like_dns
from lib.cuckoo.network.dns import Malformed as NoDns
from lib.cuckoo.network.doh import DnsOverHttps
from lib.cuckoo.network.dtls import Dtls, is_dtls, is_stun
from lib.cuckoo.network.flows import address_text, endpoints, ports
from lib.cuckoo.network.gquic import Gquic, is_gquic
from lib.cuckoo.network.icmp import icmp
from lib.cuckoo.network.link import IP_PROTOCOL, IPV4, Frame
from lib.cuckoo.network.questions import family_of
from lib.cuckoo.network.quic import Quic, is_quic
from lib.cuckoo.network.reader import Direction, active
from lib.cuckoo.network.sections import MOST_SECONDS, Locate, Sections
from lib.cuckoo.network.tcp import ACK, FIN, RST, SYN, Connection, Connections, Limits, after_control, control
from lib.cuckoo.network.udp import Exchange, Exchanges

TCP, UDP, ICMP, ICMP6 = (IP_PROTOCOL + number for number in (6, 17, 1, 58))
MOST_LAYERS = 64
MOST_TUNNELS = 4
MOST_PROBLEMS = 1000
"""Kinds of problems; link types that are not known are kinds."""
SNIFFED_DATAGRAMS = 4
"""Datagrams of a flow on unusual ports that are looked at before it counts as unknown."""

CONNECTIONS: tuple[tuple[Callable[[bytes], bool], str, Callable[[Context], Conversation]], ...] = (
    (is_quic, "quic", Quic),
    (is_gquic, "quic", Gquic),
    (is_dtls, "dtls", Dtls),
)
"""Protocols over UDP that have connections: what knows a first datagram, the name, what reads the flow."""

DONE = -1
"""The kind of what follows when nothing does: the packet was taken."""

_tcp = Struct(">HHIIBB").unpack_from
_two = Struct(">H").unpack_from


@dataclass
class Settings:
    """What the user decides.

    Attributes:
        maximum: entries of each list.
        record_bytes: memory for what was said in all protocols together; a quarter of it is for answers of
            name services.
        flows: flows followed at a time, TCP and UDP each.
        waiting_bytes: TCP bytes that wait for missing ones.
    """

    context: Context = field(default_factory=Context)
    allowed: AllowList = field(default_factory=AllowList)
    maximum: int = 10_000
    record_bytes: int = 80 << 20
    flows: int = 50_000
    waiting_bytes: int = 64 << 20
    private_hosts: bool = False


class Analysis:
    """Reads one capture; `run` does it all.

    Attributes:
        problems: what could not be read, by kind.
    """

    def __init__(self, capture: Capture, settings: Settings) -> None:
        self.problems: Counter[str] = Counter()
        self._capture = capture
        capture.on_secrets = settings.context.secrets.read
        self._over_https = DnsOverHttps(settings.context.save)
        self._context = replace(settings.context, save=self._over_https.save)
        self._sections = Sections(
            settings.maximum, settings.record_bytes, settings.allowed, private_hosts=settings.private_hosts
        )
        limits = Limits(settings.flows, settings.waiting_bytes)
        self._tcp = Connections(limits, self._open_tcp, self._record, self._end_tcp)
        self._udp = Exchanges(settings.flows, self._open_udp, self._end_udp)
        self._layers = self._make_layers()
        self._walk = capture.walk = active().Walk(
            self._tcp.halves, self._udp.halves, self._sections.count_icmp, self._plain_segment, MOST_SECONDS
        )
        self._depth = 0

    def _make_layers(self) -> dict[int, Callable[[Frame], int]]:
        self._ip = ip.InternetProtocol()
        layers: dict[int, Callable[[Frame], int]] = {
            IPV4: self._ip.version4,
            link.IPV6: self._ip.version6,
            ip.FRAGMENT: self._ip.fragment6,
            ip.AUTHENTICATION: ip.authentication,
            ip.GRE: ip.gre,
            ip.IP_IN_IP: lambda _: IPV4,
            ip.IPV6_IN_IP: lambda _: link.IPV6,
            link.ETHERNET: link.ethernet,
            link.PPP: link.ppp,
            link.LLC: link.llc,
            link.WIRELESS: link.wireless,
            link.AGGREGATE: self._aggregate,
            link.IP_BY_VERSION: link.ip_by_version,
            0x8864: link.pppoe,
            0x893F: link.bridge_tag,
            0x894F: link.service_header,
            0x88E5: link.macsec,
            TCP: self._segment,
            UDP: self._datagram,
            ICMP: self._icmp,
            ICMP6: self._icmp,
        }
        layers |= dict.fromkeys((0x8100, 0x88A8, 0x9100, 0x9200), link.vlan)
        layers |= dict.fromkeys((0x8847, 0x8848), link.mpls)
        extensions = (ip.HOP_OPTIONS, ip.ROUTING, ip.DESTINATION_OPTIONS, ip.MOBILITY, ip.HIP, ip.SHIM6)
        return layers | dict.fromkeys(extensions, ip.extension)

    def run(self, locate: Locate = lambda _: {}) -> Record:
        """Read the capture to its end and return the sections.

        Raises:
            CuckooProcessingError: the capture cannot be read, or its link type is not known.
        """
        _refuse_unknown(self._capture.link_types)
        walk = self._walk
        for time, kind, data, length, offset in self._capture:
            walk.tick(time)
            if not walk.packet(time, kind, data, length):
                self._slow(kind, Frame(time, data, length, offset))
        _refuse_unknown(self._capture.link_types)
        return self._finish(locate)

    def _slow(self, kind: int, frame: Frame) -> None:
        """Take any packet, layer by layer; one that is malformed is counted."""
        if self._sections.start is None:
            self._sections.start = frame.time
        reader = link.LINKS.get(kind)
        if reader is None:
            problem = f"unknown {link.link_name(kind)}"
            known = problem in self.problems or len(self.problems) < MOST_PROBLEMS
            self.problems[problem if known else "unknown link types"] += 1
            return
        try:
            self._climb(reader(frame), frame)
        except link.Malformed as error:
            self.problems[str(error)] += 1

    def _begun(self) -> None:
        """Read the first fragments of datagrams that did not become whole."""
        for kind, frame in self._ip.leftovers():
            try:
                self._climb(kind, frame)
            except link.Malformed as error:
                self.problems[str(error)] += 1

    def _climb(self, kind: int, frame: Frame) -> None:
        layers = self._layers
        for _ in range(MOST_LAYERS):
            layer = layers.get(kind)
            if layer is None:
                if kind not in {DONE, ip.WAITING}:
                    self._sections.count(_protocol_name(kind), 1, frame.length)
                return
            kind = layer(frame)
        raise link.Malformed("too many layers")

    def _plain_segment(
        self, time: float, data: bytes, length: int, offset: int, addresses: int, start: int, end: int
    ) -> None:
        """Take a segment whose lower layers the walk has read; see `pure.OnSegment`."""
        if self._sections.start is None:
            self._sections.start = time
        frame = Frame(time, data, length, offset)
        frame.start, frame.end, frame.missing = start, end, 0
        frame.addresses = data[addresses:start]
        self._segment(frame)

    def _segment(self, frame: Frame) -> int:
        """TCP: find the connection, note the flags, pass the payload on."""
        begin = frame.take(20)
        _, _, sequence, acknowledged, words, flags = _tcp(frame.data, begin)
        header = words >> 4 << 2
        if header < 20:
            raise link.Malformed("TCP header shorter than 20 bytes")
        _skip_options(frame, header - 20)
        key = frame.addresses + frame.data[begin : begin + 4]
        half = self._tcp.half(key, flags, sequence, frame.time, frame.offset)
        half.packets += 1
        half.wire_bytes += frame.length
        half.acknowledged = acknowledged if flags & ACK else half.acknowledged
        size = frame.end - frame.start
        if flags & (SYN | FIN | RST):
            sequence = control(half, flags, sequence, size + frame.missing)
        if size + frame.missing and not flags & RST:
            half.arrange(sequence, frame.data[frame.start : frame.end], frame.missing, frame.time)
        after_control(half, flags)
        return DONE

    def _datagram(self, frame: Frame) -> int:
        """UDP: find the flow, hand the payload to its reader."""
        begin = frame.take(8)
        (size,) = _two(frame.data, begin + 4)
        if size >= 8:
            frame.end = min(frame.end, begin + size)
        key = frame.addresses + frame.data[begin : begin + 4]
        side = self._udp.side(key, frame.time, frame.offset)
        side.packets += 1
        side.wire_bytes += frame.length
        if side.flow.reader is not None:
            side.flow.reader(side, frame.data[frame.start : frame.end], frame.time)
        return DONE

    def _icmp(self, frame: Frame) -> int:
        self._sections.count("icmp" if len(frame.addresses) == 8 else "icmpv6", 1, frame.length)
        self._sections.icmp(address_text(frame.addresses[len(frame.addresses) // 2 :]), partial(icmp, frame))
        return DONE

    def _open_tcp(self, connection: Connection) -> Conversation | None:
        ends = endpoints(connection.halves[CLIENT].key)
        if 53 in {ends.sport, ends.dport}:
            return DnsOverTcp(self._context)
        return Detecting(Place(self._context, (ends.sport, ends.dport), ends.dst, ends.src))

    def _record(self, connection: Connection, record: Record) -> None:
        if record["protocol"] == "dns":
            self._dns("dns", connection.halves[CLIENT].key, record["message"], record["time"])
            connection.protocol = "dns"
            return
        if record["protocol"] in {"http_ex", "https_ex"}:
            for told in self._over_https.messages(record):
                self._dns("dns", connection.halves[CLIENT].key, told.message, told.time)
        self._sections.record(connection, record)

    def _end_tcp(self, connection: Connection) -> None:
        self._sections.connection(connection)
        if connection.unread:
            self.problems["TCP data behind the end of a connection"] += 1
        # they know it too, and what refers to itself is freed late, by the collector
        del connection.halves

    def _open_udp(self, flow: Exchange) -> None:
        flow.protocol = family_of(*ports(flow.halves[CLIENT].key)) or ""
        flow.reader = self._named if flow.protocol else self._sniff

    def _named(self, side: Direction, payload: bytes, time: float) -> None:
        """Read a datagram of a name service."""
        flow = side.flow
        if not self._sections.questions.repeats(flow.protocol, payload):
            self._dns(flow.protocol, flow.halves[CLIENT].key, payload, time)

    def _dns(self, family: str, flow: bytes, payload: bytes, time: float) -> None:
        try:
            whole = self._sections.questions.add(family, flow, payload, time)
        except NoDns:
            whole = False
        if not whole:
            self.problems["malformed DNS message"] += 1

    def _sniff(self, side: Direction, payload: bytes, time: float) -> None:
        """Look at the first datagrams of a flow on unusual ports for a protocol or a tunnel."""
        flow = side.flow
        known = next((known for known in CONNECTIONS if known[0](payload)), None)
        if known is not None:
            flow.protocol, flow.reader, flow.state = known[1], self._stated, known[2](self._context)
            self._stated(side, payload, time)
        elif is_stun(payload):
            flow.protocol = "stun"
        elif self._tunnel(side, payload, time):
            flow.protocol, flow.reader = "tunnel", self._tunnelled
        elif looks_like_dns(payload):
            flow.protocol, flow.reader = "dns", self._named
            self._named(side, payload, time)
        elif flow.halves[0].packets + flow.halves[1].packets > SNIFFED_DATAGRAMS:
            flow.reader = None

    def _stated(self, side: Direction, payload: bytes, time: float) -> None:
        """Give a datagram to what reads this flow."""
        side.flow.state.data(side.side, payload, time)

    def _end_udp(self, flow: Exchange) -> None:
        if flow.state is not None:
            flow.state.close()
            for record in flow.state.records:
                self._sections.found(endpoints(flow.halves[CLIENT ^ flow.state.swapped].key), record)
        self._sections.exchange(flow)

    def _aggregate(self, frame: Frame) -> int:
        """Take the packets of one frame."""
        if self._depth >= MOST_TUNNELS:
            return link.UNKNOWN
        self._depth += 1
        try:
            for inner in link.subframes(frame):
                self._subframe(inner)
        finally:
            self._depth -= 1
        return DONE

    def _subframe(self, frame: Frame) -> None:
        try:
            self._climb(link.LLC, frame)
        except link.Malformed as error:
            self.problems[str(error)] += 1

    def _tunnelled(self, side: Direction, payload: bytes, time: float) -> None:
        self._tunnel(side, payload, time)

    def _tunnel(self, side: Direction, payload: bytes, time: float) -> bool:
        """Take the packet inside a datagram, if there is one."""
        frame = Frame(time, payload, len(payload), side.flow.offset)
        frame.cut = ip.LONGEST_DATAGRAM  # whether the datagram around it was captured whole is not known here
        self._depth += 1
        try:
            kind = ip.tunnel(frame, *ports(side.key))
            if kind == link.UNKNOWN or self._depth > MOST_TUNNELS:
                return False
            self._climb(kind, frame)
        except link.Malformed as error:
            self.problems[str(error)] += 1
        finally:
            self._depth -= 1
        return True

    def _finish(self, locate: Locate) -> Record:
        self._begun()
        self._tcp.end()
        self._udp.end()
        found = self._sections.result(locate)
        self.problems.update(self._capture.problems)
        if self._ip.fragments.given_up:
            self.problems["datagrams with missing fragments"] += self._ip.fragments.given_up
        if self._ip.oversized:
            self.problems["IP length beyond the packet"] += self._ip.oversized
        found["timeline"] = self._walk.timeline()
        let_go = {
            "secrets": self._context.secrets.dropped,
            "tcp_flows": self._tcp.let_go, "udp_flows": self._udp.let_go,
            "tcp_conversations": self._tcp.silenced, "waiting": self._context.held.refused,
            "timeline": self._walk.untimed,
        }  # fmt: skip
        found["truncated"] = {
            **self._sections.truncated,
            **{name: count for name, count in let_go.items() if count},
        }
        found["problems"] = dict(self.problems)
        return found


def _skip_options(frame: Frame, size: int) -> None:
    """Move over TCP options; where the snap length cut them, what is missing of the payload is corrected."""
    cut = frame.start + size - frame.end
    if 0 < cut <= frame.missing:
        frame.missing -= cut
        frame.start = frame.end
    else:
        frame.take(size)


PROTOCOL_NAMES = {
    link.ARP: "arp", 0x8035: "rarp", 0x88CC: "lldp", 0x888E: "eapol", 0x9000: "loopback", 0x8863: "pppoe",
    IP_PROTOCOL + 2: "igmp", IP_PROTOCOL + 46: "rsvp", IP_PROTOCOL + 50: "esp", IP_PROTOCOL + 59: "ipv6",
    IP_PROTOCOL + 88: "eigrp", IP_PROTOCOL + 89: "ospf", IP_PROTOCOL + 103: "pim", IP_PROTOCOL + 112: "vrrp",
    IP_PROTOCOL + 132: "sctp", IP_PROTOCOL + 136: "udplite", link.UNKNOWN: "other",
}  # fmt: skip


def _protocol_name(kind: int) -> str:
    """Name what is not read further."""
    if kind in PROTOCOL_NAMES:
        return PROTOCOL_NAMES[kind]
    return f"ip protocol {kind - IP_PROTOCOL}" if kind >= IP_PROTOCOL else f"ethertype 0x{kind:04x}"


def _refuse_unknown(declared: list[int]) -> None:
    """Raise when not one of the link types is known."""
    if declared and not any(each in link.LINKS for each in declared):
        raise CuckooProcessingError(f"cannot read packets of {link.link_name(declared[0])}")
