from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.reporting.diff.likeness import Likeness, arguments_of
from tests.reporting.diff.runs import call

LIKE = Likeness()
EXACT = Likeness(exact=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C:\\Users\\maxine\\AppData\\x", "C:\\Users\\john\\AppData\\x"),
        ("C:\\Documents and Settings\\maxine\\x", "C:\\Documents and Settings\\John Doe\\x"),
        ("C:\\Users\\maxine", "C:\\Users\\john"),
        ("HKEY_USERS\\S-1-5-21-29-28-39-1002\\Run", "HKEY_USERS\\S-1-5-21-1-2-3-1002\\Run"),
        ("C:\\T\\~DF0A1B2C3D.TMP", "C:\\T\\~DF99887766.TMP"),
        ("C:\\T\\nsa1B2.tmp", "C:\\T\\nsx99.tmp"),
        ("C:\\T\\is-AB1C2.tmp\\a.exe", "C:\\T\\is-ZZZZZ.tmp\\a.exe"),
        ("C:\\tmpab12cd\\bin\\a.dll", "C:\\tmpzz99zz\\bin\\a.dll"),
        ("C:\\T\\_MEI1234\\python.dll", "C:\\T\\_MEI99\\python.dll"),
        ("__PSScriptPolicyTest_abcd1234.xy1.ps1", "__PSScriptPolicyTest_zzzz9999.qq2.ps1"),
        ("\\Content.IE5\\ABCD1234\\a[1].gif", "\\Content.IE5\\QQQQ9999\\a[1].gif"),
        ("Local\\SM0:5308:168:WilStaging_02", "Local\\SM0:99:168:WilStaging_02"),
        ("{9D160251-D4CA-463D-8DBC-76195E9614BB}", "{7704775D-C635-4092-9D4D-C7735A5812D2}"),
        ("Global\\{9D160251-D4CA-463D-8DBC-76195E9614BB}", "Global\\{7704775D-C635-4092-9D4D-C7735A5812D2}"),
        ("at 2026-01-31 13:21:44,590", "at 2025-12-01T01:02:03"),
    ],
)
def test_names_that_are_made_up_in_each_run_are_alike(one: str, other: str) -> None:
    assert LIKE.of_text(one) == LIKE.of_text(other)
    assert EXACT.of_text(one) != EXACT.of_text(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C:\\Users\\Public\\a.exe", "C:\\Users\\maxine\\a.exe"),
        ("C:\\Users\\a\\one.exe", "C:\\Users\\a\\two.exe"),
        ("C:\\T\\setup.tmp", "C:\\T\\installer.tmp"),
        ("HKEY_USERS\\S-1-5-21-1-2-3-500", "HKEY_USERS\\S-1-5-21-1-2-3-1002"),
        ("CLSID\\{9D160251-D4CA-463D-8DBC-76195E9614BB}", "CLSID\\{7704775D-C635-4092-9D4D-C7735A5812D2}"),
        ("{9D160251-D4CA-163D-8DBC-76195E9614BB}", "{7704775D-C635-1092-9D4D-C7735A5812D2}"),
    ],
)
def test_what_a_sample_chose_counts(one: str, other: str) -> None:
    assert LIKE.of_text(one) != LIKE.of_text(other)


