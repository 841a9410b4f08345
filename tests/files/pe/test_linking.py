import hashlib
import struct
from collections.abc import Callable
from typing import Any

import pytest

from lib.cuckoo.files.budget import Budget

Describe = Callable[..., dict[str, Any]]
Build = Callable[..., bytes]
AT = 0x2000


def described(
    build: Build, describe: Describe, number: int, content: bytes, size: int, **options: Any
) -> dict[str, Any]:
    sections = [(b".text", b"x", 0x60000020), (b".data", content, 0x40000040)]
    return describe(build(sections, {number: (AT, size)}), **options)


@pytest.mark.parametrize(
    ("dll", "hashed"),
    [
        (b"A.DLL", "a"),
        (b"b.ocx", "b"),
        (b"c.sys", "c"),
        (b"d.drv", "d.drv"),
        (b"e", "e"),
        (b"f.g.dll", "f.g"),
    ],
)
def test_the_import_hash_leaves_out_well_known_endings(
    dll: bytes, hashed: str, build: Build, describe: Describe
) -> None:
    content = struct.pack("<5I", AT + 56, 0, 0, AT + 40, AT + 56).ljust(40, b"\0") + dll.ljust(16, b"\0")
    content += struct.pack("<3Q", AT + 80, 1 << 63 | 9, 0) + b"\0\0Function\0"

    pe = described(build, describe, 1, content, 40)

    assert pe["imphash"] == hashlib.md5(f"{hashed}.function,{hashed}.ord9".encode()).hexdigest()


def test_imports_without_a_table_of_names_are_read_from_the_other(build: Build, describe: Describe) -> None:
    content = struct.pack("<5I", 0, 0, 0, AT + 40, AT + 56).ljust(40, b"\0") + b"OLD.dll".ljust(16, b"\0")
    content += struct.pack("<2Q", AT + 72, 0) + b"\0\0Function\0"

    pe = described(build, describe, 1, content, 40)

    assert pe["imports"]["OLD"]["imports"] == [{"address": "0x40002038", "name": "Function", "ordinal": None}]


def test_a_function_without_a_name_ends_its_library_and_is_an_anomaly(
    build: Build, describe: Describe
) -> None:
    content = struct.pack("<5I", AT + 56, 0, 0, AT + 40, AT + 56).ljust(40, b"\0") + b"A.dll".ljust(16, b"\0")
    content += struct.pack("<3Q", 0x7FFFFF00, AT + 40, 0)

    pe = described(build, describe, 1, content, 40)

    assert pe["imports"] == {"A": {"dll": "A.dll", "imports": []}}
    assert "an imported function of A.dll has no name" in pe["anomalies"]


def test_addresses_of_old_delayed_imports_are_absolute(build: Build, describe: Describe) -> None:
    base = 1 << 30
    content = struct.pack("<8I", 0, base + AT + 80, 0, base + AT + 64, base + AT + 64, 0, 0, 0) + bytes(32)
    content += struct.pack("<2Q", AT + 96, 0) + b"LATE.dll".ljust(16, b"\0") + b"\0\0Function\0"

    pe = described(build, describe, 13, content, 64)

    assert [each["name"] for each in pe["delay_imports"]["LATE"]["imports"]] == ["Function"]


def test_exports_without_names_and_forwarders_are_told_apart(build: Build, describe: Describe) -> None:
    """Three functions from number 5: one with a name, none, one that another library has under the second name."""
    head = struct.pack("<12x7I", AT + 80, 5, 4, 2, AT + 40, AT + 56, AT + 64)
    content = head + struct.pack("<4I", 0x1000, 0x1010, 0, AT + 100)
    content += struct.pack("<2I2H", AT + 90, AT + 94, 0, 3).ljust(24, b"\0") + b"MY.dll\0".ljust(10, b"\0")
    content += b"one\0" + b"two\0\0\0" + b"NTDLL.RtlAlloc\0"

    pe = described(build, describe, 0, content, len(content))

    assert pe["exported_dll_name"] == "MY.dll"
    assert pe["exports"] == [
        {"address": "0x40001000", "name": "one", "ordinal": 5, "forwarder": None},
        {"address": "0x40001010", "name": None, "ordinal": 6, "forwarder": None},
        {"address": "0x40002064", "name": "two", "ordinal": 8, "forwarder": "NTDLL.RtlAlloc"},
    ]


def test_exports_that_the_file_does_not_hold_are_an_anomaly(build: Build, describe: Describe) -> None:
    content = struct.pack("<12x7I", 0, 1, 0xFFFFFFFF, 0xFFFFFFFF, AT + 40, AT + 40, AT + 40) + struct.pack(
        "<4I", 1, 2, 3, 4
    )
    budget = Budget(entries=3)

    pe = described(build, describe, 0, content, 40, budget=budget)

    assert any(
        anomaly.startswith("there should be 4294967295 exported functions") for anomaly in pe["anomalies"]
    )
    assert len(pe["exports"]) == 3
    assert "there are more than 3 exports" in budget.notes
