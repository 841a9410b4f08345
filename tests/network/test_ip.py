import struct
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network.ip import Fragments
from lib.cuckoo.network.link import Malformed
from tests.network.wire import ethernet, ipv4, ipv6, pcap, query, sections, udp

INNER = ipv4(udp(5000, 6000, b"inner"), 17, "172.16.0.1", "172.16.0.2")
INNER6 = ipv6(udp(5000, 6000, b"inner"), 17, "2001:0:1::1", "2001:db8::9")
LONG = udp(5000, 53, query("a-name-that-fills-the-fragments.example"))


def flows(*packets: bytes) -> list[tuple[str, str, int]]:
    found = sections(pcap(packets))
    assert found["problems"] == {}
    return [(flow["src"], flow["dst"], flow["dport"]) for flow in found["udp"]]


def outer(payload: bytes, protocol: int) -> bytes:
    return ethernet(ipv4(payload, protocol))


def options(following: int, words: int = 0) -> bytes:
    return bytes([following, words]) + bytes(6 + 8 * words)


@pytest.mark.parametrize(
    "packet",
    [
        outer(INNER, 4),
        outer(b"\0\0\x08\0" + INNER, 47),
        outer(b"\xb0\0\x08\0" + bytes(12) + INNER, 47),
        outer(b"\x30\x01\x88\x0b\0\x10\0\1\0\0\0\1" + b"\xff\x03\0\x21" + INNER, 47),
        outer(b"\0\0\x65\x58" + ethernet(INNER), 47),
        outer(b"\x10\0\x88\xbe\0\0\0\1" + bytes(8) + ethernet(INNER), 47),
        outer(bytes([4, 4]) + bytes(22) + INNER, 51),
        ethernet(ipv6(options(60) + options(4, 1) + INNER, 0), 0x86DD),
    ],
    ids=["IP in IP", "GRE", "GRE with options", "PPTP", "bridged GRE", "ERSPAN", "AH", "IPv6 extensions"],
)
def test_what_ip_carries_in_ip_is_found(packet: bytes) -> None:
    assert flows(packet) == [("172.16.0.1", "172.16.0.2", 6000)]


@pytest.mark.parametrize(
    ("port", "payload"),
    [
        (4789, b"\x08\0\0\0\0\0\5\0" + ethernet(INNER)),
        (6081, b"\x02\0\x65\x58" + bytes(4) + bytes(8) + ethernet(INNER)),
        (2152, b"\x30\xff\0\x20\0\0\0\1" + INNER),
        (2152, b"\x36\xff\0\x20\0\0\0\1\0\1\0\x85\1\0\0\0" + INNER),
        (1701, b"\x40\x02\0\x20\0\1\0\1" + b"\xff\x03\0\x21" + INNER),
        (5072, b"\x41\x52\x11\x04" + bytes(4) + bytes(36) + INNER),
    ],
    ids=["VXLAN", "GENEVE", "GTP-U", "GTP-U with extensions", "L2TP", "AYIYA"],
)
def test_what_udp_tunnels_is_a_flow_of_its_own(port: int, payload: bytes) -> None:
    packet = outer(udp(40000, port, payload), 17)

    assert sorted(flows(packet, packet)) == [
        ("10.0.0.2", "93.184.216.34", port),
        ("172.16.0.1", "172.16.0.2", 6000),
    ]


@pytest.mark.parametrize(
    "indication", [b"", b"\0\1\0\0" + bytes(9), b"\0\1\1\1" + bytes(11) + b"\0\0" + bytes(6)]
)
@pytest.mark.parametrize("port", [3544, 61000])
def test_teredo_is_known_by_its_port_or_its_prefix(port: int, indication: bytes) -> None:
    packet = outer(udp(40000, port, indication + INNER6), 17)

    found = [flow[:2] for flow in flows(packet)]

    assert (("2001:0:1::1", "2001:db8::9") in found) is (port == 3544 or not indication)


def test_a_malformed_packet_in_a_tunnel_costs_only_itself() -> None:
    def carried(inner: bytes) -> bytes:
        return outer(udp(40000, 4789, b"\x08\0\0\0\0\0\5\0" + ethernet(inner)), 17)

    found = sections(pcap([carried(INNER), carried(b"\x45" * 12), carried(INNER)]))

    assert found["problems"] == {"header is cut short": 1}
    assert sorted(flow["packets"] for flow in found["udp"]) == [2, 3]


