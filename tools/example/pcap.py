"""Write packet captures: Ethernet, IPv4, UDP and TCP with right checksums, in the classic pcap format.

Conversations are written as they would be seen beside the client. Time is given in seconds since 1970; every
packet moves a conversation on by a few milliseconds::

    capture = PcapWriter(guest=Host("192.168.56.101", "08:00:27:1a:2b:3c"), router_mac="0a:00:27:00:00:00")
    capture.exchange(at=1.0, server=("192.168.56.1", 53), port=51234, query=b"…", answer=b"…")
    with capture.connect(at=1.1, server=("192.0.2.44", 80), port=49201) as flow:
        flow.send(b"GET / HTTP/1.1…")
        flow.receive(b"HTTP/1.1 200 OK…")
    Path("dump.pcap").write_bytes(capture.contents())
"""

import ipaddress
import struct
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
Endpoint = tuple[str, int]

_SEGMENT_SIZE = 1460
_TCP, _UDP = 6, 17
_SYN_OPTIONS = bytes.fromhex("020405b40103030801010402")
"""Maximum segment size 1460, window scale 8, selective acknowledgements."""


@dataclass(frozen=True)
class Host:
    """A machine on the local network."""

    ip: str
    mac: str


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed_ip(address: str) -> bytes:
    """The four bytes of an IPv4 address."""
    return ipaddress.IPv4Address(address).packed


def ipv4(source: str, target: str, protocol: int, payload: bytes, identifier: int) -> bytes:
    """An IPv4 packet that must not be fragmented."""
    addresses = packed_ip(source) + packed_ip(target)
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(payload), identifier, 0x4000, 128, protocol)
    return head + struct.pack("!H", checksum(head + b"\0\0" + addresses)) + addresses + payload


def udp(source: Endpoint, target: Endpoint, payload: bytes) -> bytes:
    """A UDP datagram."""
    head = struct.pack("!HHH", source[1], target[1], 8 + len(payload))
    total = _transport_checksum(source[0], target[0], _UDP, head + b"\0\0" + payload)
    return head + struct.pack("!H", total or 0xFFFF) + payload


def tcp(
    source: Endpoint, target: Endpoint, sequence: int, acknowledged: int, flags: int, payload: bytes = b""
) -> bytes:
    """A TCP segment; one that opens a connection carries the usual options."""
    options = _SYN_OPTIONS if flags & SYN else b""
    offset = (20 + len(options)) // 4 << 4
    window = 0xFAF0 if flags & SYN else 0x0200
    head = struct.pack("!HHIIBBH", source[1], target[1], sequence, acknowledged, offset, flags, window)
    rest = b"\0\0" + options + payload
    total = _transport_checksum(source[0], target[0], _TCP, head + b"\0\0" + rest)
    return head + struct.pack("!H", total) + rest


def _transport_checksum(source: str, target: str, protocol: int, segment: bytes) -> int:
    pseudo = packed_ip(source) + packed_ip(target) + struct.pack("!BBH", 0, protocol, len(segment))
    return checksum(pseudo + segment)


@dataclass
class PcapWriter:
    """A capture of one guest's traffic; everything else is behind one router."""

    guest: Host
    router_mac: str
    _packets: list[tuple[int, int, bytes]] = field(default_factory=list, init=False)

    def contents(self) -> bytes:
        """The whole file, packets in order of time."""
        head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 1)
        return head + b"".join(_record(moment, frame) for moment, _, frame in sorted(self._packets))

    def add(self, at: float, frame: bytes) -> None:
        """Add an Ethernet frame as it is."""
        self._packets.append((round(at * 1_000_000), len(self._packets), frame))

    def sent(self, at: float, server: str, protocol: int, payload: bytes) -> None:
        """Add a packet from the guest."""
        packet = ipv4(self.guest.ip, server, protocol, payload, self._identifier())
        self.add(at, _ethernet(self.guest.mac, self.router_mac, packet))

    def received(self, at: float, server: str, protocol: int, payload: bytes) -> None:
        """Add a packet to the guest."""
        packet = ipv4(server, self.guest.ip, protocol, payload, self._identifier())
        self.add(at, _ethernet(self.router_mac, self.guest.mac, packet))

    def exchange(
        self, *, at: float, server: Endpoint, port: int, query: bytes, answer: bytes | None = None
    ) -> None:
        """Add a UDP question of the guest and its answer, if there is one, 18 ms later."""
        guest = (self.guest.ip, port)
        self.sent(at, server[0], _UDP, udp(guest, server, query))
        if answer is not None:
            self.received(at + 0.018, server[0], _UDP, udp(server, guest, answer))

    def connect(self, *, at: float, server: Endpoint, port: int) -> "Conversation":
        """Open a TCP connection, which is closed at the end of the `with` block."""
        return Conversation(self, (self.guest.ip, port), server, at)

    def knock(self, *, at: float, server: Endpoint, port: int, delays: tuple[float, ...] = (0, 3, 9)) -> None:
        """Add the attempts to open a connection that nobody answers, `delays` seconds after the first."""
        guest = (self.guest.ip, port)
        for delay in delays:
            self.sent(at + delay, server[0], _TCP, tcp(guest, server, _first_sequence(guest, server), 0, SYN))

    def _identifier(self) -> int:
        return (0x1000 + len(self._packets)) & 0xFFFF


