import re
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.allowlist import AllowList, parse_allow_list

LIST = parse_allow_list(
    ["# of the operating system", "Microsoft.com.", "", "  time.example  # clock", "*.update.example"],
    ["192.0.2.0/24", "2001:db8::1", "198.51.100.7/24  # not a clean network"],
)


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("microsoft.com", True),
        ("www.Microsoft.COM.", True),
        ("time.example", True),
        ("a." * 200_000 + "microsoft.com", True),
        ("notmicrosoft.com", False),
        ("microsoft.com.evil.example", False),
        ("com", False),
        ("update.example", True),
        ("a.update.example", True),
        ("", False),
    ],
)
def test_a_domain_stands_for_itself_and_all_below(name: str, listed: bool) -> None:
    assert LIST.domain(name) is listed


@pytest.mark.parametrize(
    ("address", "listed"),
    [
        ("192.0.2.9", True),
        ("192.0.3.9", False),
        ("2001:db8::1", True),
        ("::1", False),
        ("198.51.100.200", True),
    ],
)
def test_a_network_stands_for_its_addresses(address: str, listed: bool) -> None:
    assert LIST.address(ip_address(address)) is listed


def test_an_empty_list_allows_nothing() -> None:
    assert not AllowList().domain("example.com")
    assert not AllowList().address(ip_address("192.0.2.1"))


def test_a_line_that_is_no_network_is_named() -> None:
    with pytest.raises(ValueError, match="not-an-address"):
        parse_allow_list([], ["not-an-address"])


@pytest.mark.parametrize("line", ["127.0.0.1 ads.example", "https://ads.example/", "me@ads.example", "a\0b"])
def test_a_line_that_is_no_domain_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=f"{re.escape(repr(line))} is no domain"):
        parse_allow_list([line], [])


NETWORKS = [
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/8",
    "10.1.2.3/32",
    "10.1.2.0/23",
    "2001:db8::/32",
    "::1/128",
    "::/96",
]


@given(
    st.lists(st.sampled_from(NETWORKS)),
    st.one_of(
        st.ip_addresses(), st.sampled_from(["10.1.2.3", "10.1.3.9", "::1", "2001:db8::5", "::a01:203"])
    ),
)
def test_an_address_is_listed_when_a_network_holds_it(networks: list[str], text: object) -> None:
    address = ip_address(str(text))
    listed = any(address in ip_network(network) for network in networks)

    assert parse_allow_list([], networks).address(address) is listed