@pytest.mark.parametrize(
    ("name", "one", "other", "alike"),
    [
        ("FileHandle", "0x000001e0", "0x00000300", True),
        ("file_handle", "0x000001e0", "0x00000300", True),
        ("hKey", "0x000001e0", "0x00000300", True),
        ("lpAddress", "0x00930000", "0x00a30000", True),
        ("BaseAddress", "0x00930000", "0x1dd4e580000", True),
        ("ProcessId", "1234", "5678", True),
        ("SystemTimeAsFileTime", "132", "133", True),
        ("ProcessHandle", "0xffffffff", "0xffffffffffffffff", True),
        ("Registry", "0x80000002", "0xffffffff80000002", True),
        ("Registry", "0x80000001", "0x80000002", False),
        ("ProcessHandle", "0xffffffff", "0x000001e0", False),
        ("FileHandle", "0x00000000", "0x000001e0", False),
        ("Timeout", "100", "200", False),
        ("DesiredAccess", "0x00000001", "0x00000002", False),
        ("RegionSize", "0x00001000", "0x00002000", False),
        ("FileName", "0x00000001", "0x00000002", False),
        ("DestinationBuffer", "l\\xf4\\x16", "l\\xf4\\x0c", True),
        ("Buffer", "GET /one", "GET /two", False),
    ],
)
def test_numbers_count_by_what_they_are_called(name: str, one: str, other: str, alike: bool) -> None:
    assert (LIKE.of_argument(name, one) == LIKE.of_argument(name, other)) is alike
    assert EXACT.of_argument(name, one) != EXACT.of_argument(name, other)


def test_a_call_is_its_function_its_arguments_and_how_it_failed() -> None:
    base = call("NtOpenFile", arguments={"FileName": "C:\\a", "FileHandle": "0x10"})

    assert LIKE.of_call(base) == LIKE.of_call(
        base | {"return": "0x7", "timestamp": "later", "repeated": 9, "thread_id": "7", "caller": "0x1"}
    )
    changes: list[dict[str, Any]] = [{"api": "NtCreateFile"}, {"status": False}, {"arguments": []}]
    for other in changes:
        assert LIKE.of_call(base) != LIKE.of_call(base | other)
    failed = base | {"status": False}
    assert LIKE.of_call(failed | {"return": "0xc0000034"}) != LIKE.of_call(failed | {"return": "0xc0000022"})
    assert EXACT.of_call(base) != EXACT.of_call(base | {"return": "0x7"})
    assert EXACT.of_call(base) != EXACT.of_call(base | {"repeated": 9})


def test_the_arguments_of_the_second_family_are_a_mapping() -> None:
    assert list(arguments_of({"arguments": {"filepath": "C:\\a", "size": 5}})) == [
        ("filepath", "C:\\a"),
        ("size", 5),
    ]
    assert list(arguments_of({"arguments": [3, {"name": "x", "value": None}]})) == [("", None), ("x", None)]
    assert list(arguments_of({})) == []


def test_pids_stand_in_commands_and_mutexes() -> None:
    one, other = Likeness(pids=frozenset({"2840"})), Likeness(pids=frozenset({"777"}))

    assert one.of_command("taskkill /pid 2840 /t") == other.of_command("taskkill /pid 777 /t")
    assert one.of_command("taskkill /pid 2840") != one.of_command("taskkill /pid 2841")
    assert one.of_command("a.2840.exe") == "a.2840.exe"


def test_another_name_of_the_sample_does_not_count() -> None:
    one, other = Likeness(sample="invoice.exe"), Likeness(sample="order.exe")

    assert one.of_name("C:\\INVOICE.exe") == other.of_name("C:\\order.exe")
    assert Likeness(sample="a").of_name("banana") == "banana"


def test_case_counts_in_text_and_not_in_names() -> None:
    assert LIKE.of_text("A") != LIKE.of_text("a")
    assert LIKE.of_name("C:\\A") == LIKE.of_name("c:\\a")
    assert EXACT.of_name("C:\\A") != EXACT.of_name("c:\\a")


@given(st.text(alphabet="\\/{SsVv_12-:abcdef0.users", max_size=200))
def test_any_text_is_like_itself(value: str) -> None:
    assert LIKE.of_text(value) == Likeness().of_text(value)
    assert EXACT.of_text(value) == value


def test_a_sample_of_an_endless_name_is_not_looked_for() -> None:
    longest = "n" * 1000

    assert Likeness(sample=longest).of_text(longest) != longest
    assert Likeness(sample=longest + "n").of_text(longest + "n") == longest + "n"
