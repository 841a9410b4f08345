"""The walk and its compiled twin take different packets, and tell the same."""

import hashlib
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network import reader
from lib.cuckoo.network.pure import Format, Interface
from tests.network.walks import WALKS, told, told_by_each, unpacked, walking
from tests.network.wire import (
    ACK,
    FIN,
    PSH,
    SYN,
    Dialogue,
    block,
    enhanced,
    ethernet,
    interface,
    ipv4,
    ipv6,
    pcap,
    query,
    section,
    sections,
    tcp,
    udp,
)

ROOT = Path(__file__).resolve().parents[2]
EVERY_WALK = pytest.mark.parametrize("walk", sorted(reader.available()))
MICROSECONDS = Format("<", 1e-6, 16)
GET = b"GET /path HTTP/1.1\r\nHost: example.com\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"


def conversation() -> list[bytes]:
    """Packets from the IP header on: HTTP with segments out of order and twice, DNS, ICMP, an unknown flow, IPv6."""
    web = Dialogue()
    packets = [*web.open(), web.send(0, GET), web.send(1, OK)]
    late, early = web.send(1, b"1234"), web.send(1, b"56789")
    packets += [early, late, late, web.packet(0, ACK), *web.close()]
    plain = [packet[14:] for packet in packets]
    plain += [ipv4(udp(50000, 53, query("example.com", identification=number)), 17) for number in range(3)]
    plain += [ipv4(udp(5000, 9999, b"?" * 20), 17)] * 7
    plain += [ipv4(b"\x08\0\0\0\0\1\0\1echo", 1)] * 3
    plain += [ipv6(tcp(4000, 80, 1, 0, flags), 6) for flags in (SYN, ACK)]
    plain += [ipv6(tcp(4000, 80, 2, 0, ACK | PSH, GET), 6), ipv6(tcp(4000, 80, 45, 0, FIN | ACK), 6)]
    return plain + [ipv6(udp(50000, 53, query("six.example")), 17)] * 3


def early_fin() -> list[bytes]:
    """A conversation whose server's FIN overtakes the last bytes before it."""
    web = Dialogue(sport=49153)
    packets = [*web.open(), web.send(0, GET), web.send(1, OK), web.packet(0, FIN | ACK)]
    web.sequence[0] += 1
    late = [web.send(1, b"1234"), web.send(1, b"56789")]
    return [packet[14:] for packet in [*packets, web.packet(1, FIN | ACK), *late]]


def _kind(packet: bytes) -> int:
    return 0x0800 if packet[0] >> 4 == 4 else 0x86DD


LINKS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "ethernet": (1, lambda packet: ethernet(packet, _kind(packet))),
    "one tag": (1, lambda packet: ethernet(struct.pack(">HH", 5, _kind(packet)) + packet, 0x8100)),
    "two tags": (
        1,
        lambda packet: ethernet(struct.pack(">HHHH", 5, 0x8100, 6, _kind(packet)) + packet, 0x88A8),
    ),
    "three tags": (
        1,
        lambda packet: ethernet(
            struct.pack(">HHHHHH", 5, 0x88A8, 6, 0x8100, 7, _kind(packet)) + packet, 0x88A8
        ),
    ),
    "raw": (101, bytes),
    "cooked": (113, lambda packet: bytes(14) + struct.pack(">H", _kind(packet)) + packet),
    "cooked, version 2": (276, lambda packet: struct.pack(">H", _kind(packet)) + bytes(18) + packet),
    "other version than the type says": (1, lambda packet: ethernet(packet, _kind(packet) ^ 0x8EDD)),
}
CAPTURES = {name: pcap(list(map(frame, conversation())), link=link) for name, (link, frame) in LINKS.items()}
CAPTURES["early end"] = pcap([ethernet(packet) for packet in early_fin()])
CAPTURES["big-endian"] = pcap([ethernet(packet) for packet in conversation()], order=">", magic=0xA1B23C4D)
CAPTURES["blocks"] = (
    section()
    + interface()
    + b"".join(enhanced(ethernet(packet), number) for number, packet in enumerate(conversation()))
)


def mixed_blocks(order: str) -> bytes:
    """Blocks of two interfaces, with other clocks, among those that are nobody's packets."""
    clock = struct.pack(order + "HHB3xHHq", 9, 1, 9, 14, 8, 1_500_000_000)
    blocks = [section(order), interface(1, order), interface(101, order, options=clock)]
    for number, packet in enumerate(conversation()):
        blocks.append(enhanced(ethernet(packet, _kind(packet)), number, 0, order))
        blocks.append(enhanced(packet, number * 300_000_000, 1, order))
        blocks.append(block(5, bytes(12), order))
        blocks.append(enhanced(b"", 0, 2, order))
    return b"".join(blocks)


