import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network.attribution import APIS, MOST_CLAIMS, attribute, read_claims

REAL = "reports/cape/0000a65749f5902c4d82ffa701198038f0b4870b00a27cfca109f8f933476d82.json.gz"
EMPTY: dict[str, Any] = {
    "tcp": [], "udp": [], "dns": [], "llmnr": [], "mdns": [], "http": [], "http_ex": [], "https_ex": [], "tls": [],
}  # fmt: skip


def call(api: str, timestamp: str = "2026-01-31 13:21:44,590", **arguments: object) -> dict[str, Any]:
    listed = [{"name": name, "value": str(value)} for name, value in arguments.items()]
    return {"api": api, "category": "network", "timestamp": timestamp, "arguments": listed}


def process(number: int, *calls: dict[str, Any]) -> dict[str, Any]:
    return {"process_id": number, "process_name": f"{number}.exe", "calls": list(calls)}


def flow(dst: str = "192.0.2.1", dport: int = 80, sport: int = 5000, time: float = 0.0) -> dict[str, Any]:
    return {"src": "10.0.0.2", "sport": sport, "dst": dst, "dport": dport, "time": time}


def owners(section: str, records: list[dict[str, Any]], *processes: dict[str, Any], **more: Any) -> list[Any]:
    sections = EMPTY | {section: records} | more
    attribute(sections, processes)
    return [record.get("process_id") for record in records]


@pytest.mark.parametrize("api", ["connect", "WSAConnect", "ConnectEx"])
@pytest.mark.parametrize("spelling", ["ip", "ip_address", "IpAddress"])
def test_a_connection_is_that_of_the_process_that_connected(api: str, spelling: str) -> None:
    caller = process(7, call(api, socket="0x44", **{spelling: "192.0.2.1", "port": "80"}))
    records = [flow(), flow(dport=81), flow(dst="192.0.2.2")]

    assert owners("tcp", records, caller) == [7, None, None]
    assert records[0]["process_name"] == "7.exe"


def test_a_datagram_is_that_of_the_process_that_sent_there() -> None:
    caller = process(7, call("sendto", ip="192.0.2.1", port="0x35"))

    assert owners("udp", [flow(dport=53), flow(dport=54)], caller) == [7, None]


def test_a_flow_is_that_of_the_process_that_bound_its_port() -> None:
    caller = process(7, call("bind", ip="0.0.0.0", port="5000"), call("bind", ip="0.0.0.0", port="0"))

    assert owners("tcp", [flow(), flow(sport=5001)], caller) == [7, None]
    assert owners("udp", [flow(), flow(sport=5001)], caller) == [7, None]


def test_of_processes_that_connect_to_one_endpoint_each_gets_its_turn() -> None:
    first = process(1, call("connect", "2026-01-31 13:21:44,100", ip="192.0.2.1", port=80))
    second = process(2, call("connect", "2026-01-31 13:21:44,050", ip="192.0.2.1", port=80))
    records = [flow(sport=5001, time=2.0), flow(sport=5000, time=1.0), flow(sport=5002, time=3.0)]

    assert owners("tcp", records, first, second) == [1, 2, None]


def test_a_connection_through_wininet_is_known_over_the_name_of_its_server() -> None:
    caller = process(7, call("InternetConnectA", ServerName="Example.COM", ServerPort=80))
    dns: list[dict[str, Any]] = [{"request": "example.com", "answers": [{"type": "A", "data": "192.0.2.1"}]}]

    assert owners("tcp", [flow()], caller, dns=dns) == [7]
    assert dns[0].get("process_id") == 7


@pytest.mark.parametrize(
    "lookup",
    [
        call("getaddrinfo", NodeName="example.com"),
        call("GetAddrInfoW", node_name="EXAMPLE.com."),
        call("gethostbyname", hostname="example.com"),
        call("DnsQuery_W", Name="example.com"),
        call("InternetOpenUrlW", URL="https://example.com/x?y"),
    ],
)
def test_a_question_is_that_of_the_first_process_that_asked(lookup: dict[str, Any]) -> None:
    records = [{"request": "Example.com", "answers": []}, {"request": "other.com", "answers": []}]

    assert owners("dns", records, process(7, lookup), process(8, lookup)) == [7, None]


def test_a_request_is_that_of_the_one_process_that_named_its_host() -> None:
    caller = process(7, call("WinHttpConnect", ServerName="example.com", ServerPort=443))
    records = [{"host": "example.com"}, {"host": "example.com:8080"}, {"host": "other.com"}, {"host": "[bad"}]

    assert owners("http", records, caller) == [7, 7, None, None]
    assert owners("http", [{"host": "example.com"}], caller, process(8, *caller["calls"])) == [None]


def test_what_was_found_in_a_flow_is_of_the_same_process() -> None:
    caller = process(7, call("connect", ip="192.0.2.1", port=80))
    paired = [flow(), flow(sport=9)]

    assert owners("http_ex", paired, caller, tcp=[flow()]) == [7, None]


