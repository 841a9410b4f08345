import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.pe.metadata import ASSEMBLY, ASSEMBLY_REF, METHOD_DEF, Metadata

Describe = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def library(shared_data: Path) -> bytes:
    return (shared_data / "binaries/pypi-pythonnet/Python.Runtime.dll").read_bytes()


def test_an_assembly_is_described(library: bytes, describe: Describe) -> None:
    dotnet = describe(library)["dotnet"]

    assert (dotnet["assembly"], dotnet["version"], dotnet["culture"]) == (
        "Python.Runtime",
        "3.2.1.0",
        "neutral",
    )
    assert dotnet["module"] == "Python.Runtime.dll"
    assert dotnet["mvid"] == "84EB49F5-444D-4DDF-A3D2-DCCCB7E2A3E4"
    assert dotnet["runtime"] == "v4.0.30319"
    assert dotnet["flags"] == ["ILONLY", "STRONGNAMESIGNED"]
    assert dotnet["strong_name"] is True
    assert dotnet["token"] == "5000fea6cba702dd"
    assert dotnet["entry_point"] is None
    assert [each["name"] for each in dotnet["references"]] == [
        "netstandard", "System.Reflection.Emit", "System.Reflection.Emit.ILGeneration", "Microsoft.CSharp",
    ]  # fmt: skip
    assert dotnet["references"][0]["token"] == "cc7b13ffcd2ddd51"
    assert dotnet["tables"]["MethodDef"] == 3920


def test_the_resources_of_an_assembly_are_typed_and_hashed(library: bytes, describe: Describe) -> None:
    resource = describe(library)["dotnet"]["resources"][0]

    assert resource == {
        "name": "clr.py",
        "offset": "0x0006c1ac",
        "size": 2550,
        "sha256": "f785c3221a7530b1f8d3e811618650ae38c3413d77a669b52a5b5aef0a601901",
        "type": "Python script, ASCII text executable",
        "public": True,
    }


def test_the_entry_point_is_named_with_its_type(library: bytes, describe: Describe) -> None:
    place = library.index(struct.pack("<IHH", 72, 2, 5)) + 20

    named = describe(library[:place] + struct.pack("<I", 0x06000001) + library[place + 4 :])
    unknown = describe(library[:place] + struct.pack("<I", 0x06FFFFFF) + library[place + 4 :])

    assert named["dotnet"]["entry_point"].count(".") >= 1
    assert unknown["dotnet"]["entry_point"] == "0x06ffffff"


def test_references_are_cut_at_the_option(library: bytes, describe: Describe) -> None:
    budget = Budget(entries=2)

    assert len(describe(library, budget)["dotnet"]["references"]) == 2
    assert "there are more than 2 references to assemblies" in budget.notes


def test_damaged_metadata_cost_only_themselves(library: bytes, describe: Describe) -> None:
    pe = describe(library.replace(b"BSJB", b"XXXX"))

    assert pe["dotnet"] is None
    assert "the .NET metadata cannot be read: the metadata do not begin with BSJB" in pe["anomalies"]
    assert len(pe["sections"]) == 3


def metadata_of(library: bytes) -> bytes:
    return library[library.index(b"BSJB") :][:300_000]


def test_metadata_cut_anywhere_are_read_or_refused(library: bytes) -> None:
    whole = metadata_of(library)
    for end in [*range(0, 200, 3), *range(200, len(whole), 20_000)]:
        try:
            metadata = Metadata(whole[:end])
        except ValueError:
            continue
        list(metadata.table(ASSEMBLY_REF))


@given(st.data())
def test_any_change_to_metadata_is_read_or_refused(library: bytes, data: st.DataObject) -> None:
    whole = bytearray(metadata_of(library)[:4000])
    for _ in range(4):
        place = data.draw(st.integers(0, 400) | st.integers(0, len(whole) - 4))
        struct.pack_into("<I", whole, place, data.draw(st.sampled_from([0, 0xFFFFFFFF, 0x7FFFFFFF, 1 << 16])))
    try:
        metadata = Metadata(bytes(whole))
        for number in (ASSEMBLY, ASSEMBLY_REF, METHOD_DEF):
            for _, row in zip(range(50), metadata.table(number), strict=False):
                metadata.string(row[-1])
                metadata.blob(row[-1])
                metadata.guid(row[-1])
    except (ValueError, struct.error):
        pass
