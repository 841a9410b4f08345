"""`process["calls"]`: what a call looks like, how it is found, and how it crosses to another process."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.behavior.calls import Calls, Limits
from lib.cuckoo.common.detach import Detachable
from tests.behavior.conftest import ReadLog
from tests.behavior.writer import (
    Int64,
    call,
    classic_call,
    document,
    info,
    process,
    second_call,
    second_process,
)

Read = Callable[[bytes], Calls]
OPEN = info(
    9, "NtOpenFile", "filesystem", [["FileHandle", "p"], ["DesiredAccess", "h"], "FileName", "ShareAccess"]
)
KEY = info(10, "RegOpenKeyExA", "registry", [["Registry", "p"], "SubKey"])


def arguments(one: dict[str, Any]) -> dict[str, object]:
    return {argument["name"]: argument["value"] for argument in one["arguments"]}


def opened(name: object, **more: Any) -> bytes:
    return call(9, Int64(0x40), 0x100080, name, 3, **more)


def four(calls: Read) -> Calls:
    names = (
        opened(b"C:\\a", time=1),
        call(10, Int64(0x80000002), b"Software", time=2),
        opened(b"C:\\b", time=3),
    )
    return calls(process() + OPEN + KEY + b"".join(names) + opened(b"C:\\c", time=4))


def test_a_call_has_the_shape_of_the_contract(calls: Read) -> None:
    found = calls(process() + OPEN + opened(b"C:\\a.txt", time=73, returned=-1073741772, status=0))[0]

    assert list(found.items()) == [
        ("timestamp", "2021-01-28 02:14:04,728"),
        ("thread_id", "1960"),
        ("caller", "0x00401000"),
        ("parentcaller", "0x00402000"),
        ("category", "filesystem"),
        ("api", "NtOpenFile"),
        ("status", False),
        ("return", "0xffffffffc0000034"),
        ("pretty_return", "OBJECT_NAME_NOT_FOUND"),
        (
            "arguments",
            [
                {"name": "FileHandle", "value": "0x00000040"},
                {
                    "name": "DesiredAccess",
                    "value": "0x00100080",
                    "pretty_value": "FILE_READ_ATTRIBUTES|SYNCHRONIZE",
                },
                {"name": "FileName", "value": "C:\\a.txt"},
                {"name": "ShareAccess", "value": "3", "pretty_value": "FILE_SHARE_READ|FILE_SHARE_WRITE"},
            ],
        ),
        ("repeated", 0),
        ("id", 0),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (-1, "18446744073709551615"),
        (Int64(-1), "18446744073709551615"),
        (True, "1"),
        (b"", ""),
        ("caf\u00e9 \u65e5\u672c", "caf\u00e9 \u65e5\u672c"),
        ("caf\u00e9".encode("latin-1"), "caf\\xe9"),
        (b'a "quoted" \\ path\t\r\n', 'a "quoted" \\ path\t\r\n'),
        (b"nul\0 esc\x1b del\x7f", "nul\\x00 esc\\x1b del\\x7f"),
        (b"\x90caf\xc3\xa9\x1b\t", "\\x90caf\\xc3\\xa9\\x1b\t"),
        (b"\xc1\xbf", "\\xc1\\xbf"),
        (b"\xc3\xa9\x1b", "\u00e9\\x1b"),
        (b"\xc3\xa9\x90\x1b", "\\xc3\\xa9\\x90\\x1b"),
        (b"\xf4\x8f\xbf\xbf\xf5", "\\xf4\\x8f\\xbf\\xbf\\xf5"),
        ("\udc80", "\\xed\\xb2\\x80"),
        (1.5, "1.5"),
        (None, ""),
        (["a", b"\xff", 3, ["b"]], ["a", "\\xff", "3", ["b"]]),
        ({"key": 1}, {"key": "1"}),
    ],
)
def test_a_value_is_shown_as_text(calls: Read, value: object, text: object) -> None:
    found = calls(process() + info(9, "Any", "misc", ["Value"]) + call(9, value))

    assert arguments(found[0]) == {"Value": text}
    assert json.loads(b"".join(found.json_chunks())) == list(found)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0x40, "0x00000040"),
        (-1, "0xffffffff"),
        (Int64(-1), "0xffffffffffffffff"),
        (0x7FFE0000123, "0x7ffe0000123"),
    ],
)
def test_a_pointer_is_shown_in_hexadecimal(calls: Read, value: int, text: str) -> None:
    found = calls(process() + info(9, "Any", "misc", [["Value", "p"]]) + call(9, value))

    assert arguments(found[0]) == {"Value": text}


def test_negative_numbers_of_a_classic_log_are_as_wide_as_they_were_logged(calls: Read) -> None:
    found = calls(process() + info(9, "Any", "misc", ["Value"]) + classic_call(9, -1, returned=-1073741772))[
        0
    ]

    assert (arguments(found), found["return"]) == ({"Value": "4294967295"}, "0xc0000034")
    assert (found["caller"], found["parentcaller"]) == ("0x00000000", "0x00000000")


def test_further_arguments_follow_the_declared_ones(calls: Read) -> None:
    found = calls(
        process() + info(9, "Any", "misc", ["Value"]) + call(9, 1, aux={"Extra": b"more", "Size": 7})
    )

    assert arguments(found[0]) == {"Value": "1", "Extra": "more", "Size": "7"}
    assert json.loads(b"".join(found.json_chunks())) == list(found)


def test_numbers_go_by_the_names_that_their_own_log_carries(calls: Read) -> None:
    declared = info(
        9,
        "NtAllocateVirtualMemory",
        "process",
        ["protection", ["allocation_type", "x"]],
        flags_value={"protection": [[4, "PAGE_READWRITE"]]},
        flags_bitmask={
            "allocation_type": [[4096, "MEM_COMMIT"], [8192, "MEM_RESERVE"], [0x4002, "BOTH"], [3, "NO"]]
        },
    )

    found = calls(second_process() + declared + second_call(9, 4, 12288))[0]
    other = calls(second_process() + declared + second_call(9, 4, 0x5002))[0]

    assert found["arguments"] == [
        {"name": "protection", "value": "4", "pretty_value": "PAGE_READWRITE"},
        {"name": "allocation_type", "value": "0x00003000", "pretty_value": "MEM_COMMIT|MEM_RESERVE"},
    ]
    assert other["arguments"][1] == {
        "name": "allocation_type",
        "value": "0x00005002",
        "pretty_value": "MEM_COMMIT|BOTH",
    }


def test_a_stored_buffer_belongs_to_the_next_call(calls: Read) -> None:
    stored = document({"type": "buffer", "buffer": b"MZ", "checksum": "aa" * 20})
    written = second_call(9, 1)

    found = calls(
        second_process() + info(9, "WriteProcessMemory", "process", ["Size"]) + written + stored + written
    )

    assert [one.get("buffer") for one in found] == [None, "aa" * 20]
    assert json.loads(b"".join(found.json_chunks())) == list(found)


def test_identical_neighbours_are_one_call(calls: Read) -> None:
    same, other = opened(b"C:\\a"), opened(b"C:\\b")

    found = calls(process() + OPEN + same + opened(b"C:\\a", time=50, r=4) + same + other + same)

    assert [one["repeated"] for one in found] == [6, 0, 0]
    assert [one["id"] for one in found] == [0, 1, 2]


@pytest.mark.parametrize(
    "other", [opened(b"C:\\a", status=0), opened(b"C:\\a", returned=1), opened(b"C:\\a", aux={"a": 1})]
)
def test_neighbours_that_differ_stay_apart(calls: Read, other: bytes) -> None:
    assert len(calls(process() + OPEN + opened(b"C:\\a") + other + opened(b"C:\\a"))) == 3


def test_repetitions_of_the_monitor_count(calls: Read) -> None:
    assert calls(process() + OPEN + opened(b"C:\\a", r=41))[0]["repeated"] == 41


def test_calls_are_a_sequence(calls: Read) -> None:
    found = four(calls)

    assert len(found) == 4
    assert found[-1]["id"] == 3
    assert [one["id"] for one in found[1:3]] == [1, 2]
    assert [one["id"] for one in found[1:][1:]] == [2, 3]
    assert [one["id"] for one in found[::-2]] == [3, 1]
    assert found[1] in found
    with pytest.raises(IndexError):
        found[4]


def test_calls_can_be_iterated_by_many_at_once(calls: Read) -> None:
    found = four(calls)

    assert [(one["id"], other["id"]) for one in found for other in found] == [
        (a, b) for a in range(4) for b in range(4)
    ]


def test_each_call_is_a_fresh_dict(calls: Read) -> None:
    found = four(calls)
    found[0]["arguments"].clear()

    assert found[0]["arguments"]


def test_calls_are_found_by_name_and_category(calls: Read) -> None:
    found = four(calls)

    assert [one["id"] for one in found.of(api="NtOpenFile")] == [0, 2, 3]
    assert [one["id"] for one in found.of(category={"registry", "network"})] == [1]
    assert list(found.of(api="NtOpenFile", category="registry")) == []
    assert len(list(found.of())) == 4
    assert list(found.rows(api=["RegOpenKeyExA"])) == [1]
    assert [found.api_at(row) for row in range(4)] == [
        "NtOpenFile",
        "RegOpenKeyExA",
        "NtOpenFile",
        "NtOpenFile",
    ]


def test_raw_values_are_there_on_demand(calls: Read) -> None:
    found = four(calls).call(0, raw=True)

    assert [argument["raw_value"] for argument in found["arguments"]] == [0x40, 0x100080, "C:\\a", 3]


@pytest.mark.parametrize("row", [-1, 4])
def test_a_row_that_is_none_is_refused(calls: Read, row: int) -> None:
    found = four(calls)

    with pytest.raises(IndexError, match=f"no row {row} in 4 calls"):
        found.call(row)


def test_what_a_reader_does_to_a_call_changes_no_other(calls: Read) -> None:
    same = [opened(b"C:\\a", returned=-1073741772, status=0, time=time) for time in (1, 2)]
    found = calls(process() + OPEN + same[0] + opened(b"C:\\b") + same[1])

    first, last = found.call(0, raw=True), found.call(2, raw=True)
    untouched = copy.deepcopy(last)
    first |= {"api": "", "pretty_return": "", "more": 1}
    for one in first["arguments"]:
        one.clear()

    assert last == untouched == found.call(2, raw=True)
    assert last == found.call(0, raw=True) | {key: last[key] for key in ("timestamp", "id")}


def test_lines_are_what_the_calls_say_up_to_the_limit(calls: Read) -> None:
    found = four(calls)
    found.limits = Limits(calls=3)

    lines = b"".join(found.json_lines()).splitlines(keepends=True)

    assert list(map(json.loads, lines)) == list(found)[:3]
    assert all(line.endswith(b"\n") for line in lines)


def test_json_is_what_the_calls_say(calls: Read) -> None:
    found = four(calls)

    text = b"".join(found.json_chunks())

    assert text == json.dumps(list(found), ensure_ascii=False, separators=(",", ":")).encode()


def test_no_calls_are_an_empty_list(calls: Read) -> None:
    assert b"".join(calls(process()).json_chunks()) == b"[]"


def test_the_report_shows_as_much_as_it_is_told(read: ReadLog) -> None:
    log = process() + OPEN + opened(b"C:\\a") + opened(b"C:\\" + b"b" * 40) + opened(b"C:\\c")
    found = read(log).calls("logs/3052.bson", Limits(calls=2, argument_length=10))[0]

    shown = json.loads(b"".join(found.json_chunks()))

    assert len(found) == 3
    assert [one["arguments"][2] for one in shown] == [
        {"name": "FileName", "value": "C:\\a"},
        {"name": "FileName", "value": "C:\\bbbbbbb", "value_length": 43},
    ]
    assert len(arguments(found[1])["FileName"]) == 43  # type: ignore[arg-type]


def crossed(found: Calls, folder: Path) -> Calls:
    description, buffers = found.detach()
    copies = [memoryview(bytes(buffer)) for buffer in buffers]
    return Calls.attach(json.loads(json.dumps(description)), copies, str(folder))


def test_calls_cross_to_another_process(calls: Read, tmp_path: Path) -> None:
    found = four(calls)

    again = crossed(found, tmp_path)

    assert isinstance(found, Detachable)
    assert list(again) == list(found)
    assert list(again.of(api="RegOpenKeyExA")) == list(found.of(api="RegOpenKeyExA"))
    assert b"".join(again.json_chunks()) == b"".join(found.json_chunks())


@pytest.mark.parametrize(
    "wrong",
    [
        {"log_name": "../../etc/passwd"},
        {"log_name": "/etc/passwd"},
        {"log_name": "a\0b"},
        {"kinds": [["NtOpenFile", "filesystem", ["is_success"], [], []]]},
        {"kinds": [7]},
        {"kinds": None},
        {"first_seen_ms": "soon"},
        {"first_seen_ms": 1 << 70},
        {"first_id": -1},
        {"limits": [1]},
        {"limits": [-1, 0]},
        {"buffers": [7]},
    ],
)
def test_a_hostile_description_is_refused(calls: Read, tmp_path: Path, wrong: dict[str, object]) -> None:
    description, buffers = four(calls).detach()

    with pytest.raises(ValueError):
        Calls.attach({**description, **wrong}, buffers, str(tmp_path))


def test_columns_of_different_length_are_refused(calls: Read, tmp_path: Path) -> None:
    description, buffers = four(calls).detach()

    for cut in (buffers[:5], [buffers[0][:8], *buffers[1:]], [buffers[0][:7], *buffers[1:]]):
        with pytest.raises(ValueError):
            Calls.attach(description, cut, str(tmp_path))


@pytest.mark.parametrize("filler", [b"\xff", b"\x7f", b"\x01"])
def test_columns_of_nonsense_give_calls_that_say_so(calls: Read, tmp_path: Path, filler: bytes) -> None:
    description, buffers = four(calls).detach()
    nonsense = [memoryview(filler * len(buffer)) for buffer in buffers]

    found = Calls.attach(description, nonsense, str(tmp_path))

    assert all("fault" in one for one in found)
    assert json.loads(b"".join(found.json_chunks())) == list(found)
    assert list(found.of(api="NtOpenFile")) == []


def test_a_log_that_vanished_leaves_calls_without_arguments(calls: Read, tmp_path: Path) -> None:
    again = crossed(four(calls), tmp_path)
    (tmp_path / "logs" / "3052.bson").unlink()

    assert [one["api"] for one in again] == ["NtOpenFile", "RegOpenKeyExA", "NtOpenFile", "NtOpenFile"]
    assert all(one["fault"] for one in again)
