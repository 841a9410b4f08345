"""Macros of real documents beside what another engine found in them."""

import json
from pathlib import Path

import pytest

from lib.cuckoo.files.office.ooxml import describe_ooxml
from tests.files.reading import cuts, read, survives

DOCUMENT = "binaries/cuckoo/createproc1.docm"


def test_the_macros_are_those_that_another_engine_found(shared_data: Path) -> None:
    truth = shared_data / f"{DOCUMENT}.truth" / "cuckoo2-target-static-strings.json"
    theirs = json.loads(truth.read_bytes())["static"]["office"]["macros"]

    ours = read(describe_ooxml, (shared_data / DOCUMENT).read_bytes())["macros"]

    assert [(each["filename"], each["code"]) for each in ours] == [
        (each["filename"], each["orig_code"]) for each in theirs
    ]
    assert [each["stream"].partition(":")[2] for each in ours] == [each["stream"] for each in theirs]


def test_what_a_real_macro_does_is_said(shared_data: Path) -> None:
    office = read(describe_ooxml, (shared_data / DOCUMENT).read_bytes())

    assert [(each["type"], each["keyword"]) for each in office["keywords"]] == [
        ("autoexec", "AutoOpen"),
        ("suspicious", "GetObject"),
        ("suspicious", "winmgmts"),
        ("suspicious", "Win32_Process"),
    ]
    assert office["metadata"]["author"] == "Windows User"
    assert office["metadata"]["created"] == "2016-04-23 09:17:00"


@pytest.mark.parametrize("name", ["pypi-python_docx/default.docx", "pypi-python_pptx/default.pptx"])
def test_a_real_document_without_macros_has_none(shared_data: Path, name: str) -> None:
    office = read(describe_ooxml, (shared_data / "binaries" / name).read_bytes())

    assert (office["macros"], office["keywords"], office["external"], office["objects"]) == ([], [], [], [])
    assert office["streams"]


def test_a_real_document_cut_or_damaged_anywhere_is_survived(shared_data: Path) -> None:
    for data in cuts((shared_data / DOCUMENT).read_bytes()):
        survives(describe_ooxml, data)
