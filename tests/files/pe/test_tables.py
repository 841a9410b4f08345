import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Describe = Callable[..., dict[str, Any]]
Build = Callable[..., bytes]
AT = 0x2000


def described(build: Build, describe: Describe, number: int, content: bytes, size: int) -> dict[str, Any]:
    sections = [(b".text", b"x", 0x60000020), (b".data", content, 0x40000040)]
    return describe(build(sections, {number: (AT, size)}))


def test_the_linkers_note_is_checked_against_its_key(shared_data: Path, describe: Describe) -> None:
    data = (shared_data / "binaries/pypi-debugpy/attach_x86.dll").read_bytes()
    other_program = data[:0x50] + b"\x01" + data[0x51:]

    genuine, copied = describe(data)["rich"], describe(other_program)["rich"]

    assert genuine["valid"] is True
    assert copied["valid"] is False
    assert copied["hash"] == genuine["hash"] == "611f93042e31d931c5220d7395b52c38"
    assert genuine["entries"][0].keys() == {"product", "build", "count"}


@pytest.mark.parametrize(
    ("record", "pdb", "guid", "age"),
    [
        (b"RSDS" + bytes(range(16)) + struct.pack("<I", 3) + b"C:\\a.pdb\0", "C:\\a.pdb",
         "03020100-0504-0706-0809-0A0B0C0D0E0F", 3),
        (b"NB10" + bytes(4) + bytes([1, 2, 3, 4]) + struct.pack("<I", 2) + b"a.pdb\0", "a.pdb", "04030201", 2),
        (b"RSDS", None, None, None),
        (b"????" + bytes(40), None, None, None),
    ],
)  # fmt: skip
def test_the_path_of_the_symbols_is_read_in_both_formats(
    record: bytes, pdb: str | None, guid: str | None, age: int | None, build: Build, describe: Describe
) -> None:
    content = struct.pack("<IIHHIIII", 0, 1_700_000_000, 0, 0, 2, len(record), AT + 28, 0x600 + 28) + record

    (entry,) = described(build, describe, 6, content, 28)["debug"]

    assert entry == {
        "type": "CODEVIEW",
        "timestamp": "2023-11-14 22:13:20",
        "pdb": pdb,
        "guid": guid,
        "age": age,
    }


@pytest.mark.parametrize(("guard", "declared"), [(0x100, True), (0, False)])
def test_control_flow_guard_needs_flag_and_code(
    guard: int, declared: bool, build: Build, describe: Describe
) -> None:
    content = struct.pack("<I", 0x94).ljust(0x58, b"\0") + struct.pack(
        "<7QI", 0x40003000, 0, 0, 0, 0, 0, 12, guard
    )

    assert described(build, describe, 10, content, 0x94)["load_config"] == {
        "guard_cf": declared,
        "guard_cf_functions": 12,
        "safe_seh": False,
        "safe_seh_handlers": 0,
        "security_cookie": "0x40003000",
    }


def test_a_short_load_configuration_has_nothing_more(build: Build, describe: Describe) -> None:
    content = struct.pack("<I", 0x60).ljust(0x58, b"\0") + struct.pack(
        "<7QI", 0x40003000, 0, 0, 0, 0, 0, 12, 0x100
    )

    config = described(build, describe, 10, content, 0x94)["load_config"]

    assert (config["guard_cf"], config["guard_cf_functions"], config["security_cookie"]) == (
        False,
        0,
        "0x40003000",
    )
