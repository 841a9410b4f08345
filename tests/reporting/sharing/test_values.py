from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.reporting.sharing import values

ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.lists(st.integers())
    | st.dictionaries(st.text(), st.text())
)


@pytest.mark.parametrize(
    ("algorithm", "given_value", "expected"),
    [
        ("md5", "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"),
        ("md5", "d41d8cd98f00b204e9800998ecf8427", None),
        ("sha1", "g" * 40, None),
        ("sha256", "٣" * 64, None),
        ("sha256", "0" * 64 + "\n", None),
        ("tlsh", "T1" + "A" * 70, "A" * 70),
        ("tlsh", "A" * 69, None),
        ("ssdeep", "3:ab+/:c", "3:ab+/:c"),
        ("ssdeep", "3:ab:c'] OR [x:y = '", None),
    ],
)
def test_a_hash_has_the_length_and_the_digits_of_its_kind(
    algorithm: str, given_value: str, expected: str | None
) -> None:
    assert values.digest(algorithm, given_value) == expected


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", None),
        ("198.51.100.256", None),
        ("1.2.3", None),
        (16909060, None),
        ("", None),
    ],
)
def test_an_address_is_one_that_every_platform_takes(given_value: object, expected: str | None) -> None:
    assert values.address(given_value) == expected


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        ("Gate.Example.", "gate.example"),
        ("_ldap._tcp.example.org", "_ldap._tcp.example.org"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        ("a" * 64 + ".example", None),
        ("wpad", None),
        ("with space.example", None),
        ("-a.example", None),
        ("a..example", None),
        ("198.51.100.1", None),
        ("' OR '1'='1.example", None),
        (".".join(["a" * 49] * 5) + ".abc", ".".join(["a" * 49] * 5) + ".abc"),
        (".".join(["a" * 49] * 5) + ".abcd", None),
    ],
)
def test_a_domain_is_made_of_labels(given_value: str, expected: str | None) -> None:
    assert values.domain(given_value) == expected


@pytest.mark.parametrize(
    ("given_value", "right"),
    [
        ("http://gate.example/a?b=c'd", True),
        ("https://198.51.100.1:8443/", True),
        ("http://[2001:db8::1]/", True),
        ("http://gate.example/a b", False),
        ("http://gate.example:99999/", False),
        ("http://[2001:db8::1/", False),
        ("http:///nothing", False),
        ("gate.example/a", False),
        ("http://gate.example/" + "a" * 80, True),
        ("http://gate.example/" + "a" * 81, False),
        ("http://gate.example/\u202e", False),
    ],
)
def test_a_url_has_a_host_and_nothing_hidden(given_value: str, right: bool) -> None:
    assert values.url(given_value, 100) == (given_value if right else None)


@pytest.mark.parametrize(
    ("given_value", "right"),
    [
        ("a.b+c@mail.example", True),
        ("a@b@mail.example", False),
        ("a@mail", False),
        ("<a@mail.example>", False),
    ],
)
def test_a_mail_address_has_the_usual_form(given_value: str, right: bool) -> None:
    assert (values.mail_address(given_value) is not None) == right


@pytest.mark.parametrize(
    "hidden", ["a\0b", "a\x1b[2J", "a\u202eb", "\ud800", " a", "a\n", "", None, "a" * 11]
)
def test_text_with_something_hidden_names_nothing(hidden: object) -> None:
    assert values.exact(hidden, 10) is None


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        ("2026-01-31 13:21:44,590", datetime(2026, 1, 31, 13, 21, 44, 590_000, UTC)),
        ("2026-01-31T13:21:44+02:00", datetime(2026, 1, 31, 11, 21, 44, tzinfo=UTC)),
        (1.0005, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        ("1601-01-01 00:00:00", None),
        ("9999-12-31 23:59:59", None),
        (float("nan"), None),
        (10**400, None),
        (True, None),
        ("yesterday", None),
    ],
)
def test_a_time_lies_between_1970_and_3000(given_value: object, expected: datetime | None) -> None:
    assert values.instant(given_value) == expected


@pytest.mark.parametrize(
    ("given_value", "inner"), [("10.0.0.1", True), ("fe80::1", True), ("198.51.100.1", False), ("x", True)]
)
def test_addresses_of_inner_networks_mean_another_machine_elsewhere(given_value: str, inner: bool) -> None:
    assert values.internal(given_value) == inner


@given(ANY)
def test_any_value_is_taken_or_refused(given_value: Any) -> None:
    for check in (values.address, values.domain, values.mail_address, values.technique, values.instant):
        check(given_value)
    for algorithm in values.ALGORITHMS:
        values.digest(algorithm, given_value)
    values.url(given_value, 100)
    assert values.port(given_value) is None or 0 <= given_value <= 65_535
    assert values.size(given_value) is None or given_value >= 0
