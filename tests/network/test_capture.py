import gzip
import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.network import capture
from lib.cuckoo.network.capture import LONGEST_PACKET, Capture
from tests.network.wire import START, block, enhanced, interface, pcap, read, section

PACKETS = [bytes([index]) * (60 + index) for index in range(5)]
KEY_LOG = b"CLIENT_RANDOM 00 11\n"


class Dripping:
    """A source that gives few bytes at a time, so that every record lies across a border."""

    def __init__(self, content: bytes) -> None:
        self._file = BytesIO(content)

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, 7))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_pcap_of_any_byte_order_and_resolution_is_read(order: str, magic: int, pack: type[bytes]) -> None:
    content = pcap(PACKETS, order=order, magic=magic, step=0.25)

    found = list(Capture(BytesIO(pack(content))))

    assert [packet[2] for packet in found] == PACKETS
    assert [packet[0] for packet in found] == pytest.approx([START + index * 0.25 for index in range(5)])
    assert {packet[1] for packet in found} == {1}


def test_the_offset_of_a_packet_is_where_its_record_begins() -> None:
    content = pcap(PACKETS)

    offsets = [packet[4] for packet in Capture(Dripping(content))]

    assert offsets[0] == 24
    assert all(
        content[offset + 16 : offset + 16 + len(packet)] == packet
        for offset, packet in zip(offsets, PACKETS, strict=True)
    )


def test_records_of_the_patched_format_have_longer_headers() -> None:
    header = struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    records = b"".join(
        struct.pack("<IIII", 5, 0, len(packet), len(packet)) + bytes(8) + packet for packet in PACKETS
    )

    assert read(header + records) == (PACKETS, {})


@pytest.mark.parametrize("cut", [1, 16, 59, 60, 75])
def test_a_cut_pcap_gives_all_whole_packets_and_says_that_it_was_cut(cut: int) -> None:
    packets, problems = read(pcap(PACKETS)[:-cut])

    assert packets == PACKETS[:-1]
    assert problems == {"last record is cut short": 1}


def test_a_cut_gzip_stream_gives_what_was_compressed_before_the_cut() -> None:
    packets, problems = read(gzip.compress(pcap(PACKETS * 40))[:-12])

    assert packets[:40] == (PACKETS * 40)[:40]
    assert problems["compressed file is cut short"] == 1


def test_a_damaged_gzip_stream_is_a_problem_that_is_counted() -> None:
    content = bytearray(gzip.compress(pcap(PACKETS)))
    content[-8] ^= 0xFF

    packets, problems = read(bytes(content))

    assert len(packets) <= len(PACKETS)
    assert problems["compressed file is damaged"] == 1


def test_gzip_members_follow_one_another() -> None:
    content = pcap(PACKETS)

    assert read(gzip.compress(content[:100]) + gzip.compress(content[100:])) == (PACKETS, {})


def test_a_record_of_impossible_length_costs_only_itself() -> None:
    content = bytearray(pcap(PACKETS))
    struct.pack_into("<I", content, 24 + 8, LONGEST_PACKET + 1)

    packets, problems = read(bytes(content))

    assert packets == PACKETS[1:]
    assert problems == {"record of impossible length": 1}


def test_damage_again_and_again_costs_only_the_damaged_records() -> None:
    bad = b"\xff" * 16
    good = pcap(PACKETS[1:3])[24:]

    packets, problems = read(pcap([]) + good + (bad + good) * 20_000)

    assert packets == PACKETS[1:3] * 20_001
    assert problems == {"record of impossible length": 20_000}


def test_a_capture_without_a_sound_record_behind_damage_ends_there() -> None:
    content = pcap(PACKETS[:1]) + b"\xff" * 5000

    packets, problems = read(content)

    assert packets == PACKETS[:1]
    assert problems["record of impossible length"] == 1


@pytest.mark.parametrize("size", [0, 1, 4, 23])
def test_a_capture_that_ends_in_its_header_holds_no_packets(size: int) -> None:
    assert read(pcap([])[:size]) == ([], {"capture ends in its header": 1})


def test_a_capture_of_a_header_alone_is_sound() -> None:
    assert read(pcap([])) == ([], {})


def test_what_is_no_capture_is_named_by_its_first_bytes() -> None:
    with pytest.raises(CuckooProcessingError, match="not a capture: it begins with 4d5a9000"):
        read(b"MZ\x90\0" + bytes(60))


