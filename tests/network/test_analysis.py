import random
import struct
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.cuckoo.common.allowlist import AllowList
from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.network import analysis as analysis_module
from lib.cuckoo.network import sections as sections_module
from lib.cuckoo.network.analysis import Settings
from lib.cuckoo.network.conversation import Context, Pool
from tests.network.wire import (
    ACK,
    GUEST,
    RST,
    SERVER,
    START,
    SYN,
    Dialogue,
    enhanced,
    ethernet,
    interface,
    ipv4,
    ipv6,
    name,
    pcap,
    query,
    resource,
    response,
    section,
    sections,
    tcp,
    udp,
)

GET = b"GET /path HTTP/1.1\r\nHost: example.com\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"


def asked(payload: bytes, sport: int = 50000, dport: int = 53, dst: str = "10.0.0.1") -> bytes:
    return ethernet(ipv4(udp(sport, dport, payload), 17, GUEST, dst))


def answered(payload: bytes, sport: int = 50000, dport: int = 53, src: str = "10.0.0.1") -> bytes:
    return ethernet(ipv4(udp(dport, sport, payload), 17, src, GUEST))


def lookup(text: str, address: str) -> list[bytes]:
    packed = bytes(map(int, address.split(".")))
    return [asked(query(text)), answered(response(text, [resource(b"\xc0\x0c", 1, packed)]))]


def visit(dst: str = SERVER, sport: int = 49152) -> list[bytes]:
    dialogue = Dialogue(sport, dst=dst)
    return [*dialogue.open(), dialogue.send(0, GET), dialogue.send(1, OK), *dialogue.close()]


VISIT = [*lookup("example.com", SERVER), *visit()]


def test_a_visit_is_told_in_all_its_sections() -> None:
    found = sections(pcap(VISIT))

    assert [(host["ip"], host["hostname"], host["ports"]) for host in found["hosts"]] == [
        (SERVER, "example.com", [80])
    ]
    assert found["domains"] == [{"domain": "example.com", "ip": SERVER}]
    assert [(each["method"], each["uri"], each["count"]) for each in found["http"]] == [
        ("GET", "http://example.com/path", 1)
    ]
    assert [(each["status"], each["resp"]["size"], each["src"]) for each in found["http_ex"]] == [
        (200, 4, GUEST)
    ]
    assert found["tcp"] == [
        {
            "src": GUEST, "sport": 49152, "dst": SERVER, "dport": 80, "offset": 24 + 2 * 16 + len(VISIT[0] + VISIT[1]),
            "time": 0.002, "duration": 0.007, "packets": 8, "bytes": sum(map(len, VISIT[2:])), "protocol": "http",
            "state": "closed", "client_bytes": len(GET), "server_bytes": len(OK), "lost_bytes": 0, "retransmissions": 0,
        }
    ]  # fmt: skip
    assert found["timeline"] == [[int(START), 10]]
    assert {each: numbers["packets"] for each, numbers in found["protocols"].items()} == {
        "tcp": 8, "http": 8, "udp": 2, "dns": 2,
    }  # fmt: skip
    assert found["problems"] == found["truncated"] == {}


def test_equal_requests_are_one_record_with_a_count() -> None:
    found = sections(pcap([*visit(), *visit(sport=49153)]))

    assert [each["count"] for each in found["http"]] == [2]
    assert len(found["http_ex"]) == 2


def test_a_syn_that_nobody_answers_is_a_dead_host_once() -> None:
    packets = [Dialogue(sport).packet(0, SYN) for sport in (1, 2)]
    refused = Dialogue(3, 81)
    packets += [refused.packet(0, SYN), refused.packet(1, RST | ACK)]

    found = sections(pcap(packets))

    assert found["dead_hosts"] == [[SERVER, 80]]
    assert [flow["state"] for flow in found["tcp"]] == ["unanswered", "unanswered", "reset"]


@pytest.mark.parametrize(
    ("address", "listed"),
    [("10.9.9.9", False), ("192.168.1.1", False), ("224.0.0.251", False), ("192.0.2.1", True)],
)
def test_hosts_are_those_beyond_the_own_network(address: str, listed: bool) -> None:
    packet = asked(b"x", dport=9999, dst=address)

    assert [host["ip"] for host in sections(pcap([packet]))["hosts"]] == [address] * listed


