import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.memory_dump import OVERLAP_BYTES, Dump, Module, Region, Run, Window, read_dump
from tests.files.dumps import IMAGE, MAPPED, PRIVATE, READ, RW, RWX, minidump, region

Read = Callable[[bytes], Dump]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def run(data: bytes) -> Dump:
        (tmp_path / "1.dmp").write_bytes(data)
        with (tmp_path / "1.dmp").open("rb") as stream:
            return read_dump(stream)

    return run


def windows(tmp_path: Path, size: int) -> list[Window]:
    with (tmp_path / "1.dmp").open("rb") as stream:
        return list(read_dump(stream).windows(stream, size))


def test_regions_are_read_in_order_of_address(read: Read) -> None:
    dump = read(
        region(0x7FF000000000, b"b" * 5, IMAGE, READ) + region(0x10000, b"a" * 4096, PRIVATE, RWX | 0x100)
    )

    assert dump.format == "regions"
    assert dump.regions == [
        Region(0x10000, 4096, 53, 0x1000, PRIVATE, RWX | 0x100),
        Region(0x7FF000000000, 5, 24, 0x1000, IMAGE, READ),
    ]
    assert [(each.type_name, each.state_name, each.protection_name) for each in dump.regions] == [
        ("private", "commit", "rwx guard"),
        ("image", "commit", "r--"),
    ]
    assert not dump.problems


@pytest.mark.parametrize("wide", [True, False])
def test_a_minidump_has_regions_with_protection_and_modules(read: Read, wide: bool) -> None:
    dump = read(
        minidump(
            [(0x400000, b"x" * 16), (0x10000, b"y" * 8)],
            [(0x400000, 4096, IMAGE, READ), (0x20000, 4096, MAPPED, RW)],
            [(0x400000, 8192, "C:\\a\\prögram.exe")],
            wide=wide,
        )
    )

    assert dump.format == "minidump"
    assert [(each.address, each.size, each.type_name, each.protection_name) for each in dump.regions] == [
        (0x10000, 8, "", ""),
        (0x400000, 16, "image", "r--"),
    ]
    assert dump.modules == [Module(0x400000, 8192, "C:\\a\\prögram.exe")]
    assert not dump.problems


def test_the_data_of_both_formats_is_found_by_address(tmp_path: Path) -> None:
    for content in (
        region(0x2000, b"second") + region(0x1FFC, b"frst"),
        minidump([(0x2000, b"second"), (0x1FFC, b"frst")]),
        minidump([(0x2000, b"second"), (0x1FFC, b"frst")], wide=False),
    ):
        (tmp_path / "1.dmp").write_bytes(content)
        with (tmp_path / "1.dmp").open("rb") as stream:
            dump = read_dump(stream)
            assert dump.data(stream, 0x1FFE, 5) == b"stsec"
            assert dump.data(stream, 0x2000, 100) == b"second"
            assert dump.data(stream, 0x1FFB, 100) == b""
            assert dump.data(stream, 0x2006, 100) == b""


def test_neighbours_are_joined_and_others_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "1.dmp").write_bytes(region(0x1000, b"ab") + region(0x1002, b"cd") + region(0x5000, b"ef"))

    [window] = windows(tmp_path, 1000)

    assert window.data == b"abcd" + bytes(16) + b"ef"
    assert window.runs == [Run(0, 4, 0x1000), Run(20, 2, 0x5000)]
    assert [window.address(offset) for offset in (0, 3, 20, 21)] == [0x1000, 0x1003, 0x5000, 0x5001]


def test_a_region_larger_than_a_window_comes_in_pieces_that_overlap(tmp_path: Path) -> None:
    data = bytes(range(256)) * 4096
    (tmp_path / "1.dmp").write_bytes(region(0x1000, data))
    size = 3 * OVERLAP_BYTES

    pieces = windows(tmp_path, size)

    assert len(pieces) > 3
    assert max(len(piece.data) for piece in pieces) <= size
    for piece, following in pairwise(pieces):
        assert following.runs[0].address + OVERLAP_BYTES == piece.runs[0].address + len(piece.data)
    for piece in pieces:
        start = piece.runs[0].address - 0x1000
        assert piece.data == data[start : start + len(piece.data)]
    assert pieces[-1].runs[0].address + len(pieces[-1].data) == 0x1000 + len(data)


