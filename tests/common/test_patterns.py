from typing import Any

import pytest

from lib.cuckoo.common.patterns import MOST_CHARACTERS, MOST_HITS, CallSignature, SummaryPatterns, as_number
from lib.cuckoo.core.signatures.trial import call


class Files(SummaryPatterns):
    patterns = {"files": [r"\.exe$", r"^C:\\wanted"], "mutexes": ["mine"]}  # noqa: RUF012 - as authors write it
    exceptions = [r"\\system32\\"]  # noqa: RUF012 - as above


def found(cls: type[SummaryPatterns] = Files, **summary: list[Any]) -> tuple[bool, list[Any]]:
    signature = cls({"behavior": {"summary": summary}})
    return signature.run(), signature.data


def test_values_that_one_expression_fits_are_evidence() -> None:
    assert found(files=["C:\\A.EXE", "c:\\wanted.txt", "D:\\other.txt"], mutexes=["Mine"]) == (
        True,
        [{"file": "C:\\A.EXE"}, {"file": "c:\\wanted.txt"}, {"mutex": "Mine"}],
    )


def test_exceptions_do_not_count() -> None:
    assert found(files=["C:\\Windows\\System32\\a.exe"]) == (False, [])


def test_it_takes_the_least_number_of_hits() -> None:
    several = type("Several", (Files,), {"least_hits": 2})

    assert found(several, files=["a.exe"])[0] is False
    assert found(several, files=["a.exe"], mutexes=["mine"])[0] is True


def test_values_beyond_the_first_hundred_are_counted() -> None:
    matched, data = found(files=[f"{number}.exe" for number in range(MOST_HITS + 5)])

    assert matched
    assert len(data) == MOST_HITS + 1
    assert data[-1] == {"omitted": 5}


def test_only_the_beginning_of_a_long_value_is_looked_at() -> None:
    assert found(mutexes=["x" * (MOST_CHARACTERS - 4) + "mine"])[0] is True
    assert found(mutexes=["x" * (MOST_CHARACTERS - 3) + "mine"])[0] is False


def test_values_of_another_type_are_passed_over() -> None:
    assert found(files=[None, 7, b"a.exe", "a.exe"]) == (True, [{"file": "a.exe"}])


@pytest.mark.parametrize(
    ("arguments", "handle"),
    [
        ({"ProcessHandle": "0x000001a0"}, "0x000001a0"),
        ({"process_handle": "0x000001a0", "process_identifier": "7"}, "0x000001a0"),
        ({"ProcessHandle": "0x000001a0", "ProcessId": "1000"}, ""),
        ({"ProcessHandle": "0xFFFFFFFFFFFFFFFF"}, ""),
        ({"ProcessHandle": "0x00000000"}, ""),
        ({"ProcessHandle": "handle"}, ""),
        ({}, ""),
    ],
)
def test_the_handle_of_another_process_is_told_from_the_own(arguments: dict[str, Any], handle: str) -> None:
    made = call("WriteProcessMemory", "process", **arguments)

    assert CallSignature().other_process(made, {"process_id": 1000}) == handle


def test_arguments_go_by_the_name_of_either_family() -> None:
    signature = CallSignature()

    assert signature.argument(call("A", new_name="x"), "OldName", "new_name") == "x"
    assert signature.number(call("A", Size="0x10"), "Size") == 16
    assert (signature.argument(call("A"), "Size"), signature.number(call("A"), "Size")) == ("", 0)


@pytest.mark.parametrize(
    ("text", "number"), [("0x10", 16), ("0X10", 16), ("10", 10), ("-1", -1), ("x", 0), ("", 0)]
)
def test_numbers_are_read_from_text(text: str, number: int) -> None:
    assert as_number(text) == number


def test_calls_are_marked_up_to_a_hundred() -> None:
    signature = CallSignature()
    for signature.cid in range(MOST_HITS + 5):
        signature.mark_call()

    assert [mark["cid"] for mark in signature.data] == list(range(MOST_HITS))
