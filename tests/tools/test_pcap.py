"""The capture: structure, checksums, connections, and that it tells what the logs tell."""

import ipaddress
import struct
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pytest

from tools.example import Host, PcapWriter, story, traffic
from tools.example.pcap import ACK, FIN, SYN

Logged = dict[int, list[tuple[float, str, dict[str, Any]]]]
GUEST = Host("192.168.56.101", "08:00:27:1a:2b:3c")


@dataclass(frozen=True)
class Packet:
    time: float
    source: str
    target: str
    protocol: int
    payload: bytes

    @property
    def ports(self) -> tuple[int, int]:
        source, target = struct.unpack_from("!HH", self.payload)
        return source, target

    @property
    def flags(self) -> int:
        return self.payload[13]

    @property
    def content(self) -> bytes:
        return self.payload[(self.payload[12] >> 4) * 4 :] if self.protocol == 6 else self.payload[8:]


def packets(capture: bytes) -> list[Packet]:
    found, at = [], 24
    while at < len(capture):
        seconds, micros, size, original = struct.unpack_from("<4I", capture, at)
        assert size == original
        found.append(packet(seconds + micros / 1_000_000, capture[at + 16 : at + 16 + size]))
        at += 16 + size
    assert at == len(capture)
    return found


def packet(time: float, frame: bytes) -> Packet:
    assert len(frame) >= 60
    assert frame[12:14] == b"\x08\x00"
    size = struct.unpack_from("!H", frame, 16)[0]
    ip = frame[14 : 14 + size]
    source, target = (str(ipaddress.IPv4Address(ip[start : start + 4])) for start in (12, 16))
    assert sums_up(ip[:20])
    assert sums_up(ip[12:20] + struct.pack("!HH", ip[9], len(ip) - 20) + ip[20:])
    return Packet(time, source, target, ip[9], ip[20:])


def sums_up(data: bytes) -> bool:
    """Whether the words of checked data, their checksum among them, make a multiple of 0xFFFF (RFC 1071)."""
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2))
    total: int = sum(words)
    return total % 0xFFFF == 0


@pytest.fixture(scope="module")
def captured() -> list[Packet]:
    return packets(traffic.capture())


def streams(captured: list[Packet]) -> dict[tuple[str, int, str, int], bytes]:
    """What each side of each connection sent, checked to be without gaps."""
    sent: dict[tuple[str, int, str, int], bytes] = defaultdict(bytes)
    following: dict[tuple[str, int, str, int], int] = {}
    for one in captured:
        if one.protocol == 6 and one.target != story.DEAD:
            way = (one.source, one.ports[0], one.target, one.ports[1])
            sequence = struct.unpack_from("!I", one.payload, 4)[0]
            assert following.setdefault(way, sequence) == sequence
            following[way] = sequence + len(one.content) + bool(one.flags & (SYN | FIN)) & 0xFFFFFFFF
            sent[way] += one.content
    return sent


def stream(captured: list[Packet], port: int, *, to_guest: bool = False) -> bytes:
    side = 1 if to_guest else 3
    return next(content for way, content in streams(captured).items() if way[side] == port)


def names_answered(captured: list[Packet]) -> dict[str, bytes]:
    answers = (one.content for one in captured if one.protocol == 17 and one.ports[0] == 53)
    return {_name(answer): answer for answer in answers}


def address(answer: bytes) -> str:
    """The address at the end of an answer."""
    return str(ipaddress.IPv4Address(answer[-4:]))


def _name(message: bytes) -> str:
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode())
        at += message[at] + 1
    return ".".join(labels)


def test_packets_are_in_order_of_time_and_within_the_analysis(captured: list[Packet]) -> None:
    times = [one.time for one in captured]

    assert times == sorted(times)
    assert story.SAMPLE_STARTED.timestamp() < times[0] < times[-1] < story.ENDED.timestamp()


def test_every_connection_is_opened_and_closed_by_both_sides(captured: list[Packet]) -> None:
    flags: dict[tuple[str, int, str, int], int] = defaultdict(int)
    for one in captured:
        if one.protocol == 6:
            flags[one.source, one.ports[0], one.target, one.ports[1]] |= one.flags

    lonely = {way[2] for way, seen in flags.items() if not seen & ACK}
    assert lonely == {story.DEAD}
    assert all(seen & SYN and seen & FIN for way, seen in flags.items() if way[2] != story.DEAD)