def test_6in4_is_read() -> None:
    assert flows(outer(INNER6, 41)) == [("2001:0:1::1", "2001:db8::9", 6000)]


def test_a_tunnel_in_a_tunnel_in_a_tunnel_ends() -> None:
    packet = INNER
    for _ in range(200):
        packet = ipv4(udp(4789, 4789, b"\x08\0\0\0\0\0\5\0" + ethernet(packet)), 17)

    found = sections(pcap([ethernet(packet)]))

    assert len(found["udp"]) == 1


def test_ip_in_ip_without_end_is_a_problem() -> None:
    packet = b""
    for _ in range(200):
        packet = ipv4(packet, 4)

    assert sections(pcap([ethernet(packet)]))["problems"] == {"too many layers": 1}


def fragments(payload: bytes, size: int, identification: int = 9) -> list[bytes]:
    pieces = []
    for start in range(0, len(payload), size):
        more = 0x2000 if start + size < len(payload) else 0
        piece = ipv4(
            payload[start : start + size], 17, identification=identification, fragment=start // 8 | more
        )
        pieces.append(ethernet(piece))
    return pieces


def asked(*packets: bytes) -> list[str]:
    return [record["request"] for record in sections(pcap(packets))["dns"]]


def test_fragments_are_put_together_in_any_order() -> None:
    pieces = fragments(LONG, 24)

    assert len(pieces) == 3
    for order in permutations(pieces):
        assert asked(*order) == ["a-name-that-fills-the-fragments.example"]


def test_a_repeated_or_overlapping_fragment_changes_nothing() -> None:
    pieces = fragments(LONG, 24)
    other = ethernet(ipv4(b"?" * 32, 17, identification=9, fragment=0x2001))

    assert asked(*pieces[:2], other, *pieces) == ["a-name-that-fills-the-fragments.example"]


def test_the_first_fragment_of_a_known_flow_waits_for_the_others() -> None:
    whole = ethernet(ipv4(udp(5000, 53, query("before.example")), 17))

    found = sections(pcap([whole, *fragments(LONG, 32)]))

    assert [record["request"] for record in found["dns"]] == [
        "before.example",
        "a-name-that-fills-the-fragments.example",
    ]
    assert found["problems"] == {}


def test_what_all_fragments_took_on_the_wire_is_counted() -> None:
    pieces = fragments(LONG, 24)
    found = sections(pcap([*pieces, *fragments(LONG, 24, identification=10)]))

    assert [flow["bytes"] for flow in found["udp"]] == [2 * sum(map(len, pieces))]


def test_ipv6_fragments_are_put_together() -> None:
    def piece(start: int, end: int, more: int) -> bytes:
        header = struct.pack(">BBHI", 17, 0, start | more, 77)
        return ethernet(ipv6(header + LONG[start:end], 44), 0x86DD)

    found = asked(piece(0, 40, 1), piece(40, len(LONG), 0))

    assert found == ["a-name-that-fills-the-fragments.example"]


def test_of_an_unfinished_datagram_the_first_fragment_is_read_and_the_loss_counted() -> None:
    found = sections(pcap(fragments(LONG, 64)[:1]))

    assert [flow["dport"] for flow in found["udp"]] == [53]
    assert found["problems"]["datagrams with missing fragments"] == 1


def test_a_fragment_beyond_the_longest_datagram_is_malformed() -> None:
    packet = ethernet(ipv4(bytes(64), 17, identification=1, fragment=0x1FFF))

    assert sections(pcap([packet]))["problems"] == {"fragment beyond 65,535 bytes": 1}


def test_unfinished_datagrams_are_bounded_and_the_oldest_goes_first() -> None:
    kept = Fragments(maximum=2)
    for number in range(3):
        assert kept.add((b"", 17, number), 0, bytes(8), last=False) is None

    assert kept.given_up == 3
    assert kept.add((b"", 17, 2), 8, b"end", last=True) == bytes(8) + b"end"
    assert kept.add((b"", 17, 0), 8, b"end", last=True) is None


def test_a_datagram_of_too_many_pieces_is_given_up() -> None:
    kept = Fragments()
    for number in range(Fragments.MOST_PIECES + 1):
        kept.add((b"", 17, 1), number * 8, b"x", last=False)

    assert kept.given_up == 1