def test_private_hosts_are_listed_when_wanted() -> None:
    packet = asked(b"x", dport=9999, dst="10.9.9.9")

    assert len(sections(pcap([packet]), Settings(private_hosts=True))["hosts"]) == 1


def test_what_is_allow_listed_is_no_indicator_but_stays_a_flow() -> None:
    packets = [
        *VISIT,
        *lookup("www.other.org", "8.8.4.4"),
        *visit("8.8.4.4", 49160),
        *visit("1.1.1.1", 49161),
    ]
    allowed = AllowList(frozenset({"example.com", "other.org"}), (ip_network("1.1.1.0/24"),))

    found = sections(pcap(packets), Settings(allowed=allowed))

    assert found["hosts"] == found["domains"] == found["dns"] == found["http"] == []
    assert len(found["tcp"]) == 3


def test_dns_is_known_on_any_port_and_over_tcp() -> None:
    question = query("over-tcp.example")
    dialogue = Dialogue(50001, 53)
    framed = len(question).to_bytes(2, "big") + question
    packets = [asked(query("odd-port.example"), dport=9953), *dialogue.open(), dialogue.send(0, framed)]

    found = sections(pcap(packets))

    assert [record["request"] for record in found["dns"]] == ["odd-port.example", "over-tcp.example"]
    assert [flow["protocol"] for flow in [*found["udp"], *found["tcp"]]] == ["dns", "dns"]


@pytest.mark.parametrize(("port", "family"), [(5353, "mdns"), (5355, "llmnr"), (137, "nbns")])
def test_other_name_services_are_kept_apart(port: int, family: str) -> None:
    found = sections(pcap([asked(query("printer.local"), port, port)]))

    assert [record["request"] for record in found[family]] == ["printer.local"]
    assert found["dns"] == []


def test_a_flow_that_is_not_known_is_not_looked_at_for_ever() -> None:
    packets = [asked(b"?" * 20, dport=9999)] * 6 + [asked(query("late.example"), dport=9999)]

    assert sections(pcap(packets))["dns"] == []


def test_malformed_dns_is_counted() -> None:
    found = sections(pcap([asked(b"short"), asked(query("cut.example")[:-3])]))

    assert found["problems"] == {"malformed DNS message": 2}


def test_icmp_is_listed_with_what_echoes_carry() -> None:
    echo = ethernet(ipv4(b"\x08\0\0\0\0\1\0\1secret\x01", 1))
    unreachable = ethernet(ipv4(b"\x03\x03\0\0\0\0\0\0" + ipv4(b"", 17), 1))
    echo6 = ethernet(ipv6(b"\x80\0\0\0\0\1\0\1six", 58), 0x86DD)

    found = sections(pcap([echo, unreachable, echo6]))

    assert [(each["type"], each["code"], each["data"]) for each in found["icmp"]] == [
        (8, 0, "secret\\x01"),
        (3, 3, ""),
        (128, 0, "six"),
    ]
    assert [round(each["time"] - START, 6) for each in found["icmp"]] == [0.0, 0.001, 0.002]
    assert [found["protocols"][each]["packets"] for each in ("icmp", "icmpv6")] == [2, 1]


def test_quick_and_slow_path_tell_the_same() -> None:
    tagged = [packet[:12] + b"\x81\0\0\5" + packet[12:] for packet in VISIT]
    quick, slow = sections(pcap(VISIT)), sections(pcap(tagged))

    for record in [*quick["tcp"], *quick["udp"]]:
        record["bytes"] += 4 * record["packets"]
    for record in [*quick["tcp"], *quick["udp"], *slow["tcp"], *slow["udp"]]:
        del record["offset"]
    assert {each: quick[each] for each in ("tcp", "udp", "dns", "http_ex")} == {
        each: slow[each] for each in ("tcp", "udp", "dns", "http_ex")
    }


def test_a_datagram_ends_where_its_own_length_says() -> None:
    opening, question = asked(query("first.example")), query("second.example")
    longer = struct.pack(">HHHH", 50000, 53, 8 + len(question) - 3, 0) + question

    found = sections(pcap([opening, ethernet(ipv4(longer, 17, GUEST, "10.0.0.1"))]))

    assert found["problems"] == {"malformed DNS message": 1}


