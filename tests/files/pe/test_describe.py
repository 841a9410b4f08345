import json
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.pe.describe import describe_pe
from lib.cuckoo.files.pe.records import PortableExecutable, Section
from tools.example import story

Facts = dict[str, Any]
Describe = Callable[..., Facts]
Build = Callable[..., bytes]
CODE, DATA = 0x60000020, 0x40000040
SECTIONS_AT = 0x40 + 24 + 240


def test_a_real_library_is_described(shared_data: Path, describe: Describe) -> None:
    pe = describe((shared_data / "binaries/pypi-debugpy/attach_x86.dll").read_bytes())

    facts = {
        "machine": "IMAGE_FILE_MACHINE_I386",
        "bits": 32,
        "type": "library",
        "subsystem": "IMAGE_SUBSYSTEM_WINDOWS_GUI",
        "characteristics": ["EXECUTABLE_IMAGE", "32BIT_MACHINE", "DLL"],
        "timestamp": "2026-09-15 20:19:38",
        "entrypoint_section": ".text",
        "ep_bytes": "558bec837d0c017505e8e2010000ff75",
        "osversion": "6.0",
        "linker": "14.44",
        "reported_checksum": "0x00016b69",
        "actual_checksum": "0x00016b69",
        "exact_size": 31232,
        "imported_dll_count": 8,
        "exported_dll_name": "attach_x86.dll",
        "load_config": {
            "guard_cf": True, "guard_cf_functions": 27, "safe_seh": True, "safe_seh_handlers": 11,
            "security_cookie": "0x10009000",
        },
    }  # fmt: skip
    assert {key: pe[key] for key in facts} == facts
    assert pe["imports"]["KERNEL32"]["imports"][0] == {
        "address": "0x10006000",
        "name": "OpenThread",
        "ordinal": None,
    }
    assert pe["debug"][0]["guid"] is not None


def test_every_description_has_all_fields(build: Build, describe: Describe) -> None:
    pe = describe(build([(b".text", b"x", CODE)]))

    assert set(pe) == set(get_type_hints(PortableExecutable))
    assert set(pe["sections"][0]) == set(get_type_hints(Section))


def test_version_information_icons_and_languages_of_a_real_file(
    shared_data: Path, describe: Describe
) -> None:
    saved: dict[str, bytes] = {}

    pe = describe((shared_data / "binaries/pypi-pywin32/win32ui.pyd").read_bytes(), saved=saved)

    assert pe["versioninfo"][0] == {"name": "Comments", "value": "https://github.com/mhammond/pywin32"}
    assert pe["versioninfo"][-1]["name"] == "Translation"
    assert pe["icon"] == "static/icon-1225ffafc0c53fdd.ico"
    assert len(pe["icons"]) == 7
    icon = saved["icon-1225ffafc0c53fdd.ico"]
    assert struct.unpack_from("<HHH", icon) == (0, 1, 1)
    assert struct.unpack_from("<II", icon, 14) == (len(icon) - 22, 22)
    bitmap = pe["resources"][0]
    assert (bitmap["name"], bitmap["language"]) == ("RT_BITMAP", "LANG_ENGLISH")
    assert bitmap["filetype"].startswith("Device independent bitmap graphic")


def test_functions_by_number_of_well_known_libraries_have_names(build: Build, describe: Describe) -> None:
    def table(dll: bytes) -> bytes:
        slots = struct.pack("<3Q", 1 << 63 | 2, 1 << 63 | 115, 0)
        return (
            struct.pack("<5I", 0x2000 + 40, 0, 0, 0x2000 + 64, 0x2000 + 40) + bytes(20) + slots + dll + b"\0"
        )

    functions = {}
    for dll in (b"WS2_32.dll", b"unknown.dll"):
        pe = describe(build([(b".text", b"x", CODE), (b".idata", table(dll), DATA)], {1: (0x2000, 40)}))
        functions[dll] = [
            (each["name"], each["ordinal"])
            for library in pe["imports"].values()
            for each in library["imports"]
        ]

    assert functions == {
        b"WS2_32.dll": [("bind", 2), ("WSAStartup", 115)],
        b"unknown.dll": [(None, 2), (None, 115)],
    }