@pytest.mark.parametrize("order", ["<", ">"])
def test_each_interface_of_a_pcapng_has_its_link_type_and_clock(order: str) -> None:
    nanoseconds = struct.pack(order + "HHB3x", 9, 1, 9)
    binary = struct.pack(order + "HHB3xHHq", 9, 1, 0x80 | 10, 14, 8, 100)
    content = (
        section(order)
        + interface(1, order)
        + interface(101, order, options=nanoseconds)
        + interface(113, order, options=binary)
        + enhanced(PACKETS[0], 1_500_000, 0, order)
        + enhanced(PACKETS[1], 2_500_000_000, 1, order)
        + enhanced(PACKETS[2], 512, 2, order)
    )

    found = list(Capture(BytesIO(content)))

    assert [packet[1] for packet in found] == [1, 101, 113]
    assert [packet[0] for packet in found] == pytest.approx([1.5, 2.5, 100.5])
    assert [packet[2] for packet in found] == PACKETS[:3]


def test_a_new_section_starts_with_no_interfaces_and_its_own_byte_order() -> None:
    first = section("<") + interface(1, "<") + enhanced(PACKETS[0], 0)
    second = section(">") + interface(113, ">") + enhanced(PACKETS[1], 0, 0, ">")
    third = section("<") + enhanced(PACKETS[2], 0)

    capture = Capture(BytesIO(first + second + third))

    assert [(packet[1], packet[2]) for packet in capture] == [(1, PACKETS[0]), (113, PACKETS[1])]
    assert dict(capture.problems) == {"packet of an undeclared interface": 1}


def test_a_damaged_section_costs_only_itself() -> None:
    first = section() + interface() + enhanced(PACKETS[0], 0)
    damaged = section().replace(b"\x4d\x3c\x2b\x1a", b"????")

    assert read(first + damaged + interface() + enhanced(PACKETS[1], 0)) == (
        PACKETS[:2],
        {"block of impossible length": 1},
    )


def test_simple_and_old_packet_blocks_are_read() -> None:
    simple = block(3, struct.pack("<I", 100) + PACKETS[0][:60])
    old = block(2, struct.pack("<HHIIII", 0, 0, 0, 3_000_000, 61, 61) + PACKETS[1])

    found = list(Capture(BytesIO(section() + interface(1, snap_length=60) + simple + old)))

    assert [(packet[0], packet[2], packet[3]) for packet in found] == [
        (0.0, PACKETS[0][:60], 100),
        (3.0, PACKETS[1], 61),
    ]


def test_key_logs_of_a_pcapng_are_kept_and_unknown_blocks_skipped() -> None:
    secrets = block(0xA, struct.pack("<II", 0x544C534B, len(KEY_LOG)) + KEY_LOG)
    other = block(0xA, struct.pack("<II", 0x57474B4C, 4) + b"wire")

    capture = Capture(BytesIO(section() + secrets + other + block(0x0BAD, b"?" * 9) + interface()))
    logs: list[bytes] = []
    capture.on_secrets = logs.append

    assert list(capture) == []
    assert logs == [KEY_LOG]


def test_a_packet_that_claims_more_than_its_block_gives_what_is_there() -> None:
    body = struct.pack("<IIIII", 0, 0, 0, 65535, 65535) + PACKETS[0]

    packets, problems = read(section() + interface() + block(6, body) + enhanced(PACKETS[1], 0))

    assert packets == PACKETS[:2]
    assert problems == {"packet longer than its block": 1}


def test_a_block_whose_length_lacks_the_padding_is_followed_by_the_next() -> None:
    body = struct.pack("<IIIII", 0, 0, 0, 61, 61) + PACKETS[1]
    unpadded = struct.pack("<II", 6, 12 + len(body)) + body + struct.pack("<I", 12 + len(body)) + bytes(3)

    content = section() + interface() + unpadded + enhanced(PACKETS[2], 0)

    assert read(content) == (PACKETS[1:3], {})
    assert [packet[2] for packet in Capture(Dripping(content))] == PACKETS[1:3]


@pytest.mark.parametrize("size", [0, 8, 11, 1 << 31])
def test_a_block_of_impossible_length_without_another_behind_it_ends_the_capture(size: int) -> None:
    content = section() + interface() + enhanced(PACKETS[0], 0)

    packets, problems = read(content + struct.pack("<II", 6, size) + bytes(40))

    assert packets == PACKETS[:1]
    assert problems == {"block of impossible length": 1}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("size", [0, 11, 64, 5000, 1 << 23, 1 << 31])
