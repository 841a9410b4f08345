"""Builds packets and captures, layer by layer, for tests."""

import struct
from collections.abc import Iterable, Iterator
from io import BytesIO
from ipaddress import ip_address

from lib.cuckoo.network.analysis import Analysis, Settings
from lib.cuckoo.network.capture import Capture
from lib.cuckoo.network.conversation import Record

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
GUEST, SERVER = "10.0.0.2", "93.184.216.34"
START = 1_500_000_000.0


def ethernet(payload: bytes, kind: int = 0x0800) -> bytes:
    return bytes(6) + b"\x02" * 6 + struct.pack(">H", kind) + payload


def ipv4(
    payload: bytes,
    protocol: int,
    src: str = GUEST,
    dst: str = SERVER,
    *,
    identification: int = 0,
    fragment: int = 0,
    total: int | None = None,
    options: bytes = b"",
) -> bytes:
    header = 20 + len(options)
    length = header + len(payload) if total is None else total
    fixed = struct.pack(
        ">BBHHHBBH", 0x40 | header // 4, 0, length, identification, fragment, 64, protocol, 0xBAD
    )
    return fixed + ip_address(src).packed + ip_address(dst).packed + options + payload


def ipv6(payload: bytes, following: int, src: str = "2001:db8::2", dst: str = "2001:db8::99") -> bytes:
    fixed = struct.pack(">IHBB", 6 << 28, len(payload), following, 64)
    return fixed + ip_address(src).packed + ip_address(dst).packed + payload


def tcp(
    sport: int, dport: int, sequence: int, acknowledged: int = 0, flags: int = ACK, payload: bytes = b""
) -> bytes:
    numbers = (sequence % 2**32, acknowledged % 2**32)
    return struct.pack(">HHIIBBHHH", sport, dport, *numbers, 0x50, flags, 65535, 0, 0) + payload


def udp(sport: int, dport: int, payload: bytes) -> bytes:
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def name(text: str) -> bytes:
    labels = (label.encode() for label in text.split(".") if label)
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def query(text: str, kind: int = 1, identification: int = 7, flags: int = 0x0100) -> bytes:
    return struct.pack(">6H", identification, flags, 1, 0, 0, 0) + name(text) + struct.pack(">HH", kind, 1)


def resource(owner: bytes, kind: int, content: bytes, ttl: int = 60) -> bytes:
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(content)) + content


def response(
    text: str, answers: Iterable[bytes], kind: int = 1, identification: int = 7, flags: int = 0x8180
) -> bytes:
    records = list(answers)
    head = struct.pack(">6H", identification, flags, 1, len(records), 0, 0)
    return head + name(text) + struct.pack(">HH", kind, 1) + b"".join(records)


def pcap(
    packets: Iterable[bytes],
    *,
    link: int = 1,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    step: float = 0.001,
    snap_length: int = 65535,
) -> bytes:
    """A capture whose packets come `step` seconds after one another; they are cut at `snap_length`."""
    unit = 1e9 if magic == 0xA1B23C4D else 1e6
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap_length, link)]
    for index, packet in enumerate(packets):
        time = START + index * step
        kept = packet[:snap_length]
        fraction = round(time % 1 * unit)
        out.append(struct.pack(order + "IIII", int(time), fraction, len(kept), len(packet)) + kept)
    return b"".join(out)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    padded = body + bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(padded))
    return struct.pack(order + "I", kind) + size + padded + size


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int = 1, order: str = "<", snap_length: int = 0, options: bytes = b"") -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snap_length) + options, order)


def enhanced(packet: bytes, units: int, number: int = 0, order: str = "<", wire: int | None = None) -> bytes:
    length = len(packet) if wire is None else wire
    fixed = struct.pack(order + "IIIII", number, units >> 32, units & 0xFFFFFFFF, len(packet), length)
    return block(6, fixed + packet, order)


class Dialogue:
    """One TCP connection, packet by packet, over IPv4 in Ethernet; `side` 0 is the client."""

    def __init__(self, sport: int = 49152, dport: int = 80, src: str = GUEST, dst: str = SERVER) -> None:
        self.ports = (sport, dport)
        self.addresses = (src, dst)
        self.sequence = [1000, 5000]

    def packet(self, side: int, flags: int, payload: bytes = b"", sequence: int | None = None) -> bytes:
        """Build one segment without moving on."""
        own = self.sequence[side] if sequence is None else sequence
        ports = self.ports if side == 0 else self.ports[::-1]
        addresses = self.addresses if side == 0 else self.addresses[::-1]
        segment = tcp(*ports, own, self.sequence[1 - side], flags, payload)
        return ethernet(ipv4(segment, 6, *addresses))

    def open(self) -> Iterator[bytes]:
        yield self.packet(0, SYN)
        self.sequence[0] += 1
        yield self.packet(1, SYN | ACK)
        self.sequence[1] += 1
        yield self.packet(0, ACK)

    def send(self, side: int, payload: bytes) -> bytes:
        packet = self.packet(side, ACK | PSH, payload)
        self.sequence[side] += len(payload)
        return packet

    def close(self) -> Iterator[bytes]:
        for side in (0, 1):
            yield self.packet(side, FIN | ACK)
            self.sequence[side] += 1
        yield self.packet(0, ACK)


def sections(content: bytes, settings: Settings | None = None) -> Record:
    """Analyse a capture held in memory."""
    return Analysis(Capture(BytesIO(content)), settings or Settings()).run()


def read(content: bytes) -> tuple[list[bytes], dict[str, int]]:
    """Return the packets of a capture and its problems."""
    capture = Capture(BytesIO(content))
    packets = [packet[2] for packet in capture]
    return packets, dict(capture.problems)
