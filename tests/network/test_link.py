import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network import link
from lib.cuckoo.network.link import Frame, Malformed
from tests.network.wire import ethernet, ipv4, ipv6, pcap, sections, udp

DATAGRAM = ipv4(udp(5000, 6000, b"payload"), 17)
DATAGRAM6 = ipv6(udp(5000, 6000, b"payload"), 17)
SNAP = b"\xaa\xaa\x03\0\0\0\x08\0"
DATA_FRAME = b"\x08\x01" + bytes(22)
QUALITY_FRAME = b"\x88\x01" + bytes(24)
AGGREGATE_FRAME = QUALITY_FRAME[:24] + b"\x80\0"


def subframe(content: bytes) -> bytes:
    return bytes(12) + struct.pack(">H", len(content)) + content


CARRIERS = {
    "Ethernet": (1, ethernet(DATAGRAM)),
    "Ethernet with LLC and SNAP": (1, bytes(12) + struct.pack(">H", 46) + SNAP + DATAGRAM),
    "VLAN": (1, ethernet(b"\0\x05\x08\0" + DATAGRAM, 0x8100)),
    "QinQ": (1, ethernet(b"\0\x05\x81\0\0\x06\x08\0" + DATAGRAM, 0x88A8)),
    "MPLS": (1, ethernet(b"\0\0\x10\x40\0\0\x21\x40" + DATAGRAM, 0x8847)),
    "MPLS pseudowire": (1, ethernet(b"\0\0\x11\x40" + bytes(4) + ethernet(DATAGRAM), 0x8847)),
    "PPPoE": (1, ethernet(b"\x11\0\0\1\0\x23\0\x21" + DATAGRAM, 0x8864)),
    "E-tag": (1, ethernet(bytes(6) + b"\x08\0" + DATAGRAM, 0x893F)),
    "service header": (1, ethernet(b"\0\x02\x01\x01" + bytes(4) + DATAGRAM, 0x894F)),
    "MACsec in the clear": (1, ethernet(b"\x20" + bytes(13) + b"\x08\0" + DATAGRAM + bytes(16), 0x88E5)),
    "raw IPv4": (101, DATAGRAM),
    "raw IPv6": (12, DATAGRAM6),
    "cooked": (113, bytes(14) + b"\x08\0" + DATAGRAM),
    "cooked with LLC": (113, bytes(14) + b"\0\x04" + SNAP + DATAGRAM),
    "cooked 2": (276, b"\x08\0" + bytes(18) + DATAGRAM),
    "loopback, little endian": (0, b"\x02\0\0\0" + DATAGRAM),
    "loopback, big endian": (0, b"\0\0\0\x02" + DATAGRAM),
    "loopback, IPv6 of macOS": (0, b"\x1e\0\0\0" + DATAGRAM6),
    "OpenBSD loopback": (108, b"\0\0\0\x18" + DATAGRAM6),
    "PPP": (9, b"\xff\x03\0\x21" + DATAGRAM),
    "PPP, compressed": (9, b"\x21" + DATAGRAM),
    "PPP without address": (9, b"\0\x57" + DATAGRAM6),
    "Cisco HDLC": (104, b"\x0f\0\x08\0" + DATAGRAM),
    "802.11": (105, DATA_FRAME + SNAP + DATAGRAM),
    "802.11 with radiotap": (127, b"\0\0\x0c\0" + bytes(8) + QUALITY_FRAME + SNAP + DATAGRAM),
    "802.11 with radiotap, padded": (
        127,
        b"\0\0\x11\0\x03\0\0\0" + bytes(8) + b"\x20" + QUALITY_FRAME + b"\0\0" + SNAP + DATAGRAM,
    ),
    "802.11 with radiotap of two antennas, padded": (
        127,
        b"\0\0\x0d\0\x02\0\0\x80" + bytes(4) + b"\x30" + QUALITY_FRAME + b"\0\0" + SNAP + DATAGRAM,
    ),
    "802.11 with radiotap that says it is not padded": (
        127,
        b"\0\0\x0a\0\x02\0\0\0" + b"\x10\0" + QUALITY_FRAME + SNAP + DATAGRAM,
    ),
    "802.11 aggregate": (105, AGGREGATE_FRAME + subframe(SNAP + DATAGRAM)),
    "802.11 aggregate in GRE": (
        12,
        ipv4(b"\0\0\x82\x40" + AGGREGATE_FRAME + subframe(SNAP + DATAGRAM), 47),
    ),
    "SLIP": (8, bytes(16) + DATAGRAM),
    "FDDI": (10, bytes(13) + SNAP + DATAGRAM),
    "Token Ring with a route": (6, bytes(8) + b"\x80" + bytes(5) + b"\x04\0\0\0" + SNAP + DATAGRAM),
    "ARCNET": (129, bytes(4) + b"\xd4\0\0\0" + DATAGRAM),
    "InfiniBand": (242, bytes(40) + b"\x08\0\0\0" + DATAGRAM),
    "netfilter log": (239, b"\x02\0\0\0" + b"\x05\0\x01\0\x58\0\0\0" + b"\x30\0\x09\0" + DATAGRAM),
    "Apple tap": (258, struct.pack("<III", 12, 1, 1) + ethernet(DATAGRAM)),
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_datagram_is_found_in_every_carrier(carrier: str) -> None:
    number, packet = CARRIERS[carrier]

    found = sections(pcap([packet], link=number))

    assert [(flow["sport"], flow["dport"], flow["packets"]) for flow in found["udp"]] == [(5000, 6000, 1)]
    assert found["problems"] == {}


def test_all_packets_of_an_aggregate_are_read() -> None:
    frames = [subframe(SNAP + ipv4(udp(5000, port, b"abc"), 17)) for port in (6000, 6001, 6002)]
    aligned = b"".join(
        frame + bytes(-len(frame) % 4) for frame in [frames[0], subframe(b"\xaa"), *frames[1:]]
    )

    found = sections(pcap([AGGREGATE_FRAME + aligned], link=105))

    assert [flow["dport"] for flow in found["udp"]] == [6000, 6001, 6002]
    assert found["problems"] == {"header is cut short": 1}


def test_an_aggregate_in_an_aggregate_ends() -> None:
    packet = DATAGRAM
    for _ in range(50):
        packet = ipv4(b"\0\0\x82\x40" + AGGREGATE_FRAME + subframe(SNAP + packet), 47)

    assert sections(pcap([packet], link=101))["udp"] == []


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_carrier_that_is_cut_anywhere_is_no_exception(carrier: str) -> None:
    number, packet = CARRIERS[carrier]

    for size in range(len(packet)):
        found = sections(pcap([packet[:size]], link=number))
        assert len(found["udp"]) + sum(found["problems"].values()) + len(found["protocols"]) >= 1


def test_a_tag_that_claims_more_than_the_frame_holds_is_malformed() -> None:
    packet = ethernet(b"\x20\x30" + bytes(12) + b"\x08\0" + DATAGRAM[:8], 0x88E5)

    assert sections(pcap([packet]))["problems"] == {"header is cut short": 1}


@pytest.mark.parametrize(
    "frame",
    [
        b"\x80\x00" + bytes(22),  # a beacon
        b"\x08\x41" + bytes(22),  # protected
        b"\x48\x01" + bytes(22),  # without data
    ],
)
def test_frames_of_80211_that_carry_nothing_readable_are_counted_as_other(frame: bytes) -> None:
    found = sections(pcap([frame + SNAP + DATAGRAM], link=105))

    assert found["udp"] == []
    assert found["protocols"] == {"other": {"packets": 1, "bytes": len(frame + SNAP + DATAGRAM)}}


def test_unknown_link_types_are_named() -> None:
    assert link.link_name(147) == "link type 147 (USER0)"
    assert link.link_name(9999) == "link type 9999"


@given(st.sampled_from(sorted(link.LINKS)), st.binary(max_size=120))
def test_any_bytes_are_a_kind_or_malformed(number: int, data: bytes) -> None:
    frame = Frame(0.0, data, len(data), 0)
    try:
        kind = link.LINKS[number](frame)
    except Malformed:
        return
    assert kind >= 0
    assert frame.start <= len(data) >= frame.end