def test_only_the_calls_that_matter_are_read_from_a_list_that_can_find_them() -> None:
    asked: list[frozenset[str]] = []

    class Calls:
        def of(self, api: frozenset[str]) -> Iterator[dict[str, Any]]:
            asked.append(api)
            return iter([call("connect", ip="192.0.2.1", port=80)])

    caller = {"process_id": 7, "process_name": "7.exe", "calls": Calls()}

    assert owners("tcp", [flow()], caller) == [7]
    assert "connect" in asked[0]


def test_calls_are_bounded_and_each_process_is_heard() -> None:
    noise = process(7, *[call("connect", ip="::1", port=1)] * (MOST_CLAIMS + 5))
    quiet = process(8, call("connect", ip="192.0.2.1", port=80))

    claims = read_claims([noise, quiet])

    assert not claims.complete
    assert len(claims.connected.all(("::1", 1))) == MOST_CLAIMS - 1
    assert claims.connected.sole(("192.0.2.1", 80)) is not None


def test_calls_up_to_the_bound_are_all_looked_at() -> None:
    assert read_claims([process(7, *[call("connect", ip="::1", port=1)] * MOST_CLAIMS), process(8)]).complete


def test_many_calls_flows_and_names_that_belong_together_are_judged_once() -> None:
    names = [f"{number}.example" for number in range(3000)]
    calls = [call("connect", ip="192.0.2.1", port=80) for _ in range(20_000)]
    calls += [call("getaddrinfo", NodeName=name) for name in names]
    dns = [{"request": name, "answers": [{"type": "A", "data": "192.0.2.9"}]} for name in names]
    records = [flow(sport=port) for port in range(10_000)]
    records += [flow("192.0.2.9", sport=port) for port in range(10_000)]

    assert owners("tcp", records, process(7, *calls), dns=dns) == [7] * 20_000


@pytest.mark.parametrize("api", ["getaddrinfo", "connect", "InternetOpenUrlA"])
def test_what_is_too_long_to_be_a_name_is_none(api: str) -> None:
    long = "a" * 10_000
    claims = read_claims(
        [process(7, call(api, NodeName=long, ip=long, url=f"http://{long}/", port="9" * 9000))]
    )

    assert "a" * 10_000 not in claims.names
    assert not claims.connected.all((long, 9))


@pytest.mark.parametrize("wrong", [{}, {"process_id": None}, {"process_id": "7", "calls": None}])
def test_a_process_of_another_shape_has_no_traffic(wrong: dict[str, Any]) -> None:
    calls = {"calls": [call("connect", ip="192.0.2.1", port=80), {"api": "connect"}, {}]}

    assert owners("tcp", [flow()], calls | wrong) == [None]
    assert owners("tcp", [flow()], process(7, {"api": "connect", "arguments": {"ip": "192.0.2.1"}})) == [None]


@pytest.mark.parametrize(
    "visit",
    [
        call("InternetConnectA", ServerName="192.0.2.1", ServerPort="80"),
        call("InternetConnectW", hostname="192.0.2.1", port="80"),
        call("WinHttpConnect", ServerName="192.0.2.1", ServerPort="80"),
        call("InternetOpenUrlA", url="http://192.0.2.1/gate.php"),
        call("URLDownloadToCacheFileW", URL="ftp://192.0.2.1:80/x"),
    ],
)
def test_a_connection_is_that_of_the_process_that_gave_its_address_as_server(visit: dict[str, Any]) -> None:
    assert owners("tcp", [flow(), flow(dport=81)], process(7, visit)) == [7, None]
    assert owners("tcp", [flow()], process(7, visit), process(8, visit)) == [None]


def test_a_server_of_version_6_may_stand_in_brackets() -> None:
    visit = call("WinHttpConnect", ServerName="[2001:DB8:0::1]", ServerPort="443")

    assert owners("tcp", [flow("2001:db8::1", 443)], process(7, visit)) == [7]


def test_an_address_of_version_4_inside_one_of_version_6_is_itself() -> None:
    assert owners("tcp", [flow()], process(7, call("connect", ip="::ffff:192.0.2.1", port=80))) == [7]


def test_a_connection_from_outside_is_that_of_the_process_that_took_it() -> None:
    inbound = {"src": "192.0.2.9", "sport": 40000, "dst": "10.0.0.2", "dport": 4444, "time": 1.0}
    taken = call("accept", socket="0x50", ip_address="192.0.2.9", port="40000")
    listening = call("bind", ip="0.0.0.0", port="4444")

    assert owners("tcp", [flow(), dict(inbound)], process(7, taken)) == [None, 7]
    assert owners("tcp", [flow(), dict(inbound)], process(7, listening)) == [None, 7]
    assert owners("tcp", [flow(dport=4444)], process(7, listening)) == [None]


def test_datagrams_do_not_take_the_turns_of_connections() -> None:
    first = process(1, call("sendto", ip="192.0.2.1", port=80))
    second = process(2, call("connect", ip="192.0.2.1", port=80))

    assert owners("tcp", [flow()], first, second) == [2]
    assert owners("udp", [flow()], first, second) == [1]


