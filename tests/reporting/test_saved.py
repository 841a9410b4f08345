import contextlib
import gzip
import json
import os
import sys
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooOperationalError
from lib.cuckoo.reporting import saved
from lib.cuckoo.reporting.saved import read_report

PLAIN = b'{"info": {"id": 9}}'
PACKED = {
    "report.json": PLAIN,
    "report.json.gz": gzip.compress(PLAIN, mtime=0),
    "report.json.zst": zstandard.ZstdCompressor().compress(PLAIN),
}


def folder_with(tmp_path: Path, name: str, content: bytes) -> Path:
    (tmp_path / "reports").mkdir(exist_ok=True)
    (tmp_path / "reports" / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("name", PACKED)
def test_a_report_is_read_from_its_folder_and_by_its_own_path(tmp_path: Path, name: str) -> None:
    folder = folder_with(tmp_path, name, PACKED[name])

    assert read_report(folder) == {"info": {"id": 9}}
    assert read_report(folder / "reports" / name) == {"info": {"id": 9}}


def test_a_report_of_nothing_but_empty_lists_is_refused_before_it_fills_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved, "MOST_PARTS", 1000)
    (tmp_path / "most.json").write_bytes(b'{"a":[' + b"[]," * 997 + b"1]}")
    (tmp_path / "more.json").write_bytes(gzip.compress(b'{"a":[' + b"[]," * 998 + b"{}]}"))

    assert len(read_report(tmp_path / "most.json")["a"]) == 998
    with pytest.raises(CuckooOperationalError, match="more than 1,000 lists and records"):
        read_report(tmp_path / "more.json")


@pytest.mark.parametrize("content", PACKED.values(), ids=["plain", "gzip", "zstd"])
def test_the_content_tells_how_it_is_packed_and_not_the_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "some.bin").write_bytes(content)

    assert read_report(tmp_path / "some.bin") == {"info": {"id": 9}}


def test_of_two_reports_the_newer_one_counts(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "report.json", b'{"run": "old"}')
    folder_with(tmp_path, "report.json.gz", gzip.compress(b'{"run": "new"}'))
    os.utime(folder / "reports" / "report.json", (1000, 1000))

    assert read_report(folder) == {"run": "new"}


def test_a_folder_without_report_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CuckooOperationalError, match=r"no report in .*: run fledge process"):
        read_report(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[1]", b"[" * 100_000, b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfdnonsense"),
        b'{"number": ' + b"9" * 5000 + b"}",
        PACKED["report.json.gz"][:-9],
        PACKED["report.json.zst"][:-9],
    ],
)
def test_a_report_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    folder = folder_with(tmp_path, "report.json", content)

    with pytest.raises(CuckooOperationalError, match=r"cannot read .*report\.json"):
        read_report(folder)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CuckooOperationalError, match=r"cannot read .*report\.json: No such file"):
        read_report(tmp_path / "report.json")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_the_bound_counts_what_is_unpacked(tmp_path: Path, pack: type[bytes]) -> None:
    text = json.dumps({"bomb": "0" * 5_000_000}).encode()
    folder = folder_with(tmp_path, "report.json", pack(text))

    assert read_report(folder, maximum=len(text))["bomb"] == "0" * 5_000_000
    with pytest.raises(
        CuckooOperationalError, match=r"cannot read .*report\.json: it is larger than 5\.0 MB"
    ):
        read_report(folder, maximum=len(text) - 1)


def test_a_link_out_of_the_analysis_and_a_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_bytes(PLAIN)
    reports = tmp_path / "analysis" / "reports"
    reports.mkdir(parents=True)
    (reports / "report.json").symlink_to(tmp_path / "elsewhere.json")
    os.mkfifo(reports / "report.json.gz")

    with pytest.raises(CuckooOperationalError, match="outside the analysis"):
        read_report(tmp_path / "analysis")
    with pytest.raises(CuckooOperationalError, match="it is a FIFO"):
        read_report(reports / "report.json.gz")


def test_without_the_library_zstd_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    folder = folder_with(tmp_path, "report.json.zst", PACKED["report.json.zst"])

    with pytest.raises(CuckooDependencyError, match=r"report\.json\.zst .*pip install 'fledge\[zstd\]'"):
        read_report(folder)


@given(content=st.binary(max_size=200), kind=st.sampled_from(sorted(PACKED)), at=st.integers(0, 60))
def test_any_bytes_are_a_report_or_the_named_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, kind: str, at: int
) -> None:
    folder = folder_with(tmp_path_factory.getbasetemp(), kind, PACKED[kind][:at] + content)

    with contextlib.suppress(CuckooOperationalError):
        assert isinstance(read_report(folder / "reports" / kind), dict)