def _ethernet(source: str, target: str, packet: bytes) -> bytes:
    macs = bytes.fromhex(target.replace(":", "")) + bytes.fromhex(source.replace(":", ""))
    return (macs + b"\x08\x00" + packet).ljust(60, b"\0")


def _record(moment: int, frame: bytes) -> bytes:
    seconds, micros = divmod(moment, 1_000_000)
    return struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame


def _first_sequence(source: Endpoint, target: Endpoint) -> int:
    """A number that looks arbitrary, yet is the same each time the file is written."""
    return checksum(repr((source, target)).encode()) * 0x9E3779B1 & 0xFFFFFFFF


class Conversation:
    """One TCP connection of the guest; `at` is the time of its next packet."""

    def __init__(self, capture: PcapWriter, guest: Endpoint, server: Endpoint, at: float) -> None:
        self.at = at
        self._capture = capture
        self._guest, self._server = guest, server
        self._sequence = _first_sequence(guest, server)
        self._acknowledged = _first_sequence(server, guest)

    def __enter__(self) -> Self:
        self._from_guest(SYN, 0)
        self._sequence = self._sequence + 1 & 0xFFFFFFFF
        self._from_server(SYN | ACK, 0.021)
        self._acknowledged = self._acknowledged + 1 & 0xFFFFFFFF
        self._from_guest(ACK)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._from_guest(FIN | ACK)
        self._sequence = self._sequence + 1 & 0xFFFFFFFF
        self._from_server(FIN | ACK, 0.02)
        self._acknowledged = self._acknowledged + 1 & 0xFFFFFFFF
        self._from_guest(ACK)

    def send(self, data: bytes) -> None:
        """The guest sends; the server acknowledges. Nothing to send is nothing on the wire."""
        for segment in _segments(data):
            self._from_guest(PSH | ACK, payload=segment)
            self._sequence = self._sequence + len(segment) & 0xFFFFFFFF
        if data:
            self._from_server(ACK, 0.019)

    def receive(self, data: bytes) -> None:
        """The server sends; the guest acknowledges. Nothing to send is nothing on the wire."""
        for segment in _segments(data):
            self._from_server(PSH | ACK, 0.002, segment)
            self._acknowledged = self._acknowledged + len(segment) & 0xFFFFFFFF
        if data:
            self._from_guest(ACK)

    def wait(self, seconds: float) -> None:
        """Let time pass in which nobody sends."""
        self.at += seconds

    def _from_guest(self, flags: int, delay: float = 0.0004, payload: bytes = b"") -> None:
        acknowledged = self._acknowledged if flags & ACK else 0
        segment = tcp(self._guest, self._server, self._sequence, acknowledged, flags, payload)
        self.at += delay
        self._capture.sent(self.at, self._server[0], _TCP, segment)

    def _from_server(self, flags: int, delay: float, payload: bytes = b"") -> None:
        segment = tcp(self._server, self._guest, self._acknowledged, self._sequence, flags, payload)
        self.at += delay
        self._capture.received(self.at, self._server[0], _TCP, segment)


def _segments(data: bytes) -> list[bytes]:
    return [data[start : start + _SEGMENT_SIZE] for start in range(0, len(data), _SEGMENT_SIZE)]