@pytest.mark.parametrize("section", ["tls", "quic"])
def test_a_flow_is_known_over_the_name_that_was_called_in_it(section: str) -> None:
    caller = process(7, call("WinHttpConnect", ServerName="example.com", ServerPort=443))
    hellos = [{**flow(dport=443), "sni": "Example.com"}, {**flow(dport=443, sport=5001), "sni": "other.com"}]
    protocol = "tcp" if section == "tls" else "udp"
    flows = [flow(dport=443), flow(dport=443, sport=5001)]

    assert owners(protocol, flows, caller, **{section: hellos}) == [7, None]
    assert [hello.get("process_id") for hello in hellos] == [7, None]


def test_a_request_is_that_of_its_exchange() -> None:
    caller = process(7, call("connect", ip="192.0.2.1", port=80))
    asked = {"method": "GET", "host": "192.0.2.1", "port": 80, "uri": "http://192.0.2.1/a"}
    other = asked | {"uri": "http://192.0.2.1/b"}

    assert owners("http", [dict(asked), other], caller, tcp=[flow()], http_ex=[asked | flow()]) == [7, None]


def test_an_exchange_whose_flow_is_not_listed_is_known_over_its_host() -> None:
    caller = process(7, call("WinHttpConnect", ServerName="example.com", ServerPort=80))

    assert owners("http_ex", [flow() | {"host": "example.com:80"}], caller) == [7]


def test_what_a_tunnel_carries_is_of_the_process_that_connected_to_its_proxy() -> None:
    caller = process(7, call("connect", ip="192.0.2.1", port=3128))
    proxied = [flow(dport=3128), flow(dport=3128, sport=6000), flow(dport=3129, sport=6000)]
    inside = [flow("198.51.100.1", 443), flow("198.51.100.1", 443, sport=6000)]

    assert owners("tls", inside, caller, tcp=proxied) == [7, None]


def test_a_bare_name_is_asked_for_with_the_domain_of_the_system() -> None:
    caller = process(7, call("getaddrinfo", NodeName="wpad"))
    asked: list[dict[str, Any]] = [
        {"request": name, "answers": []} for name in ("wpad.corp.example", "wpad", "www.wpad")
    ]

    assert owners("dns", asked, caller) == [7, 7, None]


def test_a_number_that_two_processes_had_is_of_neither() -> None:
    visit = call("InternetConnectA", ServerName="192.0.2.1", ServerPort=80)
    again = process(7, visit) | {"process_name": "other.exe"}

    assert owners("tcp", [flow()], process(7, visit), again) == [None]


def test_the_servers_of_a_real_log_are_found_on_the_wire(shared_data: Path) -> None:
    """A bot in explorer.exe that gives WinINet bare addresses; they never answered."""
    report = json.loads(gzip.decompress((shared_data / REAL).read_bytes()))
    dead = [flow(ip, port) for ip, port in report["network"]["dead_hosts"] if not ip.startswith("172.")]
    asked: list[dict[str, Any]] = [{"request": "www.ip-adress.com", "answers": []}]

    found = owners("tcp", dead, *report["behavior"]["processes"], dns=asked)

    assert dict(zip([each["dst"] for each in dead], found, strict=True)) == {
        "216.201.159.118": 1852,
        "65.173.74.217": 1852,
        "66.222.88.126": 1852,
        "71.190.202.120": 1852,
        "216.109.9.227": 1852,
        "47.40.29.239": 1852,
        "185.219.83.73": 1852,
        "63.140.135.35": 1852,
        "23.49.13.33": None,
    }
    assert asked[0]["process_id"] == 1852


@given(
    st.sampled_from(sorted(APIS | {"NtClose"})),
    st.dictionaries(
        st.sampled_from(["ip", "port", "URL", "NodeName", "ServerName", "socket"]), st.text(max_size=20)
    ),
)
def test_any_arguments_are_claims_or_none(api: str, arguments: dict[str, str]) -> None:
    read_claims([process(1, call(api, **arguments))])


def test_many_calls_and_many_flows_to_one_endpoint_are_held_against_each_other_once() -> None:
    calls = [call("connect", ip="192.0.2.1", port=80)] * 20_000
    found = owners(
        "tcp", [flow(sport=number) for number in range(5000)], process(1, *calls), process(2, *calls)
    )

    assert found == [1] * 5000


def test_the_host_of_a_long_url_is_found_and_a_long_name_is_none() -> None:
    url = "http://evil.test/" + "a" * 100_000
    claims = read_claims(
        [process(1, call("InternetOpenUrlA", url=url), call("gethostbyname", hostname="b" * 300))]
    )

    assert "evil.test" in claims.names
    assert "b" * 300 not in claims.names


def test_hosts_of_requests_may_be_anything() -> None:
    hosts = ["\u0301\u0316" * 50_000, "[", "", "a" * 2000]

    assert owners("http", [{"host": host} for host in hosts], process(1)) == [None] * 4