CAPTURES |= {"mixed blocks": mixed_blocks("<"), "sections": mixed_blocks(">") + mixed_blocks("<")}


@pytest.mark.parametrize("capture", CAPTURES)
def test_who_takes_a_packet_changes_nothing(capture: str) -> None:
    answers = told_by_each(CAPTURES[capture])

    assert '"timeline": [[' in answers["layers"]
    assert set(answers.values()) == {answers["layers"]}


@pytest.mark.parametrize("walk", WALKS)
def test_bytes_that_a_fin_overtook_close_the_connection(walk: str) -> None:
    with walking(walk):
        found = sections(CAPTURES["early end"])

    assert [(flow["state"], flow["server_bytes"]) for flow in found["tcp"]] == [("closed", len(OK) + 9)]


@settings(max_examples=400)
@given(
    st.sampled_from(sorted(CAPTURES)),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12),
)
def test_every_walk_tells_the_same_of_a_capture_cut_and_corrupted_anywhere(
    name: str, cut: float, changes: list[tuple[float, int]]
) -> None:
    content = bytearray(CAPTURES[name])
    for place, byte in changes:
        content[24 + int(place * (len(content) - 24))] = byte

    answers = told_by_each(bytes(content[: int(cut * len(content)) + 1]))

    assert set(answers.values()) == {answers["layers"]}


def test_every_walk_tells_the_same_of_real_captures(shared_data: Path) -> None:
    different = []
    for path in _captures(shared_data):
        answers = told_by_each(unpacked(path.read_bytes()))
        if len(set(answers.values())) != 1:
            different.append(path.name)

    assert different == []


