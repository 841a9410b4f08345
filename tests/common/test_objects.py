import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common import digests
from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.objects import File

MS_DOS = b"MZ" + bytes(58) + b"\x40\0\0\0"


def oracles(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "binaries").glob("*/*.truth/oracle.json"))


def test_hashes_sizes_and_ssdeep_agree_with_independent_tools(shared_data: Path) -> None:
    for oracle in oracles(shared_data):
        expected = json.loads(oracle.read_text())
        record: dict[str, Any] = {**File(str(oracle.parent).removesuffix(".truth")).get_all()}

        assert {name: record[name] for name in expected["hashes"]} == expected["hashes"]
        assert record["ssdeep"] == expected["ssdeep"]


def test_the_record_agrees_with_what_another_engine_reported(shared_data: Path) -> None:
    for truth in sorted((shared_data / "binaries").glob("*/*.truth/cuckoo2-target-static-strings.json")):
        expected = json.loads(truth.read_text())["target"]["file"]
        record = File(str(truth.parent).removesuffix(".truth")).get_all()

        for name in ("name", "size", "crc32", "md5", "sha1", "sha256", "sha512"):
            assert record[name] == expected[name]


def test_the_record_of_a_small_file_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.exe"
    path.write_bytes(MS_DOS)

    record = File(str(path)).get_all()

    assert list(record) == [
        *("name", "path", "guest_paths", "size", "crc32", "md5", "sha1", "sha256", "sha512"),
        *("ssdeep", "tlsh", "type", "yara"),
    ]
    assert record["name"] == "a.exe"
    assert record["path"] == str(path)
    assert record["crc32"] == f"{zlib.crc32(MS_DOS):08X}"
    assert record["sha512"] == hashlib.sha512(MS_DOS).hexdigest()
    assert record["type"] == "MS-DOS executable"
    assert (record["guest_paths"], record["yara"], record["tlsh"]) == ([], [], None)


def test_each_value_has_its_method(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"%PDF-1.4\n" + bytes(range(256)) * 40)
    file = File(path)
    record = file.get_all()

    for name in ("name", "size", "crc32", "md5", "sha1", "sha256", "sha512", "ssdeep", "tlsh", "type"):
        assert getattr(file, f"get_{name}")() == record[name]
    assert file.get_content_type() == "application/pdf"


def test_a_checksum_keeps_its_leading_zeros(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")

    assert File(tmp_path / "empty").get_crc32() == "00000000"


def test_data_longer_than_one_buffer_is_hashed_whole(tmp_path: Path) -> None:
    data = os.urandom(64) * (digests.BUFFER_BYTES // 64) + b"and a rest"
    (tmp_path / "long").write_bytes(data)
    record = File(tmp_path / "long").get_all()

    assert record["size"] == len(data)
    assert record["md5"] == hashlib.md5(data).hexdigest()
    assert record["crc32"] == f"{zlib.crc32(data):08X}"
    assert record["ssdeep"] is not None


def test_a_file_is_valid_when_it_can_be_read_and_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "full").write_bytes(b"x")
    (tmp_path / "out").symlink_to("/etc/passwd")

    assert File(tmp_path / "full").valid()
    assert not any(File(tmp_path / name).valid() for name in ("empty", "absent", "out", "."))


def test_a_link_out_of_the_analysis_is_not_described(tmp_path: Path) -> None:
    (tmp_path / "binary").symlink_to("/etc/passwd")

    with pytest.raises(CuckooProcessingError, match="it leads to /etc/passwd, outside the analysis"):
        File(tmp_path / "binary").get_all()


def test_a_hostile_name_is_kept_and_made_encodable(tmp_path: Path) -> None:
    name = os.fsdecode(b"\x1b[2J\n\xff.exe")
    (tmp_path / name).write_bytes(b"MZ")
    record = File(tmp_path / name).get_all()

    assert record["name"] == "\x1b[2J\n\\xff.exe"
    assert record["path"].endswith("\\xff.exe")


def test_a_sparse_file_of_five_gigabytes_has_a_type_and_a_size_at_once(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as stream:
        stream.truncate(5_000_000_000)

    assert File(path).get_size() == 5_000_000_000
    assert File(path).get_type() == "data"


def test_a_path_relative_to_the_current_folder_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "sample").write_bytes(b"data")
    monkeypatch.chdir(tmp_path)

    assert File("below/sample").get_size() == 4