def test_a_block_of_wrong_length_costs_only_itself(order: str, size: int) -> None:
    wrong = bytearray(enhanced(PACKETS[0], 0, order=order))
    struct.pack_into(order + "I", wrong, 4, size)
    others = b"".join(enhanced(packet, 0, order=order) for packet in PACKETS[1:])

    packets, problems = read(section(order) + interface(1, order) + wrong + others)

    assert packets == PACKETS[1:]
    assert problems == {"block of impossible length": 1}


def test_a_block_whose_second_length_is_wrong_is_read_when_another_one_follows() -> None:
    wrong = bytearray(enhanced(PACKETS[0], 0))
    struct.pack_into("<I", wrong, len(wrong) - 4, 0)

    assert read(section() + interface() + wrong + enhanced(PACKETS[1], 0)) == (PACKETS[:2], {})
    assert read(section() + interface() + wrong) == (PACKETS[:1], {})


def test_a_section_of_unknown_byte_order_costs_only_itself() -> None:
    first = section() + interface() + enhanced(PACKETS[0], 0)

    packets, problems = read(first + block(0x0A0D0D0A, b"?" * 16) + enhanced(PACKETS[1], 0))

    assert packets == PACKETS[:2]
    assert problems == {"block of impossible length": 1}


def test_a_first_section_of_unknown_byte_order_is_no_capture() -> None:
    with pytest.raises(CuckooProcessingError, match="not a capture: byte order mark 4d41524b"):
        read(block(0x0A0D0D0A, b"MARK" + bytes(12)))


def test_damage_again_and_again_costs_only_the_damaged_blocks() -> None:
    bad = struct.pack("<II", 6, 1 << 30) + bytes(20)
    good = enhanced(PACKETS[0], 0)

    packets, problems = read(section() + interface() + (bad + good) * 20_000)

    assert packets == PACKETS[:1] * 20_000
    assert problems == {"block of impossible length": 20_000}


def test_what_looks_like_blocks_behind_damage_is_searched_once() -> None:
    packets, problems = read(section() + interface() + struct.pack("<II", 6, 28) * 300_000)

    assert packets == []
    assert problems == {"block of impossible length": 1}


def test_a_cut_pcapng_gives_all_whole_packets() -> None:
    content = section() + interface() + b"".join(enhanced(packet, 0) for packet in PACKETS)

    assert read(content[:-5]) == (PACKETS[:-1], {"last block is cut short": 1})


@given(st.binary(max_size=300), st.sampled_from([b"", pcap([]), section() + interface()]))
def test_any_bytes_are_packets_and_counts_or_no_capture(content: bytes, head: bytes) -> None:
    try:
        packets, _ = read(head + content)
    except CuckooProcessingError:
        return
    assert sum(map(len, packets)) <= len(head) + len(content)


def test_interfaces_are_bounded_and_the_rest_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "MOST_INTERFACES", 2)
    content = section() + interface() * 3 + enhanced(PACKETS[0], 0, 1) + enhanced(PACKETS[1], 0, 2)

    assert read(content) == (
        PACKETS[:1],
        {"interfaces beyond the bound": 1, "packet of an undeclared interface": 1},
    )


def test_each_link_type_is_declared_once() -> None:
    found = Capture(BytesIO(section() + (interface() + interface(101)) * 5))
    list(found)

    assert found.link_types == [1, 101]


def test_a_packet_of_impossible_length_is_counted() -> None:
    content = section() + interface() + enhanced(bytes(LONGEST_PACKET + 1), 0) + enhanced(PACKETS[0], 0)

    assert read(content) == (PACKETS[:1], {"packet of impossible length": 1})


def test_secrets_beyond_the_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "MOST_SECRETS", len(KEY_LOG) + 5)
    secrets = block(10, struct.pack("<II", 0x544C534B, len(KEY_LOG)) + KEY_LOG)

    assert read(section() + interface() + secrets * 2)[1] == {"secrets beyond the bound": 1}


def test_a_compressed_capture_that_unpacks_to_too_much_ends_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "MOST_UNPACKED", 1 << 20)
    monkeypatch.setattr(capture, "MOST_RATIO", 10)
    content = gzip.compress(pcap([bytes(1000)] * 4000))
    packets, problems = read(content)

    assert 1000 < len(packets) < 4000
    assert problems["compressed file unpacks to too much"] == 1