@pytest.mark.parametrize(
    ("packet", "problem"),
    [
        (ethernet(b"\x65" + bytes(30)), "not an IPv4 header"),
        (ethernet(b"\x41" + bytes(30)), "not an IPv4 header"),
        (ethernet(b"\x4f" + bytes(30)), "header is cut short"),
        (ethernet(b"\x45" * 10), "header is cut short"),
        (ethernet(b"\x45" + bytes(50), 0x86DD), "not an IPv6 header"),
    ],
)
def test_a_header_that_contradicts_itself_costs_that_packet(packet: bytes, problem: str) -> None:
    sound = outer(udp(1, 2, b""), 17)

    found = sections(pcap([packet, sound]))

    assert found["problems"] == {problem: 1}
    assert len(found["udp"]) == 1


def test_a_packet_that_claims_more_than_it_holds_is_read_as_far_as_it_goes() -> None:
    packet = ethernet(ipv4(udp(5000, 6000, b"little"), 17, total=65535))
    found = sections(pcap([packet]))

    assert [(flow["dst"], flow["dport"]) for flow in found["udp"]] == [("93.184.216.34", 6000)]
    assert found["problems"] == {"IP length beyond the packet": 1}


def test_padding_behind_the_ip_length_is_not_payload() -> None:
    packet = ethernet(ipv4(udp(5000, 53, query("short.example")), 17)) + bytes(30)
    found: dict[str, Any] = sections(pcap([packet, packet]))

    assert found["problems"] == {}
    assert [record["count"] for record in found["dns"]] == [2]


def test_ip_options_and_a_length_of_zero_are_read() -> None:
    with_options = ethernet(ipv4(udp(5000, 6000, b"x"), 17, options=bytes(8)))
    offloaded = ethernet(ipv4(udp(5001, 6000, b"x"), 17, total=0))

    assert len(flows(with_options, offloaded)) == 2


@given(st.lists(st.tuples(st.integers(0, 9000), st.binary(max_size=40), st.booleans()), max_size=12))
def test_any_fragments_are_a_datagram_or_nothing_or_malformed(
    pieces: list[tuple[int, bytes, bool]],
) -> None:
    kept = Fragments(maximum=3)
    for position, piece, last in pieces:
        try:
            whole = kept.add((b"", 17, 1), position * 8, piece, last=last)
        except Malformed:
            continue
        assert whole is None or len(whole) <= Fragments.LONGEST


def test_first_fragments_inside_first_fragments_are_read_too() -> None:
    inner = ipv4(LONG[:48], 17, identification=9, fragment=0x2000)
    found = sections(pcap([ethernet(ipv4(inner + bytes(4), 4, identification=7, fragment=0x2000))]))

    assert [flow["dport"] for flow in found["udp"]] == [53]
    assert found["problems"]["datagrams with missing fragments"] == 2


def test_the_bytes_of_unfinished_datagrams_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fragments, "MOST_BYTES_TOGETHER", 100)
    kept = Fragments()
    for number in range(4):
        assert kept.add((b"", 17, number), 0, bytes(40), last=False) is None

    assert kept.given_up == 4
    assert kept.add((b"", 17, 1), 40, b"end", last=True) is None
    assert kept.add((b"", 17, 3), 40, b"end", last=True) == bytes(40) + b"end"


def test_a_datagram_that_repeats_itself_is_let_go() -> None:
    kept = Fragments()
    for _ in range(3):
        kept.add((b"", 17, 1), 0, bytes(60_000), last=False)

    assert (b"", 17, 1) not in kept
    assert kept.given_up == 1


@given(st.lists(st.tuples(st.integers(0, 12), st.binary(max_size=40), st.booleans()), max_size=12))
def test_pieces_give_what_a_picture_of_them_gives(pieces: list[tuple[int, bytes, bool]]) -> None:
    kept, picture, total = Fragments(), dict[int, int](), None
    for units, piece, last in pieces:
        whole = kept.add((b"", 17, 1), units * 8, piece, last=last)
        for at, byte in enumerate(piece, units * 8):
            picture.setdefault(at, byte)
        total = units * 8 + len(piece) if last else total
        complete = total is not None and sorted(picture) == list(range(max(total, len(picture))))
        assert whole == (bytes(picture[at] for at in range(total or 0)) if complete else None)
        if whole is not None:
            return
