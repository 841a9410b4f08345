import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.files import metadata as reader
from lib.cuckoo.files.metadata import Metadata, parse_metadata, read_metadata


def test_the_metadata_of_a_real_analysis(shared_data: Path) -> None:
    metadata = read_metadata(AnalysisFolder(shared_data / "analyses" / "cuckoo2-2204-sanitised"))

    assert metadata.problems == []
    assert len(metadata.files) == 16
    tmp = metadata.files["files/55602e68a3cd1516_A9RFBFB.tmp"]
    assert list(tmp.guest_paths) == ["C:\\Users\\Administrator\\AppData\\Local\\Temp\\A9RFBFB.tmp"]
    assert list(tmp.pids) == [2844, 576]
    assert list(metadata.files["shots/0001.jpg"].guest_paths) == []


def test_a_folder_without_metadata_has_none(tmp_path: Path) -> None:
    assert read_metadata(AnalysisFolder(tmp_path)) == Metadata({}, [])


def test_lines_about_one_file_add_up() -> None:
    lines = [
        {"path": "files/a", "filepath": "C:\\one", "pids": [1, 2]},
        {"path": "files/a", "filepath": "C:\\two", "pids": [2, 3]},
        {"path": "files/a", "filepath": "C:\\one"},
    ]

    files, bad = parse_metadata(json.dumps(line).encode() for line in lines)

    assert (list(files["files/a"].guest_paths), list(files["files/a"].pids)) == (
        ["C:\\one", "C:\\two"],
        [1, 2, 3],
    )
    assert bad == 0


@pytest.mark.parametrize(
    "line",
    [
        b'{"path": "files/a", "pids"',
        b"[1]",
        b"null",
        b'{"path": 5}',
        b"[" * 10_000,
        b'{"pa' + b"th" * 5000,
        b'{"path": "' + b"x" * (1 << 20) + b'"}',
    ],
)
def test_a_bad_line_is_counted_and_spoils_only_itself(line: bytes) -> None:
    files, bad = parse_metadata([line, b"", b'{"path": "files/b"}'])

    assert (list(files), bad) == (["files/b"], 1)


def test_what_the_guest_remarked_is_kept_once_and_never_empty() -> None:
    lines = [b'{"path": "CAPE/a", "metadata": "%b"}' % remark for remark in (b"", b"3;?x", b"4;?", b"3;?x")]

    files, _ = parse_metadata(lines)

    assert list(files["CAPE/a"].remarks) == ["3;?x", "4;?"]


def test_values_of_the_wrong_type_are_left_out() -> None:
    line = (
        b'{"path": "files/a", "filepath": ["x"], "metadata": 8,'
        b' "pids": [true, "4", -1, 4, 1e3, 99999999999999999999]}'
    )

    files, _ = parse_metadata([line])

    known = files["files/a"]
    assert (list(known.guest_paths), list(known.pids), list(known.remarks)) == ([], [4], [])


def test_names_become_text_that_can_be_encoded() -> None:
    files, _ = parse_metadata([b'{"path": "files/\\ud800", "filepath": "C:\\\\\xff\\u0000\\n"}'])

    assert list(files) == ["files/\\ud800"]
    assert list(files["files/\\ud800"].guest_paths) == ["C:\\\\xff\0\n"]


@pytest.mark.parametrize(("limit", "value"), [("MAXIMUM_BYTES", 2 * 20), ("MAXIMUM_LINES", 2)])
def test_endless_metadata_is_cut_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    line = b'{"path": "files/a"}\n'
    monkeypatch.setattr(reader, limit, value)
    (tmp_path / "files.json").write_bytes(line * 2)
    assert read_metadata(AnalysisFolder(tmp_path)).problems == []

    (tmp_path / "files.json").write_bytes(line * 3)
    assert read_metadata(AnalysisFolder(tmp_path)).problems == ["files.json: only 2 lines are read"]


@given(st.lists(st.binary(max_size=60)))
def test_any_lines_are_metadata_or_counted(lines: list[bytes]) -> None:
    files, bad = parse_metadata(lines)

    assert len(files) + bad <= len(lines)
