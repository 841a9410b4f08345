import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.installer import describe_msi
from tests.files.compoundwriter import compound
from tests.files.reading import cuts, read, survives

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
TEXTS = ["CustomAction", "Action", "Type", "Source", "Target", "Run", "Bin", "http://evil.example/"]
TEXT, NUMBER = 0x0D48, 0x0502


def packed(table: str) -> str:
    codes = [ALPHABET.index(letter) for letter in table]
    pairs = [chr(0x3800 + codes[at] + (codes[at + 1] << 6)) for at in range(0, len(codes) - 1, 2)]
    last = [chr(0x4800 + codes[-1])] if len(codes) % 2 else []
    return "\u4840" + "".join(pairs + last)


def package(kind: int = 6 | 0x400 | 0x800) -> dict[str, Any]:
    pool = struct.pack("<HH", 1252, 0) + b"".join(struct.pack("<HH", len(text), 1) for text in TEXTS)
    columns = [(1, 0x8001 + at, name, type_ ^ 0x8000) for at, (name, type_) in enumerate(COLUMNS)]
    by_column = [value for column in zip(*columns, strict=True) for value in column]
    return {
        packed("_StringPool"): pool,
        packed("_StringData"): "".join(TEXTS).encode(),
        packed("_Tables"): struct.pack("<H", 1),
        packed("_Columns"): struct.pack(f"<{len(by_column)}H", *by_column),
        packed("CustomAction"): struct.pack("<4H", 6, kind ^ 0x8000, 7, 8),
        "Binary.Bin": b"MZ" + bytes(60),
    }


COLUMNS = [(2, TEXT), (3, NUMBER), (4, TEXT), (5, TEXT)]


def test_a_real_package_is_the_database_that_it_is(shared_data: Path) -> None:
    found = read(describe_msi, (shared_data / "binaries" / "osslsigncode" / "unsigned.msi").read_bytes())

    assert found["metadata"]["title"] == "Installation Database"
    assert found["metadata"]["created"] == "2022-02-04 14:28:51"
    assert found["properties"]["ProductName"] == "Foobar 1.0"
    assert (len(found["tables"]), found["tables"]["InstallExecuteSequence"]) == (28, 15)
    assert [(each["name"], each["kind"]) for each in found["binaries"]] == [("Sample.cab", "cab")]


def test_a_custom_action_in_words() -> None:
    found = read(describe_msi, compound(package()))

    assert found["actions"] == [
        {
            "name": "Run",
            "type": 0xC06,
            "meaning": "runs a VBScript in the package",
            "source": "Bin",
            "target": "http://evil.example/",
            "deferred": True,
            "elevated": True,
        }
    ]
    assert found["tables"] == {"CustomAction": 1}
    assert found["urls"] == ["http://evil.example/"]
    assert [(each["name"], each["kind"]) for each in found["binaries"]] == [("Binary.Bin", "dos")]


def test_a_package_without_texts_is_noted() -> None:
    budget = Budget()

    assert read(describe_msi, compound({"a": b"x"}), budget)["tables"] == {}
    assert budget.notes == ["msi: the file ends within the 4 bytes at offset 0"]


def test_what_is_no_compound_file_is_refused() -> None:
    with pytest.raises(CuckooProcessingError):
        read(describe_msi, b"PK\3\4")


def test_a_real_package_cut_or_damaged_anywhere_is_survived(shared_data: Path) -> None:
    for data in cuts((shared_data / "binaries" / "osslsigncode" / "unsigned.msi").read_bytes()):
        survives(describe_msi, data)


@given(
    st.sampled_from(["_StringPool", "_StringData", "_Tables", "_Columns", "CustomAction"]),
    st.binary(max_size=200),
)
def test_any_table_is_survived(table: str, content: bytes) -> None:
    survives(describe_msi, compound(package() | {packed(table): content}))
