import struct
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.shortcut import describe_lnk
from tests.files.reading import cuts, read, survives

CLASS = uuid.UUID("00021401-0000-0000-c000-000000000046").bytes_le
TICKS = 132_500_000_000_000_000
"""2020-11-16 11:33:20 as FILETIME."""
FILE_ID = uuid.UUID("b32a1f2e-26f9-11eb-8a1c-0050569c0a3b")


def header(flags: int) -> bytes:
    return struct.pack("<I16sIIQQQIiIBB10x", 76, CLASS, flags, 0x20, TICKS, TICKS, TICKS, 1234, 3, 7, 0x43, 6)


def items() -> bytes:
    drive = b"\x2fC:\\" + bytes(19)
    file = b"\x32\0" + bytes(10) + b"CMD~1.EXE\0"
    extension = struct.pack("<HHI", 0, 3, 0xBEEF0004) + bytes(10) + "cmd.exe\0".encode("utf-16-le")
    listed = b"".join(struct.pack("<H", len(item) + 2) + item for item in (drive, file + extension))
    return struct.pack("<H", len(listed) + 2) + listed + b"\0\0"


def place() -> bytes:
    volume = struct.pack("<IIII", 20, 3, 0xDEADBEEF, 16) + b"SYS\0"
    base = b"C:\\Windows\\cmd.exe\0"
    head = struct.pack(
        "<7I", 28 + len(volume) + len(base) + 1, 28, 1, 28, 28 + len(volume), 0, 28 + len(volume) + len(base)
    )
    return head + volume + base + b"\0"


def text(value: str) -> bytes:
    return struct.pack("<H", len(value)) + value.encode("utf-16-le")


def tracker() -> bytes:
    ids = uuid.UUID(int=1).bytes_le + FILE_ID.bytes_le
    return struct.pack("<IIII16s", 96, 0xA0000003, 88, 0, b"desktop-1") + ids + ids


def environment(value: str) -> bytes:
    block = struct.pack("<II", 788, 0xA0000001) + value.encode().ljust(260, b"\0")
    return block + value.encode("utf-16-le").ljust(520, b"\0")


ARGUMENTS = "/c start http://evil.example/a" + " " * 300 + "hidden"
WHOLE = (
    header(0x80 | 1 | 2 | 4 | 8 | 0x10 | 0x20 | 0x40)
    + items()
    + place()
    + b"".join(map(text, ["a name", "..\\cmd.exe", "C:\\", ARGUMENTS, "shell32.dll"]))
    + tracker()
    + bytes(4)
)


def shortcut(data: bytes) -> Any:
    return read(describe_lnk, data)


def test_everything_that_a_shortcut_says() -> None:
    found = shortcut(WHOLE)

    assert found["target"] == "C:\\Windows\\cmd.exe"
    assert found["command"] == f"C:\\Windows\\cmd.exe {ARGUMENTS}"
    assert found["items"] == ["C:\\", "cmd.exe"]
    assert found["place"] == {
        "path": "C:\\Windows\\cmd.exe",
        "drive": "fixed",
        "serial": "deadbeef",
        "label": "SYS",
        "share": "",
    }
    assert (found["icon"], found["icon_index"], found["show"]) == ("shell32.dll", 3, "minimised")
    assert (found["hotkey"], found["size"]) == ("CTRL+ALT+C", 1234)
    assert found["created"] == found["accessed"] == found["written"] == "2020-11-16 11:33:20"
    assert found["urls"] == ["http://evil.example/a"]
    assert found["anomalies"] == []


def test_where_it_was_made() -> None:
    tracked = shortcut(WHOLE)["tracker"]

    assert (tracked["machine_id"], tracked["mac"]) == ("desktop-1", "00:50:56:9c:0a:3b")
    assert tracked["file"] == str(FILE_ID)
    assert tracked["created"].startswith("2020-11-15 ")


def test_arguments_behind_a_wall_of_blanks_are_an_anomaly() -> None:
    data = header(0x80 | 0x20) + text(" " * 200 + "/c calc") + bytes(4)

    assert shortcut(data)["anomalies"] == [
        "the arguments are padded with blanks, which hides them in the dialog"
    ]


def test_the_environment_names_the_target_where_no_place_does() -> None:
    found = shortcut(header(0x200) + environment("%SystemRoot%\\cmd.exe") + bytes(4))

    assert found["target"] == found["environment"] == "%SystemRoot%\\cmd.exe"


def test_what_stands_behind_the_end_is_described() -> None:
    found = shortcut(WHOLE + b"MZ" + bytes(100))

    assert (found["overlay"]["size"], found["overlay"]["kind"]) == (102, "dos")
    assert found["anomalies"] == ["102 bytes stand behind the end"]


@pytest.mark.parametrize("data", [b"", WHOLE[:75], b"M" + WHOLE[1:], WHOLE[:4] + bytes(16) + WHOLE[20:]])
def test_what_is_no_shortcut_is_refused(data: bytes) -> None:
    with pytest.raises(CuckooProcessingError):
        shortcut(data)


def test_a_cut_shortcut_keeps_what_it_has() -> None:
    found = shortcut(WHOLE[: WHOLE.index(text("C:\\")) + 1])

    assert found["target"] == "C:\\Windows\\cmd.exe"
    assert len(found["anomalies"]) == 1


def test_a_shortcut_cut_or_damaged_anywhere_is_survived() -> None:
    for data in cuts(WHOLE, 150):
        survives(describe_lnk, data)


@given(st.integers(0, (1 << 27) - 1), st.binary(max_size=400))
def test_any_body_is_survived(flags: int, body: bytes) -> None:
    survives(describe_lnk, header(flags) + body)
