import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.reporting.iocs.indicator import KINDS, folded, host_of, spelled


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("sha256", "A" * 64, "a" * 64),
        ("sha256", "a" * 63, ""),
        ("md5", "d41d8cd98f00b204e9800998ecf8427e", ""),
        ("md5", "0" * 32, ""),
        ("domain", "WWW.Bad.Example.", "www.bad.example"),
        ("domain", "4.2.0.192.in-addr.arpa", ""),
        ("domain", "192.0.2.4", ""),
        ("domain", "wpad", "wpad"),
        ("ip", "2001:DB8:0:0::1", "2001:db8::1"),
        ("ip", "[2001:db8::1]", "2001:db8::1"),
        ("ip", "::ffff:192.0.2.1", "192.0.2.1"),
        ("ip", "127.0.0.1", ""),
        ("ip", "0.0.0.0", ""),
        ("ip", "255.255.255.255", ""),
        ("ip", "224.0.0.251", ""),
        ("ip", "192.0.2", ""),
        ("url", "HXXPS://Bad.Example:443/A?b=C#d", "https://bad.example/A?b=C#d"),
        ("url", "http://user:pw@Bad.example:8080", "http://user:pw@bad.example:8080/"),
        ("url", "http://[2001:db8::1]:80/x", "http://[2001:db8::1]/x"),
        ("url", "http://", ""),
        ("url", "bad.example/x", ""),
        ("email", "Accounts <Bob@Partner.Example>", "Bob@partner.example"),
        ("email", "comp@google[2].txt", ""),
        ("email", r"C:\Cookies\comp@bing.txt", ""),
        ("email", "nobody", ""),
        ("mutex", "=1+1", "=1+1"),
        ("registry", r"HKLM\Software\Run" + "\\", r"HKEY_LOCAL_MACHINE\Software\Run"),
        ("registry", r"\REGISTRY\USER\S-1-5\Run", r"HKEY_USERS\S-1-5\Run"),
        ("path", r"\??\C:\a.exe", r"C:\a.exe"),
        ("path", r"\\?\UNC\server\share\a", r"\\server\share\a"),
        ("path", "/usr/bin/id", "/usr/bin/id"),
        ("path", r"4;?C:\Windows\explorer.exe;?2852;?", ""),
        ("path", r"\Device\RasAcd", ""),
        ("path", "a\udcff", ""),
        ("mutex", "a\udcff\ud800", "a\\udcff\\ud800"),
        ("mutex", "  ", ""),
        ("mutex", None, ""),
        ("mutex", 7, ""),
    ],
)
def test_each_kind_has_one_spelling(kind: str, value: object, expected: str) -> None:
    assert spelled(kind, value) == expected


def test_case_counts_only_where_it_does_on_the_system() -> None:
    assert folded("path", r"C:\A.exe") == folded("path", r"c:\a.EXE")
    assert folded("registry", r"HKEY_USERS\A") == folded("registry", r"HKEY_USERS\a")
    assert folded("path", "/tmp/A") != folded("path", "/tmp/a")
    assert folded("mutex", "A") != folded("mutex", "a")


def test_the_host_of_a_url_has_no_brackets() -> None:
    assert host_of("http://u@[2001:db8::1]:8080/x") == "2001:db8::1"
    assert host_of("nothing") == ""
    assert host_of("http://") == ""


@given(st.sampled_from(KINDS), st.text(max_size=80) | st.from_regex(r"hxxps?://\S{0,40}"))
def test_any_text_has_a_spelling_that_stays_and_can_be_encoded(kind: str, value: str) -> None:
    once = spelled(kind, value)

    assert spelled(kind, once) == once
    once.encode()