def test_every_resolved_name_leads_to_a_host_that_is_contacted(captured: list[Packet]) -> None:
    contacted = {one.target for one in captured if one.protocol == 6}
    answers = names_answered(captured)
    unanswered = {name for name, answer in answers.items() if answer[3] & 0xF}
    mail_domains = {name for name in answers if name == story.PARTNER_NAME}

    assert unanswered == {story.LOST_NAME}
    for name in set(answers) - unanswered - mail_domains:
        assert address(answers[name]) in contacted, name


def test_the_host_contacted_next_is_the_one_just_resolved(captured: list[Packet]) -> None:
    resolved = ""
    for one in captured:
        if one.protocol == 17 and one.ports[0] == 53 and not one.content[3] & 0xF:
            resolved = address(one.content)
        if one.protocol == 6 and one.flags == SYN and one.target != story.DEAD:
            assert one.target == resolved


def test_names_are_asked_for_before_their_hosts_are_contacted(captured: list[Packet]) -> None:
    asked = [_name(one.content) for one in captured if one.protocol == 17 and one.ports[1] == 53]

    assert asked == [
        story.CDN_NAME,
        story.GATE_NAME,
        story.PANEL_NAME,
        story.CHAT_NAME,
        story.PARTNER_NAME,
        story.MAIL_NAME,
        story.LOST_NAME,
    ]


def test_the_download_is_the_second_stage(captured: list[Packet]) -> None:
    answer = stream(captured, 80, to_guest=True)

    assert answer.partition(b"\r\n\r\n")[2] == story.stage_file()


def test_the_mail_carries_the_sample(captured: list[Packet]) -> None:
    assert traffic.infected_mail() in stream(captured, 25)
    assert stream(captured, 25).endswith(b"\r\n.\r\nQUIT\r\n")


def test_the_channel_is_joined_before_anything_is_said(captured: list[Packet]) -> None:
    commands = [line.split()[0] for line in stream(captured, 6667).splitlines()]

    assert commands == [b"NICK", b"USER", b"JOIN", b"PRIVMSG", b"PONG"]


def test_the_logs_send_what_the_capture_shows(captured: list[Packet], logged: Logged) -> None:
    """Monitors keep 256 bytes of a buffer."""
    wire = stream(captured, 6667) + stream(captured, 25)
    sent = [arguments["buffer"] for _, name, arguments in logged[story.HOST.pid] if name == "send"]

    assert len(sent) == 10
    assert all(content in wire for content in sent)


def test_the_logs_connect_to_the_hosts_of_the_capture(captured: list[Packet], logged: Logged) -> None:
    opened = [
        one for one in captured if one.protocol == 6 and one.flags == SYN and one.ports[1] not in {80, 443}
    ]
    first_attempts = {(one.target, one.ports[1]): one.time for one in reversed(opened)}
    connected = {
        (arguments["ip"].decode(), arguments["port"]): time
        for time, name, arguments in logged[story.HOST.pid]
        if name == "connect"
    }

    assert connected == pytest.approx(first_attempts, abs=0.02, rel=0)


def test_the_logs_resolve_the_names_of_the_capture(captured: list[Packet], logged: Logged) -> None:
    argument = {"GetAddrInfoW": "NodeName", "DnsQuery_W": "Name"}
    asked = sorted(
        (time, arguments[argument[name]].decode())
        for calls in logged.values()
        for time, name, arguments in calls
        if name in argument
    )
    seen = [(one.time, _name(one.content)) for one in captured if one.protocol == 17 and one.ports[1] == 53]

    assert [name for _, name in asked] == [name for _, name in seen]
    for (called, _), (sent, _) in zip(asked, seen, strict=True):
        assert 0 <= sent - called < 0.02


def test_the_logs_request_what_the_capture_requests(captured: list[Packet], logged: Logged) -> None:
    requested = [
        arguments["Verb"] + b" " + arguments["Path"]
        for calls in logged.values()
        for _, name, arguments in calls
        if name == "HttpOpenRequestW"
    ]

    wire = b"".join(streams(captured).values()) + traffic.panel_request()
    assert len(requested) == 3
    assert all(request in wire for request in requested)


def test_nothing_to_send_is_nothing_on_the_wire() -> None:
    writer = PcapWriter(GUEST, "0a:00:27:00:00:00")
    with writer.connect(at=1.0, server=("192.0.2.1", 80), port=50000) as flow:
        flow.send(b"")
        flow.receive(b"")

    assert len(packets(writer.contents())) == 6


def test_long_data_is_cut_into_segments() -> None:
    writer = PcapWriter(GUEST, "0a:00:27:00:00:00")
    with writer.connect(at=1.0, server=("192.0.2.1", 80), port=50000) as flow:
        flow.send(bytes(1461))

    assert [len(one.content) for one in packets(writer.contents()) if one.content] == [1460, 1]