def test_the_flows_of_the_twin_tell_the_same_of_real_captures(shared_data: Path) -> None:
    program = (
        "import sys, fledge\n"
        "from pathlib import Path\n"
        "from tests.network.test_pure import digest\n"
        "print(digest(Path(sys.argv[1])))"
    )
    twin = subprocess.run(
        [sys.executable, "-c", program, str(shared_data)],
        check=True,
        env=os.environ | {"FLEDGE_PURE": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert twin.stdout.strip() == digest(shared_data)


def digest(shared_data: Path) -> str:
    """Return a hash of what all real captures tell."""
    everything = hashlib.sha256()
    for path in _captures(shared_data):
        everything.update(told(unpacked(path.read_bytes())).encode())
    return everything.hexdigest()


def _captures(shared_data: Path) -> list[Path]:
    return sorted(
        path for path in (shared_data / "pcap").rglob("*") if path.suffix in {".pcap", ".pcapng", ".gz"}
    )


def make_walk(name: str, most_seconds: int = 10) -> Any:
    return WALKS[name].Walk({}, {}, lambda _destination, _length: True, lambda *_: None, most_seconds)


ECHO = ethernet(ipv4(b"\x08\0\0\0\0\1\0\1" + bytes(16), 1))
RECORD = 16 + len(ECHO)


@EVERY_WALK
def test_records_are_taken_up_to_the_first_that_is_not_whole(walk: str) -> None:
    whole = pcap([ECHO] * 3)[24:]

    for cut in range(len(whole) + 1):
        assert make_walk(walk).records(whole[:cut], 0, MICROSECONDS, 1, 0) == cut // RECORD * RECORD


@EVERY_WALK
def test_records_are_taken_up_to_the_first_of_an_unknown_flow(walk: str) -> None:
    strange = ethernet(ipv4(udp(1, 2, bytes(20)), 17))
    records = pcap([ECHO, ECHO, strange, ECHO])[24:]

    assert make_walk(walk).records(records, 0, MICROSECONDS, 1, 0) == 2 * RECORD
    assert make_walk(walk).records(records, RECORD, MICROSECONDS, 1, 0) == 2 * RECORD


@EVERY_WALK
@pytest.mark.parametrize("length", [0, 1, 0xFFFFFFF0, 0xFFFFFFFF])
def test_a_record_of_any_length_is_left_alone_or_taken_whole(walk: str, length: int) -> None:
    record = struct.pack("<IIII", 1, 2, length, length) + ECHO

    assert make_walk(walk).records(record, 0, MICROSECONDS, 1, 0) == 0


INTERFACES = [Interface(1, 0, 1e-6, 0), Interface(105, 0, 1e-6, 0)]
BLOCK = len(enhanced(ECHO, 0))


UNPADDED = (
    struct.pack("<7I", 6, BLOCK - 1, 0, 0, 5, len(ECHO), len(ECHO))
    + ECHO
    + b"\0"
    + struct.pack("<I", BLOCK - 1)
)
"""A packet block whose size is no multiple of four."""


def take_blocks(walk: str, blocks: bytes, position: int = 0, order: str = "<") -> int:
    return int(make_walk(walk).blocks(blocks, position, order, INTERFACES, 0))


@EVERY_WALK
def test_blocks_are_taken_up_to_the_first_that_is_not_whole(walk: str) -> None:
    whole = enhanced(ECHO, 5) * 3

    for cut in range(len(whole) + 1):
        assert take_blocks(walk, whole[:cut]) == cut // BLOCK * BLOCK


@EVERY_WALK
@pytest.mark.parametrize(
    "odd",
    [
        enhanced(ethernet(ipv4(udp(1, 2, bytes(20)), 17)), 0),  # of no known flow
        enhanced(ECHO, 0, number=1),  # of a link type that needs the layers
        enhanced(ECHO, 0, number=2),  # of no interface
        enhanced(ECHO, 0, number=0xFFFFFFFF),
        enhanced(ECHO, 0, order=">"),
        block(5, bytes(len(ECHO) + 20)),
        block(3, bytes(20) + ECHO),
        UNPADDED,
    ],
)
def test_blocks_are_taken_up_to_the_first_that_is_odd(walk: str, odd: bytes) -> None:
    plain = enhanced(ECHO, 5)

    assert take_blocks(walk, plain * 2 + odd + plain) == 2 * BLOCK
    assert take_blocks(walk, plain * 2 + odd + plain, BLOCK) == 2 * BLOCK
    assert take_blocks(walk, odd) == 0


@EVERY_WALK
@pytest.mark.parametrize("place", [4, 20, BLOCK - 4])
@pytest.mark.parametrize(
    "number", [0, 1, 12, 31, BLOCK - 1, BLOCK + 1, BLOCK + 4, 1 << 24, 0xFFFFFFF0, 0xFFFFFFFF]
)
def test_a_block_of_any_lengths_is_left_alone_or_taken_whole(walk: str, place: int, number: int) -> None:
    changed = bytearray(enhanced(ECHO, 5))
    struct.pack_into("<I", changed, place, number)

    taken = take_blocks(walk, bytes(changed) + bytes(8))

    assert taken == 0


@EVERY_WALK
def test_a_block_with_options_behind_its_packet_is_taken(walk: str) -> None:
    flags = struct.pack("<HHII", 2, 4, 1, 0)
    fixed = struct.pack("<IIIII", 0, 0, 5, len(ECHO), len(ECHO))
    marked = block(6, fixed + ECHO + bytes(-len(ECHO) % 4) + flags)

    assert take_blocks(walk, marked * 2) == 2 * len(marked)


@EVERY_WALK
@pytest.mark.parametrize("order", ["<", ">"])
def test_blocks_are_counted_at_the_time_of_their_interface(walk: str, order: str) -> None:
    interfaces = [Interface(1, 0, 2.0**-10, 0), Interface(1, 0, 1e-9, -5)]
    counting = make_walk(walk)
    blocks = enhanced(ECHO, 3 << 42, 0, order) + enhanced(ECHO, 7_500_000_000, 1, order) * 2

    assert counting.blocks(blocks, 0, order, interfaces, 0) == len(blocks)
    assert counting.timeline() == [[2, 2], [3 << 32, 1]]


@EVERY_WALK
def test_packets_are_counted_by_second_up_to_a_bound(walk: str) -> None:
    counting = make_walk(walk, most_seconds=2)
    for time in (5.0, 5.999999, 4.5, 9.0, 5.0, 9.5):
        counting.tick(time)

    assert counting.timeline() == [[4, 1], [5, 3]]
    assert (counting.second, counting.untimed) == (9.0, 2)


@EVERY_WALK
def test_records_are_counted_with_their_packets(walk: str) -> None:
    counting = make_walk(walk)
    counting.tick(1_499_999_999.5)
    counting.records(pcap([ECHO] * 4, step=0.5)[24:], 0, MICROSECONDS, 1, 0)

    assert counting.timeline() == [[1_499_999_999, 1], [1_500_000_000, 2], [1_500_000_001, 2]]
