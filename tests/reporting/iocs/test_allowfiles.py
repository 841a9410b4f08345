from pathlib import Path

import pytest

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.reporting.iocs.allowfiles import read_allowed


def test_the_entries_of_all_files_count(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a.example # ours\n")
    (tmp_path / "other").write_text("mutex:held\n")
    allowed = read_allowed(f" {tmp_path / 'one'}, {tmp_path / 'other'},")

    assert allowed.covers("domain", "www.a.example")
    assert allowed.covers("mutex", "held")
    assert not allowed.covers("mutex", "free")


@pytest.mark.parametrize("names", ["", None, " , "])
def test_no_file_covers_nothing(names: str | None) -> None:
    assert not read_allowed(names).covers("domain", "a.example")


@pytest.mark.parametrize("lines", [b"\xff\xfe", b"two words\n"])
def test_a_file_that_is_no_list_is_an_error_of_the_machine(tmp_path: Path, lines: bytes) -> None:
    (tmp_path / "list").write_bytes(lines)

    with pytest.raises(CuckooDependencyError, match="cannot read an allow-list"):
        read_allowed(str(tmp_path / "list"))


def test_of_several_files_the_one_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"\xef\xbb\xbfa.example\n")
    (tmp_path / "other").write_bytes(b"\xff\xfe")

    assert read_allowed(str(tmp_path / "one")).covers("domain", "a.example")
    with pytest.raises(CuckooDependencyError, match="other: 'utf-8' codec"):
        read_allowed(f"{tmp_path / 'one'}, {tmp_path / 'other'}")
