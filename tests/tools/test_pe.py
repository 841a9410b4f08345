"""The builder of programs, judged by libmagic and by the format's own rules."""

import struct
from pathlib import Path

import pytest

from lib.cuckoo.common.objects import File
from tools.example import Program, build_pe, story

FILES = [story.sample_file(), story.stage_file(), story.payload_file()]


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        (story.sample_file(), "PE32 executable (GUI) Intel 80386, for MS Windows"),
        (story.stage_file(), "PE32 executable (GUI) Intel 80386, for MS Windows"),
        (story.payload_file(), "PE32 executable (DLL) (GUI) Intel 80386, for MS Windows"),
    ],
)
def test_a_built_file_is_typed_as_a_windows_program(program: bytes, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_bytes(program)

    assert File(str(path)).get_type().startswith(kind)


@pytest.mark.parametrize("program", FILES)
def test_sections_fill_the_file(program: bytes) -> None:
    headers = struct.unpack_from("<I", program, 0x3C)[0]
    count = struct.unpack_from("<H", program, headers + 6)[0]
    sections = [struct.unpack_from("<8s4I", program, headers + 0xF8 + 40 * index) for index in range(count)]

    assert [name.rstrip(b"\0") for name, *_ in sections] == [b".text", b".rdata", b".rsrc"]
    assert sections[-1][3] + sections[-1][4] == len(program)


@pytest.mark.parametrize("program", FILES)
def test_the_checksum_is_the_sum_of_the_words_and_the_length(program: bytes) -> None:
    at = struct.unpack_from("<I", program, 0x3C)[0] + 88
    stored = struct.unpack_from("<I", program, at)[0]
    words = struct.unpack(f"<{len(program) // 2}H", program[:at] + bytes(4) + program[at + 4 :])

    assert stored == sum(words) % 0xFFFF + len(program)


def test_strings_stand_in_the_file_in_both_widths() -> None:
    program = build_pe(Program({"KERNEL32.dll": ["ExitProcess"]}, strings=["narrow"], wide_strings=["wide"]))

    assert b"narrow\0" in program
    assert "wide\0".encode("utf-16-le") in program


def test_the_entry_point_calls_the_first_import() -> None:
    program = build_pe(Program({"KERNEL32.dll": ["ExitProcess"]}))
    slot = struct.unpack_from("<I", program, 0x200 + 4)[0] - 0x400000
    name_at = struct.unpack_from("<I", program, 0x400 + slot - 0x2000)[0] - 0x2000 + 0x400

    assert program[0x200:0x204] == b"\x6a\x00\xff\x15"
    assert program[name_at + 2 :].startswith(b"ExitProcess\0")
