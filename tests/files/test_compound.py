import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.compound import CompoundFile
from tests.files.compoundwriter import Tree, compound


def test_streams_are_found_by_path_in_any_case() -> None:
    file = CompoundFile(compound({"Outer": {"Inner": b"x" * 2000}, "top": b"y"}))

    inner = file.find("OUTER", "inner")

    assert inner is not None
    assert inner.path == ("Outer", "Inner")
    assert file.read(inner, 5000) == b"x" * 2000
    assert file.read(inner, 700) == b"x" * 700
    assert file.find("inner") is None


def test_small_streams_of_a_real_file_come_from_the_mini_stream(shared_data: Path) -> None:
    file = CompoundFile((shared_data / "binaries" / "osslsigncode" / "unsigned.msi").read_bytes())

    summary = file.find("\5SummaryInformation")

    assert summary is not None
    assert len(file.entries) == 19
    assert file.read(summary, 1 << 20)[:4] == b"\xfe\xff\0\0"


def test_a_chain_that_bites_its_tail_ends() -> None:
    data = bytearray(compound({"loop": b"x" * 2000}))
    fat = 512 + 512 * struct.unpack_from("<I", data, 76)[0]
    struct.pack_into("<I", data, fat + 12, 0)
    directory = 512 + 512 * struct.unpack_from("<I", data, 48)[0]
    struct.pack_into("<I", data, directory + 128 + 120, 1 << 20)
    file = CompoundFile(bytes(data))

    assert file.read(next(file.streams()), 1 << 30) == b"x" * 2000 + bytes(48)


def test_a_directory_that_is_its_own_child_ends() -> None:
    data = bytearray(compound({"a": {"b": b"x"}}))
    directory = 512 + 512 * struct.unpack_from("<I", data, 48)[0]
    struct.pack_into("<I", data, directory + 2 * 128 + 76, 1)
    struct.pack_into("<I", data, directory + 2 * 128 + 72, 0)

    assert [entry.path for entry in CompoundFile(bytes(data)).entries] == [("a",), ("a", "b")]


def test_storages_nested_without_end_have_short_paths() -> None:
    tree: Tree = {"leaf": b"x"}
    for _ in range(100):
        tree = {"s": tree}

    assert max(len(entry.path) for entry in CompoundFile(compound(tree)).entries) == 33


@pytest.mark.parametrize("data", [b"", b"PK", bytes.fromhex("d0cf11e0a1b11ae1"), compound({})[:600]])
def test_what_is_no_compound_file_is_refused(data: bytes) -> None:
    with pytest.raises(CuckooProcessingError):
        CompoundFile(data)


@given(st.data())
def test_a_damaged_compound_file_is_read_or_refused(draw: st.DataObject) -> None:
    data = bytearray(compound({"a": {"b": b"x" * 600}, "c": b"y" * 100}))
    for _ in range(draw.draw(st.integers(1, 8))):
        data[draw.draw(st.integers(8, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        file = CompoundFile(bytes(data))
    except CuckooProcessingError:
        return
    for entry in file.streams():
        assert len(file.read(entry, 10_000)) <= 10_000