@pytest.mark.parametrize("datagrams", range(1, 8))
def test_quick_and_slow_path_look_at_as_many_datagrams(datagrams: int) -> None:
    packets = [asked(b"?" * 20, dport=9999)] * datagrams + [asked(query("late.example"), dport=9999)]
    tagged = [packet[:12] + b"\x81\0\0\5" + packet[12:] for packet in packets]

    assert sections(pcap(packets))["dns"] == sections(pcap(tagged))["dns"]


@pytest.mark.parametrize("snap_length", [60, 90])
def test_a_short_snap_length_shows_as_lost_bytes(snap_length: int) -> None:
    found = sections(pcap(VISIT, snap_length=snap_length))

    (flow,) = found["tcp"]
    assert flow["lost_bytes"] == len(GET) + len(OK) - 2 * (snap_length - 54)
    assert flow["client_bytes"] == len(GET)


def test_options_cut_by_the_snap_length_hide_the_payload_but_not_its_size() -> None:
    dialogue = Dialogue()
    opening = [*dialogue.open()]
    plain = dialogue.send(0, GET)
    optioned = (
        plain[:16]
        + struct.pack(">H", len(plain) - 14 + 12)
        + plain[18:46]
        + b"\x80"
        + plain[47:54]
        + bytes(12)
    )

    found = sections(pcap([*opening, optioned + GET], snap_length=60))

    assert found["problems"] == {}
    assert [(flow["client_bytes"], flow["lost_bytes"]) for flow in found["tcp"]] == [(len(GET), len(GET))]


def test_times_of_zero_and_times_that_go_backwards_are_taken_as_they_are() -> None:
    content = bytearray(pcap(VISIT))
    struct.pack_into("<II", content, 24, 0, 0)

    found = sections(bytes(content))

    assert [entry[0] for entry in found["timeline"]] == [0, int(START)]
    assert found["udp"][0]["duration"] > 1e9