def test_delayed_imports_are_listed_apart(build: Build, describe: Describe) -> None:
    content = struct.pack("<8I", 1, 0x2000 + 80, 0, 0x2000 + 64, 0x2000 + 64, 0, 0, 0) + bytes(32)
    content += struct.pack("<2Q", 0x2000 + 96, 0) + b"LATE.dll".ljust(16, b"\0") + b"\0\0Function\0"

    pe = describe(build([(b".text", b"x", CODE), (b".didat", content, DATA)], {13: (0x2000, 64)}))

    assert pe["delay_imports"] == {
        "LATE": {
            "dll": "LATE.dll",
            "imports": [{"address": "0x40002040", "name": "Function", "ordinal": None}],
        }
    }
    assert pe["imports"] == {}
    assert pe["imphash"] == ""


def test_callbacks_before_the_entry_point_are_listed(build: Build, describe: Describe) -> None:
    content = struct.pack("<4QII", 0, 0, 0, (1 << 30) + 0x2000 + 64, 0, 0).ljust(64, b"\0")
    content += struct.pack("<3Q", (1 << 30) + 0x1000, (1 << 30) + 0x1010, 0)

    pe = describe(build([(b".text", b"x", CODE), (b".tls", content, DATA)], {9: (0x2000, 40)}))

    assert pe["tls"] == {"callbacks": ["0x40001000", "0x40001010"]}


def test_data_behind_the_last_section_is_the_overlay(build: Build, describe: Describe) -> None:
    image = build([(b".text", b"x", CODE)])

    overlay = describe(image + b"%PDF-1.4\n1 0 obj")["overlay"]

    assert (overlay["offset"], overlay["size"]) == (f"0x{len(image):08x}", "0x00000010")
    assert overlay["type"].startswith("PDF document")
    assert describe(image + bytes(100))["overlay"] is None


@pytest.mark.parametrize(
    ("sections", "anomaly"),
    [
        ([], "there are no sections"),
        ([(b".text", b"x", CODE | 1 << 31)], "section 0 (.text) is writable and executable"),
        ([(b".text", b"x", CODE | 1 << 31)], "the entry point lies in a writable section"),
        ([(b".data", b"x", DATA)], "the entry point lies in a section that is not executable"),
        ([(b"\x01\x02", b"x", CODE)], "section 0 (\x01\x02) has no readable name"),
        ([(b"UPX0", b"", CODE)], "section 0 (UPX0) is executable and empty in the file"),
        ([(b".text", bytes(range(256)) * 64, CODE)],
         "section 0 (.text) is executable with an entropy of 8.00: compressed or encrypted"),
    ],
)  # fmt: skip
def test_odd_sections_are_anomalies_in_words(
    build: Build, describe: Describe, sections: list[tuple[bytes, bytes, int]], anomaly: str
) -> None:
    assert anomaly in describe(build(sections))["anomalies"]


def test_an_ordinary_program_has_no_anomalies(shared_data: Path, describe: Describe) -> None:
    for name in ("pypi-debugpy/attach_x86.dll", "pypi-distlib/t64.exe", "pypi-pywinpty/conpty.dll"):
        assert describe((shared_data / "binaries" / name).read_bytes())["anomalies"] == [], name


def test_65535_sections_that_overlap_are_counted_and_cut(build: Build, describe: Describe) -> None:
    head = struct.pack("<8s6I2HI", b".x", 0xFFFFFFFF, 0x1000, 0x10000000, 0x400, 0, 0, 0, 0, 0xE0000020)
    image = bytearray(build([(b".text", bytes(1000), CODE)])[:SECTIONS_AT]) + head * 65535
    struct.pack_into("<H", image, 0x40 + 6, 65535)
    budget = Budget(entries=500)

    pe = describe(bytes(image), budget)

    assert "the header counts 65535 sections, 2048 can be read" in pe["anomalies"]
    assert len(pe["sections"]) == len(pe["anomalies"]) == 500
    assert "there are more than 500 sections" in budget.notes


