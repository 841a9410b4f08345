from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network.attribution import MOST_CLAIMS, attribute, read_claims

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


def test_calls_are_bounded() -> None:
    endless = {
        "process_id": 7,
        "process_name": "7.exe",
        "calls": [call("connect", ip="::1", port=1)] * (MOST_CLAIMS + 5),
    }

    assert len(read_claims([endless]).connected["::1", 1]) == MOST_CLAIMS


@given(
    st.sampled_from(["connect", "getaddrinfo", "bind", "InternetOpenUrlA", "InternetConnectA", "NtClose"]),
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

    assert list(claims.names) == ["evil.test"]


def test_hosts_of_requests_may_be_anything() -> None:
    hosts = ["\u0301\u0316" * 50_000, "[", "", "a" * 2000]

    assert owners("http", [{"host": host} for host in hosts], process(1)) == [None] * 4