def test_no_flow_lasts_less_than_nothing() -> None:
    content = bytearray(pcap([asked(query("example.com"))] * 2))
    struct.pack_into("<I", content, len(content) // 2 + 12, 0)

    (flow,) = sections(bytes(content))["udp"]

    assert (flow["packets"], flow["duration"]) == (2, 0.0)


@pytest.mark.parametrize("content", [pcap([b"x"], link=147), section() + interface(147) + enhanced(b"x", 0)])
def test_an_unknown_link_type_is_named(content: bytes) -> None:
    with pytest.raises(CuckooProcessingError, match=r"link type 147 \(USER0\)"):
        sections(content)


def test_of_several_interfaces_the_unknown_one_is_counted() -> None:
    content = section() + interface(147) + interface(1) + enhanced(b"x", 0) + enhanced(VISIT[0], 0, 1)

    found = sections(content)

    assert found["problems"] == {"unknown link type 147 (USER0)": 1}
    assert len(found["udp"]) == 1


def test_lists_are_bounded_and_the_rest_counted() -> None:
    packets = [Dialogue(sport, 80 + sport, dst=f"8.8.{sport}.8").packet(0, SYN) for sport in range(1, 21)]

    found = sections(pcap(packets), Settings(maximum=5))

    assert [len(found[each]) for each in ("tcp", "dead_hosts", "hosts")] == [5, 5, 5]
    assert found["truncated"]["tcp"] == 15
    assert found["truncated"]["hosts"] == 15


def test_flows_followed_at_a_time_are_bounded_and_what_went_is_counted() -> None:
    packets = [ethernet(ipv4(tcp(sport, 80, 1, flags=SYN), 6)) for sport in range(1, 101)]
    packets += [asked(b"x", sport, 9999) for sport in range(1, 101)]

    found = sections(pcap(packets), Settings(flows=10))

    assert found["truncated"] == {"tcp_flows": 90, "udp_flows": 90}
    assert len(found["tcp"]) == len(found["udp"]) == 100


def test_an_answer_of_a_server_seen_first_does_not_turn_the_flow_round() -> None:
    dialogue = Dialogue(49152, 8080)
    list(dialogue.open())
    response_first, request = dialogue.packet(1, ACK, OK), dialogue.packet(0, ACK, GET)

    found = sections(pcap([response_first, request]))

    assert [(flow["src"], flow["dport"]) for flow in found["tcp"]] == [(GUEST, 8080)]
    assert {(each["src"], each["dport"]) for each in found["http_ex"]} == {(GUEST, 8080)}


def test_ipv6_flows_and_answers_are_read() -> None:
    packet = ethernet(ipv6(udp(50000, 53, query("six.example", 28)), 17), 0x86DD)
    sixteen = bytes(15) + b"\1"
    reply = response("six.example", [resource(name("six.example"), 28, sixteen)], 28)

    found = sections(
        pcap([packet, ethernet(ipv6(udp(53, 50000, reply), 17, "2001:db8::99", "2001:db8::2"), 0x86DD)])
    )

    assert [record["answers"][0]["data"] for record in found["dns"]] == ["::1"]
    assert len(found["udp"]) == 1


SOUND = pcap([*VISIT, *visit("8.8.4.4", 49160)])


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, len(SOUND)),
    st.lists(st.tuples(st.integers(24, len(SOUND) - 1), st.integers(0, 255)), max_size=12),
)
def test_a_capture_cut_and_corrupted_anywhere_gives_a_result(
    size: int, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(SOUND)
    for place, byte in changes:
        content[place] = byte

    found = sections(bytes(content[:size]))

    assert set(found) >= {"tcp", "udp", "dns", "hosts", "problems", "truncated"}


@pytest.mark.parametrize("seed", range(8))
def test_real_captures_cut_and_corrupted_give_results(shared_data: Path, seed: int) -> None:
    chance = random.Random(seed)
    captures = sorted((shared_data / "pcap").rglob("*.pcap*"))
    files = [file for file in captures if file.is_file() and 24 < file.stat().st_size < 20_000]
    for file in chance.sample(files, 25):
        content = bytearray(file.read_bytes())
        for _ in range(chance.randrange(20)):
            content[chance.randrange(24, len(content))] = chance.randrange(256)
        try:
            found = sections(bytes(content[: chance.randrange(len(content) + 1)]))
        except CuckooProcessingError:
            continue
        assert set(found) >= {"tcp", "udp", "dns", "hosts", "problems", "truncated"}


def test_dns_over_tcp_is_read_on_any_port() -> None:
    dialogue = Dialogue(49152, 8053)
    question, reply = query("odd.example"), response("odd.example", [resource(b"\xc0\x0c", 1, bytes(4))])
    framed = [len(message).to_bytes(2, "big") + message for message in (question, reply)]

    found = sections(
        pcap([*dialogue.open(), dialogue.send(0, framed[0]), dialogue.send(1, framed[1]), *dialogue.close()])
    )

    assert [(record["request"], record["answers"][0]["data"]) for record in found["dns"]] == [
        ("odd.example", "0.0.0.0")
    ]
    assert [flow["protocol"] for flow in found["tcp"]] == ["dns"]


def test_ports_of_one_host_and_of_all_are_bounded_and_the_rest_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sections_module, "MOST_PORTS", 3)
    monkeypatch.setattr(sections_module, "MOST_PORTS_TOGETHER", 5)
    packets = [
        ethernet(ipv4(udp(50_000 + port, port, b"?"), 17, GUEST, f"198.51.100.{host}"))
        for host in (1, 2, 3)
        for port in (2001, 2002, 2003, 2004, 2001)
    ]

    found = sections(pcap(packets))

    assert [host["ports"] for host in found["hosts"]] == [[2001, 2002, 2003], [2001, 2002], []]
    assert found["truncated"] == {"ports": 7}


@pytest.mark.parametrize("claimed", [41, 1500, 0xFFFF])
def test_a_packet_that_claims_more_than_was_on_the_wire_hides_nothing_that_follows(claimed: int) -> None:
    web = Dialogue()
    opened = list(web.open())
    empty = bytearray(web.packet(0, ACK))
    empty[16:18] = claimed.to_bytes(2, "big")
    visit = [*opened, bytes(empty), web.send(0, GET), *web.close()]

    found = sections(pcap(visit))

    assert [exchange["path"] for exchange in found["http_ex"]] == ["/path"]
    assert (found["tcp"][0]["lost_bytes"], found["problems"]) == (0, {"IP length beyond the packet": 1})


