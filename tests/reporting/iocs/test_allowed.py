import pytest

from lib.cuckoo.reporting.iocs.allowed import NOTHING, parse_allowed

LINES = r"""
# what every Windows does
good.example       # and all below it
192.0.2.0/24
2001:db8::1
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
path: C:\Windows\*
mutex:Local\SM0:????:*
registry:HKLM\Software\Plain
url:https://other.example/ok?x=#top
domain:*.cdn.example
""".splitlines()


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("domain", "www.good.example", True),
        ("domain", "notgood.example", False),
        ("ip", "192.0.2.77", True),
        ("ip", "192.0.3.1", False),
        ("ip", "2001:db8::1", True),
        ("md5", "a" * 32, True),
        ("path", r"c:\windows\system32\cmd.exe", True),
        ("path", r"C:\Users\a", False),
        ("mutex", r"Local\SM0:2104:168:WilStaging_02", True),
        ("mutex", r"Local\SM0:21:168:WilStaging_02", False),
        ("registry", r"HKEY_LOCAL_MACHINE\SOFTWARE\plain", True),
        ("registry", r"HKEY_LOCAL_MACHINE\SOFTWARE\plain\below", False),
        ("url", "http://www.good.example/x", True),
        ("url", "http://192.0.2.1:8080/x", True),
        ("url", "https://other.example/no", False),
        ("email", "bob@good.example", True),
        ("email", "bob@bad.example", False),
        ("domain", "a.cdn.example", True),
    ],
)
def test_what_a_list_covers(kind: str, value: str, expected: bool) -> None:
    assert parse_allowed(LINES).covers(kind, value) is expected


def test_a_mark_within_a_value_begins_no_comment() -> None:
    assert parse_allowed(["url:https://other.example/ok?x=#top"]).covers(
        "url", "https://other.example/ok?x=#top"
    )


def test_without_lists_nothing_is_covered() -> None:
    assert not NOTHING.covers("domain", "good.example")
    assert not parse_allowed(["", "# nothing"]).covers("mutex", "")


@pytest.mark.parametrize("line", [r"C:\Windows\*", "bob@good.example", "http://good.example/", "ip:nonsense"])
def test_a_line_that_says_not_what_it_is_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=r"kind in front|does not appear to be"):
        parse_allowed([line])
