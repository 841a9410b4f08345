from pathlib import Path

import pytest

from lib.cuckoo.analysis.sample import original_name, sample_name
from lib.cuckoo.common.folder import AnalysisFolder


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], "binary"),
        (["binary"], "binary"),
        (["binary", "binary-a.exe"], "binary"),
        (["binary-a.exe", "dump.pcap"], "binary-a.exe"),
        (["binary-a.exe", "binary-b.exe"], "binary"),
    ],
)
def test_the_sample_is_found(tmp_path: Path, files: list[str], expected: str) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"x")

    assert sample_name(AnalysisFolder(tmp_path)) == expected


def test_a_dangling_link_is_the_sample(tmp_path: Path) -> None:
    (tmp_path / "binary").symlink_to("gone")
    (tmp_path / "binary-a.exe").write_bytes(b"x")

    assert sample_name(AnalysisFolder(tmp_path)) == "binary"


@pytest.mark.parametrize(
    ("name", "target", "expected"),
    [
        ("binary", "/tmp/x/a.exe", "a.exe"),
        ("binary", "C:\\Temp\\a.exe", "a.exe"),
        ("binary-b.exe", "a.exe", "a.exe"),
        ("binary-b.exe", "", "b.exe"),
        ("binary", "", "binary"),
        ("binary", "/", "binary"),
    ],
)
def test_the_original_name_comes_from_the_target(name: str, target: str, expected: str) -> None:
    assert original_name(name, target) == expected