def test_100000_imports_are_hashed_and_cut(build: Build, describe: Describe) -> None:
    count, at = 100_000, 0x2000
    slots = b"".join(struct.pack("<Q", 1 << 63 | number & 0xFFFF) for number in range(count)) + bytes(8)
    content = (
        struct.pack("<5I", at + 56, 0, 0, at + 40, at + 56) + bytes(20) + b"MANY.dll".ljust(16, b"\0") + slots
    )
    budget = Budget(entries=1000)

    pe = describe(build([(b".text", b"x", CODE), (b".idata", content, DATA)], {1: (at, 40)}), budget)

    assert len(pe["imports"]["MANY"]["imports"]) == 1000
    assert "there are more than 1000 imports" in budget.notes
    assert len(pe["imphash"]) == 32


def test_a_library_that_is_imported_twice_is_listed_once(build: Build, describe: Describe) -> None:
    at = 0x2000
    entry = struct.pack("<5I", at + 60, 0, 0, at + 80, at + 60)
    content = entry * 2 + bytes(20) + struct.pack("<2Q", 1 << 63 | 7, 0) + bytes(4) + b"TWICE.dll\0"

    pe = describe(build([(b".text", b"x", CODE), (b".idata", content, DATA)], {1: (at, 60)}))

    assert [len(library["imports"]) for library in pe["imports"].values()] == [2]
    assert pe["imported_dll_count"] == 1


@pytest.mark.parametrize("number", range(16))
def test_a_directory_of_four_gigabytes_is_an_anomaly(number: int, build: Build, describe: Describe) -> None:
    content = b"\x41" * 4000

    pe = describe(build([(b".text", b"x", CODE), (b".data", content, DATA)], {number: (0x2000, 0xFFFFFFFF)}))

    assert any(
        "4294967295 bytes" in anomaly or "4294963" in anomaly or "lies outside" in anomaly
        for anomaly in pe["anomalies"]
    )


def test_every_number_of_the_headers_may_be_the_largest(describe: Describe) -> None:
    image = story.sample_file()
    start = struct.unpack_from("<I", image, 60)[0]
    for place in range(start + 4, start + 0xF8 + 120, 4):
        with suppress(CuckooProcessingError):
            describe(image[:place] + b"\xff\xff\xff\xff" + image[place + 4 :])


def test_a_real_file_cut_anywhere_is_described_or_refused(shared_data: Path, describe: Describe) -> None:
    truths = (shared_data / "binaries").glob("*/*.truth/oracle.json")
    samples = [
        Path(str(truth.parent).removesuffix(".truth"))
        for truth in truths
        if "pe" in json.loads(truth.read_text())
    ]
    for sample in sorted(samples):
        data = sample.read_bytes()
        for end in [64, 300, 500, 1000, *range(1024, len(data), len(data) // 8)]:
            with suppress(CuckooProcessingError):
                assert describe(data[:end])["bits"] in {32, 64}


@pytest.mark.parametrize("data", [b"", b"MZ", b"MZ" + bytes(58) + b"\xff\xff\xff\xff", b"MZ" + bytes(100)])
def test_a_file_without_whole_headers_is_refused(data: bytes, describe: Describe) -> None:
    with pytest.raises(CuckooProcessingError, match="headers of the PE cannot be read"):
        describe(data)


@given(st.data())
def test_any_change_to_a_program_is_described_or_refused(data: st.DataObject) -> None:
    image = bytearray(story.sample_file())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, 0x400) | st.integers(0, len(image) - 4))
        number = data.draw(
            st.sampled_from([0, 1, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF]) | st.integers(0, len(image))
        )
        struct.pack_into("<I", image, min(place, len(image) - 4), number)
    end = data.draw(st.sampled_from([len(image), len(image) // 2, 0x300]))
    with suppress(CuckooProcessingError):
        describe_pe(bytes(image[:end]), Budget(), lambda name, _: name)


@given(st.binary(max_size=400))
def test_any_bytes_behind_a_header_are_described_or_refused(rest: bytes) -> None:
    head = b"MZ".ljust(60, b"\0") + struct.pack("<I", 0x40) + b"PE\0\0" + struct.pack("<HH", 0x14C, 3)
    with suppress(CuckooProcessingError):
        describe_pe(head + rest, Budget(), lambda name, _: name)
