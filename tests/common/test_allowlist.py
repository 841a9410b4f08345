from ipaddress import ip_address

import pytest

from lib.cuckoo.common.allowlist import AllowList, parse_allow_list

LIST = parse_allow_list(
    ["# of the operating system", "Microsoft.com.", "", "  time.example  # clock"],
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
