from datetime import UTC, datetime

import pytest
import stix2
from hypothesis import given
from hypothesis import strategies as st
from stix2patterns.v21.pattern import Pattern

from lib.cuckoo.reporting.sharing.records import Indicator
from lib.cuckoo.reporting.stix.indicators import literal, pattern_of


def pattern(kind: str, value: str) -> str:
    found = pattern_of(Indicator(kind, value, ("somewhere",), datetime(2026, 1, 1, tzinfo=UTC)))
    stix2.Indicator(pattern=found, pattern_type="stix", pattern_version="2.1")
    return found


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("sha256", "ab" * 32, f"[file:hashes.'SHA-256' = '{'ab' * 32}']"),
        ("md5", "ab" * 16, f"[file:hashes.'MD5' = '{'ab' * 16}']"),
        ("ip", "2001:db8::1", "[ipv6-addr:value = '2001:db8::1']"),
        ("ip", "198.51.100.1", "[ipv4-addr:value = '198.51.100.1']"),
        ("mutex", "Local\\it's", "[mutex:name = 'Local\\\\it\\'s']"),
        ("path", "C:\\a\\b.exe", "[file:name = 'b.exe' AND file:parent_directory_ref.path = 'C:\\\\a']"),
        ("path", "b.exe", "[file:name = 'b.exe']"),
        ("registry", "HKEY_USERS\\a", "[windows-registry-key:key = 'HKEY_USERS\\\\a']"),
        ("email", "a@b.example", "[email-addr:value = 'a@b.example']"),
    ],
)
def test_each_kind_has_its_pattern(kind: str, value: str, expected: str) -> None:
    assert pattern(kind, value) == expected


@pytest.mark.parametrize("kind", ["imphash", "user_agent", "url", "domain"])
def test_every_pattern_is_one(kind: str) -> None:
    assert pattern(kind, "value")


@given(st.text())
def test_no_value_breaks_out_of_its_string(value: str) -> None:
    inspected = Pattern(f"[mutex:name = {literal(value)}]").inspect().comparisons

    assert inspected == {"mutex": [(["name"], "=", literal(value))]}
