import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.elf import describe_elf

SECTION = re.compile(
    r"  \[ *\d+\] (?P<name>.*?) *(?P<type>[A-Z_]+|LOOS\+0x1)"
    r" +(?P<address>[0-9a-f]+) (?P<offset>[0-9a-f]+) (?P<size>[0-9a-f]+)"
    r" [0-9a-f]+ (?P<flags>.{3}) "
)
SEGMENT = re.compile(
    r"  (?P<type>\w+) +0x(?P<offset>\w+) 0x(?P<address>\w+) 0x\w+ 0x(?P<file_size>\w+) 0x(?P<memory_size>\w+)"
    r" (?P<flags>...) "
)
HEX = ("address", "offset", "size", "file_size", "memory_size")
FILES = [
    "cuckoo/busybox-i686", "cuckoo/ls-x86_64", "pypi-pyelftools/android_dyntags.so", "pypi-pyelftools/exe_simple32",
    "pypi-pyelftools/exe_stripped64", "pypi-pyelftools/lib_relro.so", "pypi-pyelftools/lib_versioned64.so",
    "pypi-pyelftools/s390x-relocs.o", "pypi-pyelftools/simple_mips_gcc.o", "pypi-pyelftools/unicode_symbols",
    "pypi-pyelftools/x64_bad_sections",
]  # fmt: skip
OWN_TYPES = {"LOOS+0x1": "0x60000001", "MIPS_REGINFO": "0x70000006", "MIPS_DWARF": "0x7000001e"}
"""Types whose meaning depends on system or machine stay numbers."""
Facts = dict[str, Any]


def describe(data: bytes, budget: Budget | None = None) -> Facts:
    return dict(describe_elf(data, budget or Budget(), lambda name, _: name))


def rows(pattern: re.Pattern[str], lines: list[str]) -> list[Facts]:
    found = (match.groupdict() for line in lines if (match := pattern.match(line)))
    return [
        {key: int(value, 16) if key in HEX else value.replace(" ", "") for key, value in row.items()}
        for row in found
    ]


def ours(records: list[Facts], like: list[Facts]) -> list[Facts]:
    keys = like[0] if like else ()
    return [{key: int(each[key], 16) if key in HEX else each[key] for key in keys} for each in records]


@pytest.mark.parametrize("name", FILES)
def test_real_files_are_seen_as_readelf_sees_them(shared_data: Path, name: str) -> None:
    sample = shared_data / "binaries" / f"{name}.elf"
    lines = json.loads(Path(f"{sample}.truth/oracle.json").read_text())["readelf"]
    text = "\n".join(lines)

    elf = describe(sample.read_bytes())

    segments = rows(SEGMENT, lines)
    for segment in segments:
        segment["flags"] = segment["flags"].replace("E", "X")
    assert ours(elf["segments"], segments) == segments
    sections = [row | {"name": row["name"].replace("<no-strings>", "")} for row in rows(SECTION, lines)]
    for section in sections:
        section["type"] = OWN_TYPES.get(section["type"], section["type"])
    for section, known in zip(elf["sections"], sections, strict=True):
        assert section["name"].startswith(known.pop("name").removesuffix("[...]"))
        assert ours([section], [known]) == [known]
    assert elf["libraries"] == re.findall(r"Shared library: \[(.*)\]", text)
    assert [elf["soname"]] == (re.findall(r"Library soname: \[(.*)\]", text) or [None])
    assert [elf["interpreter"]] == (re.findall(r"program interpreter: (.*)\]", text) or [None])
    assert elf["entrypoint"] in re.findall(r"Entry point address: +(0x\w+)", text)
    assert f"ELF{elf['bits']}" in text
    assert f"{elf['endian']} endian" in text
    assert re.search(rf"Type: +{elf['type']} ", text)


