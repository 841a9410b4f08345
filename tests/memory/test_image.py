"""Opening images: packed, too large, damaged, none."""

import gzip
import lzma
import os
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.memory.image import opened_image

CONTENT = bytes(5000) + b"kernel" + bytes(3_000_000)


def contents(location: str) -> bytes:
    return Path(urllib.parse.urlparse(location).path).read_bytes()


def open_it(folder: Path, maximum: int = 1 << 30) -> tuple[bytes, str, str, int]:
    scratch = folder.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    with opened_image(AnalysisFolder(folder), "memory.dmp", scratch, maximum) as image:
        assert image.stream.tell() == 0
        seen = contents(image.location), image.packed, image.layout, image.size
    assert list(scratch.iterdir()) == []
    return seen


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "7").mkdir()
    return tmp_path / "7"


@pytest.mark.parametrize(
    ("packed", "name"),
    [
        (CONTENT, ""),
        (gzip.compress(CONTENT, mtime=0), "gzip"),
        (lzma.compress(CONTENT), "xz"),
        (zstandard.compress(CONTENT), "zstd"),
        (zstandard.compress(CONTENT[:100]) + zstandard.compress(CONTENT[100:]), "zstd"),
    ],
)
def test_an_image_is_read_however_it_is_packed(folder: Path, packed: bytes, name: str) -> None:
    (folder / "memory.dmp").write_bytes(packed)

    assert open_it(folder) == (CONTENT, name, "raw", len(CONTENT))


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, zstandard.compress])
def test_an_image_that_is_larger_than_the_budget_unpacked_is_refused(
    folder: Path, pack: Callable[[bytes], bytes]
) -> None:
    (folder / "memory.dmp").write_bytes(pack(bytes(3 << 20)))

    assert open_it(folder, 3 << 20)[3] == 3 << 20
    with pytest.raises(CuckooProcessingError, match="larger than 2 MiB unpacked"):
        open_it(folder, (3 << 20) - 1)


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize(
    "pack", [gzip.compress, lzma.compress, zstandard.ZstdCompressor(write_checksum=True).compress]
)
def test_a_packed_image_that_is_cut_short_or_damaged_is_refused(
    folder: Path, pack: Callable[[bytes], bytes], damaged: bool
) -> None:
    packed = pack(os.urandom(100_000))
    rest = bytes(20) + packed[20_020:] if damaged else b""
    (folder / "memory.dmp").write_bytes(packed[:20_000] + rest)

    with pytest.raises(CuckooProcessingError, match="cannot unpack the memory image"):
        open_it(folder)


@pytest.mark.parametrize(
    ("head", "layout"),
    [
        (b"EMiL\1\0\0\0", "LiME"),
        (b"AVML\2\0\0\0", "AVML"),
        (b"PAGEDU64", "Windows crash dump (64 bit)"),
        (b"PAGEDUMP", "Windows crash dump (32 bit)"),
        (b"\x7fELF\2\1\1", "ELF core"),
        (b"\xd2\xbe\xd2\xbe", "VMware snapshot"),
    ],
)
def test_the_format_is_told_by_the_first_bytes(folder: Path, head: bytes, layout: str) -> None:
    (folder / "memory.dmp").write_bytes(head + bytes(100))

    assert open_it(folder)[2] == layout


def test_what_vmware_keeps_beside_the_memory_is_there_under_the_name_that_is_looked_for(folder: Path) -> None:
    (folder / "memory.dmp").write_bytes(b"memory")
    (folder / "memory.vmss").write_bytes(b"layout")
    scratch = folder.parent

    with opened_image(AnalysisFolder(folder), "memory.dmp", scratch, 100) as image:
        assert image.layout == "VMware"
        assert image.location.endswith(".vmem")
        assert contents(image.location.removesuffix(".vmem") + ".vmss") == b"layout"


def test_a_link_out_of_the_analysis_is_refused_for_image_and_description(folder: Path) -> None:
    (folder / "memory.dmp").write_bytes(b"memory")
    (folder / "memory.vmss").symlink_to("/etc/passwd")

    with pytest.raises(CuckooProcessingError, match="outside the analysis"):
        open_it(folder)


def test_swapping_the_file_after_it_was_opened_gains_nothing(folder: Path) -> None:
    (folder / "memory.dmp").write_bytes(b"memory")

    with opened_image(AnalysisFolder(folder), "memory.dmp", folder.parent, 100) as image:
        (folder / "memory.dmp").unlink()
        (folder / "memory.dmp").symlink_to("/etc/passwd")
        assert contents(image.location) == b"memory"


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\x1f\x8b", b"\x1f\x8b\x08\0", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_any_bytes_are_an_image_or_refused(folder: Path, data: bytes, head: bytes) -> None:
    (folder / "memory.dmp").write_bytes(head + data)
    try:
        content = open_it(folder, 1 << 20)[0]
    except CuckooProcessingError:
        return
    assert content
