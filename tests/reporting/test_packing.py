import gzip
import sys

import pytest
import zstandard

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooReportError
from lib.cuckoo.reporting.packing import packer

CHUNKS = [b"one", b"", b"two" * 1000]


def test_each_way_gives_the_text_back() -> None:
    text = b"".join(CHUNKS)

    assert b"".join(packer("no")(CHUNKS)) == text
    assert gzip.decompress(b"".join(packer("gzip")(CHUNKS))) == text
    assert zstandard.ZstdDecompressor().decompressobj().decompress(b"".join(packer("zstd")(CHUNKS))) == text


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_equal_text_gives_equal_bytes(how: str) -> None:
    assert b"".join(packer(how)(CHUNKS)) == b"".join(packer(how)(CHUNKS))


def test_an_unknown_way_is_named() -> None:
    with pytest.raises(CuckooReportError, match="cannot pack with 'rar': there are no, gzip, zstd"):
        packer("rar")


def test_a_missing_library_is_named_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)

    with pytest.raises(CuckooDependencyError, match=r"pip install 'fledge\[zstd\]'"):
        packer("zstd")