def test_imports_exports_and_protections_of_a_real_program(shared_data: Path) -> None:
    elf = describe((shared_data / "binaries/cuckoo/ls-x86_64.elf").read_bytes())

    names = [symbol["name"] for symbol in elf["imports"]]
    assert len(names) == 116
    assert names[:3] == ["__ctype_toupper_loc", "__uflow", "getenv"]
    assert {
        "name": "__progname",
        "address": "0x61e600",
        "size": 8,
        "type": "OBJECT",
        "bind": "GLOBAL",
    } in elf["exports"]
    assert elf["protections"] == {
        "relro": "partial",
        "nx": True,
        "pie": False,
        "canary": True,
        "fortify": True,
    }
    assert elf["build_id"] == "eca98eeadafddff44caf37ae3d4b227132861218"
    assert elf["stripped"] is True
    assert elf["anomalies"] == []


def test_an_object_file_imports_what_it_leaves_undefined(shared_data: Path) -> None:
    elf = describe((shared_data / "binaries/pypi-pyelftools/simple_mips_gcc.o.elf").read_bytes())

    assert elf["endian"] == "big"
    assert elf["stripped"] is False
    assert elf["static"] is False
    assert [symbol["name"] for symbol in elf["exports"]] != []


def test_symbols_are_found_without_section_headers(shared_data: Path) -> None:
    data = bytearray((shared_data / "binaries/cuckoo/ls-x86_64.elf").read_bytes())
    whole = describe(bytes(data))
    data[40:48] = bytes(8)
    data[60:62] = bytes(2)

    bare = describe(bytes(data))

    assert bare["sections"] == []
    assert bare["packer_hints"] == ["no section headers"]
    assert bare["imports"] == whole["imports"]
    assert bare["exports"] == whole["exports"]


def test_damaged_section_headers_are_an_anomaly_and_cost_no_more(shared_data: Path) -> None:
    elf = describe((shared_data / "binaries/pypi-pyelftools/x64_bad_sections.elf").read_bytes())

    assert elf["anomalies"] == ["the names of the sections should be in section 39, which does not exist"]
    assert [symbol["name"] for symbol in elf["imports"]] == ["__gmon_start__", "__libc_start_main"]


@pytest.mark.parametrize(
    "data", [b"", b"\x7fELF", b"\x7fELF\x02\x01" + bytes(20), b"\x7fELF\x07\x01" + bytes(90)]
)
def test_a_file_without_a_whole_header_is_refused(data: bytes) -> None:
    with pytest.raises(CuckooProcessingError, match="header of the ELF file"):
        describe(data)


@pytest.mark.parametrize("entries", [0, 5])
def test_lists_are_cut_at_the_option_and_that_is_noted(shared_data: Path, entries: int) -> None:
    budget = Budget(entries=entries)

    elf = describe((shared_data / "binaries/cuckoo/ls-x86_64.elf").read_bytes(), budget)

    assert len(elf["segments"]) == len(elf["sections"]) == entries
    assert f"there are more than {entries} segments" in budget.notes


@pytest.mark.parametrize("name", ["cuckoo/ls-x86_64", "pypi-pyelftools/simple_mips_gcc.o"])
def test_a_file_cut_anywhere_is_described_or_refused(shared_data: Path, name: str) -> None:
    data = (shared_data / "binaries" / f"{name}.elf").read_bytes()
    for end in [*range(0, 400, 3), *range(400, len(data), max(1, len(data) // 60))]:
        try:
            assert describe(data[:end])["bits"] in {32, 64}
        except CuckooProcessingError:
            assert end < 64


@given(st.binary(max_size=600), st.integers(1, 2), st.integers(1, 2))
def test_any_bytes_are_described_or_refused(rest: bytes, width: int, order: int) -> None:
    with suppress(CuckooProcessingError):
        describe(b"\x7fELF" + bytes([width, order, 1]) + rest)


@given(st.data())
def test_any_change_to_a_real_file_is_described_or_refused(shared_data: Path, data: st.DataObject) -> None:
    raw = bytearray((shared_data / "binaries/pypi-pyelftools/exe_stripped64.elf").read_bytes())
    for _ in range(4):
        place = data.draw(st.integers(0, len(raw) - 8))
        width = data.draw(st.sampled_from([1, 2, 4, 8]))
        raw[place : place + width] = data.draw(
            st.sampled_from([b"\xff" * width, bytes(width), b"\x7f" * width])
        )
    with suppress(CuckooProcessingError):
        describe(bytes(raw))