def test_a_packet_that_the_capture_cut_leaves_a_gap() -> None:
    web = Dialogue()
    visit = [*web.open(), web.send(0, GET), web.send(0, GET), *web.close()]

    found = sections(pcap(visit, snap_length=60))

    assert (found["tcp"][0]["lost_bytes"], found["problems"]) == (2 * (len(GET) - 6), {})


def test_an_endpoint_that_answered_once_is_not_dead() -> None:
    answered, refused = Dialogue(sport=50001), Dialogue(sport=50003)
    silent = [Dialogue(sport=port).packet(0, SYN) for port in (50000, 50002)]
    others = [Dialogue(sport=port, dport=81).packet(0, SYN) for port in (50000, 50002)]
    rejected = [refused.packet(0, SYN), refused.packet(1, RST | ACK)]

    found = sections(pcap([silent[0], *answered.open(), silent[1], *others]))

    assert [flow["state"] for flow in found["tcp"]].count("unanswered") == 4
    assert found["dead_hosts"] == [[SERVER, 81]]
    assert sections(pcap(rejected))["dead_hosts"] == []


def test_a_client_that_acknowledges_was_answered_out_of_sight() -> None:
    web = Dialogue()
    syn, _, ack = web.open()

    found = sections(pcap([syn, ack, web.send(0, GET)]))

    assert [flow["state"] for flow in found["tcp"]] == ["open"]
    assert found["dead_hosts"] == []


def test_records_beyond_a_full_list_take_no_room_from_others() -> None:
    chat = Dialogue(50_000, dport=6667)
    lines = [chat.send(0, b"NICK someone\r\n"), *(chat.send(0, b"PRIVMSG #a :text\r\n") for _ in range(500))]

    found = sections(pcap([*lines, *visit()]), Settings(maximum=10, record_bytes=40_000))

    assert len(found["irc"]) == 10
    assert found["truncated"] == {"irc": 491}
    assert len(found["http_ex"]) == 1


def test_packets_in_seconds_beyond_the_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis_module, "MOST_SECONDS", 2)

    found = sections(pcap(VISIT, step=0.5))

    assert found["timeline"] == [[int(START), 2], [int(START) + 1, 2]]
    assert found["truncated"] == {"timeline": len(VISIT) - 4}


def test_what_finds_no_room_in_open_conversations_is_counted() -> None:
    dialogue = Dialogue(dport=9999)
    settings = Settings(context=Context(held=Pool(100)))

    assert sections(pcap([dialogue.send(0, b"no protocol")]), settings)["truncated"] == {"waiting": 1}


def test_protocols_and_problems_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections_module, "MOST_PROTOCOLS", 3)
    monkeypatch.setattr(analysis_module, "MOST_PROBLEMS", 2)
    others = b"".join(interface(200 + kind) for kind in range(5))
    packets = b"".join(enhanced(b"packet", 0, number) for number in range(1, 6))
    kinds = b"".join(enhanced(ethernet(b"", kind), 0) for kind in range(0x7001, 0x7006))

    found = sections(section() + interface() + others + packets + kinds)

    assert {name: each["packets"] for name, each in found["protocols"].items()} == {
        "other": 2, "ethertype 0x7001": 1, "ethertype 0x7002": 1, "ethertype 0x7003": 1,
    }  # fmt: skip
    assert found["problems"] == {
        "unknown link type 200": 1, "unknown link type 201 (BLUETOOTH_HCI_H4_WITH_PHDR)": 1, "unknown link types": 3,
    }  # fmt: skip


@pytest.mark.parametrize("ended", [True, False])
def test_what_goes_on_behind_a_reset_is_counted(ended: bool) -> None:
    web = Dialogue()
    opened = [*web.open(), web.send(0, GET)]
    reset = [web.packet(0, RST)] if ended else []

    found = sections(pcap([*opened, *reset, web.send(1, OK), web.send(0, GET), *web.close()]))

    assert found["problems"] == ({"TCP data behind the end of a connection": 1} if ended else {})
    assert found["http_ex"][0]["status"] == (None if ended else 200)