def test_what_goes_on_behind_the_end_is_cut_and_counted(read: Read) -> None:
    dump = read(region(0x1000, b"ab") + region(0x2000, b"cd", size=0xFFFFFFFF))

    assert [(each.address, each.size) for each in dump.regions] == [(0x1000, 2), (0x2000, 2)]
    assert dump.problems == {"regions that go on behind the end": 1}


def test_a_header_that_is_cut_short_is_counted(read: Read) -> None:
    assert read(region(0x1000, b"ab") + b"123").problems == {"the last header is cut short": 1}


def test_reading_stops_at_what_is_no_header(read: Read) -> None:
    dump = read(region(0x1000, b"ab") + b"\xff" * 100)

    assert len(dump.regions) == 1
    assert dump.problems == {"what stands at 26 is no header of a region": 1}


def test_overlapping_regions_are_counted(read: Read) -> None:
    dump = read(region(0x1000, b"a" * 32) + region(0x1010, b"b" * 32) + region(0x1030, b"c"))

    assert dump.problems == {"regions that overlap others": 1}


def test_empty_regions_are_regions(tmp_path: Path, read: Read) -> None:
    dump = read(region(0x1000, b"") + region(0x2000, b"x") + region(0x3000, b"", state=0x2000))

    assert [each.size for each in dump.regions] == [0, 1, 0]
    assert windows(tmp_path, 100)[0].data == b"x"


def test_a_hundred_thousand_regions_are_read(tmp_path: Path, read: Read) -> None:
    dump = read(b"".join(region(0x1000 * number, b"x") for number in range(100_000)))

    assert len(dump.regions) == 100_000
    assert sum(len(window.runs) for window in windows(tmp_path, 1 << 20)) == 100_000


@pytest.mark.parametrize(
    "data", [b"", b"x", b"\xff" * 1000, b"MDMP", b"MDMP" + bytes(20), b"MZ" + bytes(500)]
)
def test_what_is_no_dump_is_refused(data: bytes, read: Read) -> None:
    with pytest.raises(CuckooProcessingError, match=r"no dump of a process's memory|ends in its header"):
        read(data)


@pytest.mark.parametrize("size", range(0, 400, 7))
def test_a_minidump_cut_anywhere_is_read_or_refused(size: int, read: Read) -> None:
    whole = minidump([(0x1000, b"x" * 40)], [(0x1000, 4096, IMAGE, READ)], [(0x1000, 8192, "a.exe")])

    try:
        dump = read(whole[:size])
    except CuckooProcessingError:
        return
    assert all(each.offset + each.size <= size or each.size == 0 for each in dump.regions)


@given(st.binary(max_size=600), st.sampled_from(["", "MDMP", "region"]))
def test_any_bytes_are_a_dump_or_refused(data: bytes, start: str) -> None:
    head = {"": b"", "MDMP": minidump([(1, b"a")])[:60], "region": region(0x1000, b"ab")}[start]
    with tempfile.TemporaryFile() as stream:
        stream.write(head + data)
        stream.flush()
        try:
            dump = read_dump(stream)
        except CuckooProcessingError:
            return
        for window in dump.windows(stream, 64):
            assert len(window.data) <= 64 + 16 + 64


@given(st.data())
def test_a_minidump_with_any_bytes_changed_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(
        minidump([(0x1000, b"x" * 40)], [(0x1000, 4096, IMAGE, READ)], [(0x1000, 8192, "a.exe")])
    )
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(4, len(whole) - 1))
        whole[place : place + 4] = data.draw(st.binary(min_size=4, max_size=4))
    with tempfile.TemporaryFile() as stream:
        stream.write(whole)
        stream.flush()
        try:
            dump = read_dump(stream)
        except CuckooProcessingError:
            return
        assert sum(len(window.data) for window in dump.windows(stream)) < 1 << 20
