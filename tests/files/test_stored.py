import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.files.rules import RuleSet
from lib.cuckoo.files.scanner import Scanner
from lib.cuckoo.files.stored import PROBLEMS_NAMED, Limits, Stored, as_text, stored_files


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    folder = tmp_path / "7"
    (folder / "files").mkdir(parents=True)
    return folder


def names(stored: Stored) -> list[list[str]]:
    return [record["names"] for record in stored.records]


def read(folder: Path, **limits: int) -> Stored:
    return stored_files(AnalysisFolder(folder), "files", Limits(**limits), Scanner("binaries", RuleSet(None)))


def test_files_of_the_classic_layout_are_found_at_any_depth(analysis: Path) -> None:
    (analysis / "files" / "1234" / "sub").mkdir(parents=True)
    (analysis / "files" / "1234" / "sub" / "a.exe").write_bytes(b"one")
    (analysis / "files" / "b.txt").write_bytes(b"two")

    stored = read(analysis)

    assert names(stored) == [["a.exe"], ["b.txt"]]
    assert stored.records[0]["path"] == str(analysis / "files" / "1234" / "sub" / "a.exe")
    assert stored.records[0]["guest_paths"] == []


@pytest.mark.parametrize(
    ("file", "guest_path", "expected"),
    [
        ("0123456789abcdef_a.exe", None, "a.exe"),
        ("0123456789abcdef_a.exe", "C:\\\\Temp\\\\A.EXE", "A.EXE"),
        ("0123456789abcdef_a.exe", "/tmp/b", "b"),
        ("0123456789abcdef_a.exe", "\\\\\\\\", "a.exe"),
        ("0123456789abcdef_", None, "0123456789abcdef_"),
        ("0123456789abcdeg_a.exe", None, "0123456789abcdeg_a.exe"),
    ],
)
def test_the_name_is_that_of_the_guest(
    analysis: Path, file: str, guest_path: str | None, expected: str
) -> None:
    (analysis / "files" / file).write_bytes(b"data")
    told = "null" if guest_path is None else f'"{guest_path}"'
    (analysis / "files.json").write_text(f'{{"path": "files/{file}", "filepath": {told}, "pids": [4]}}\n')

    record = read(analysis).records[0]

    assert (record["name"], record["names"], record["pids"]) == (expected, [expected], [4])


def test_copies_of_one_content_share_an_entry_with_all_names(analysis: Path) -> None:
    for name in ("c", "a", "b"):
        (analysis / "files" / name).write_bytes(b"same")
    (analysis / "files.json").write_text(
        '{"path": "files/a", "filepath": "C:\\\\x.exe", "pids": [1]}\n'
        '{"path": "files/c", "filepath": "C:\\\\y.exe", "pids": [2, 1]}\n'
    )

    stored = read(analysis)

    assert len(stored.records) == 1
    record = stored.records[0]
    assert (record["name"], record["names"]) == ("x.exe", ["x.exe", "b", "y.exe"])
    assert (record["guest_paths"], record["pids"]) == (["C:\\x.exe", "C:\\y.exe"], [1, 2])


def test_a_file_that_the_guest_sent_twice_has_both_names(analysis: Path) -> None:
    (analysis / "files" / ("0" * 64)).write_bytes(b"data")
    line = '{{"path": "files/{}", "filepath": "C:\\\\{}"}}\n'
    (analysis / "files.json").write_text("".join(line.format("0" * 64, name) for name in ("a.exe", "b.exe")))

    assert names(read(analysis)) == [["a.exe", "b.exe"]]


def test_what_is_no_file_is_named_and_spoils_only_itself(analysis: Path) -> None:
    files = analysis / "files"
    os.mkfifo(files / "fifo")
    (files / "out").symlink_to("/etc/passwd")
    (files / "etc").symlink_to("/etc")
    (files / "fine").write_bytes(b"data")

    stored = read(analysis)

    assert names(stored) == [["fine"]]
    assert [problem.rpartition(": ")[2] for problem in stored.problems] == [
        "it leads to /etc, outside the analysis",
        "it is a FIFO",
        "it leads to /etc/passwd, outside the analysis",
    ]


def test_only_some_refusals_are_named(analysis: Path) -> None:
    for number in range(PROBLEMS_NAMED + 3):
        (analysis / "files" / f"{number}").symlink_to("/etc/passwd")

    problems = read(analysis).problems

    assert len(problems) == PROBLEMS_NAMED + 1
    assert problems[-1] == "3 more files cannot be read"


def test_hostile_names_are_kept_as_text_that_can_be_encoded(analysis: Path) -> None:
    for raw in (b"\x1b]0;title\x07", b"two\nlines", b"\xff\xfe", b"..exe", b"-rf"):
        (analysis / "files" / os.fsdecode(raw)).write_bytes(raw)

    assert names(read(analysis)) == [["\x1b]0;title\x07"], ["-rf"], ["..exe"], ["two\nlines"], ["\\xff\\xfe"]]


def test_metadata_cannot_name_files_elsewhere(analysis: Path) -> None:
    (analysis / "files" / "a").write_bytes(b"data")
    (analysis / "files.json").write_text(
        '{"path": "files/../../../etc/passwd"}\n{"path": "/etc/passwd"}\n{"path": "files/a\\u0000"}\n'
    )

    assert names(read(analysis)) == [["a"]]


@pytest.mark.parametrize(("maximum", "count", "problems"), [(3, 3, 0), (2, 2, 1), (0, 0, 1)])
def test_files_beyond_the_maximum_are_counted(
    analysis: Path, maximum: int, count: int, problems: int
) -> None:
    for name in "abc":
        (analysis / "files" / name).write_text(name)

    stored = read(analysis, files=maximum)

    assert len(stored.records) == count
    assert stored.problems == [f"{3 - maximum} files after the first {maximum} are left out"] * problems


def test_files_beyond_the_bytes_that_may_be_read_are_named(analysis: Path) -> None:
    for name, size in (("a", 6), ("b", 5), ("c", 4)):
        (analysis / "files" / name).write_bytes(name.encode() * size)

    stored = read(analysis, size_bytes=10)

    assert names(stored) == [["a"], ["c"]]
    assert stored.problems == [f"left out {analysis}/files/b: 5 bytes are too many"]


def test_a_sparse_file_of_five_gigabytes_is_left_out(analysis: Path) -> None:
    with (analysis / "files" / "huge").open("wb") as stream:
        stream.truncate(5_000_000_000)

    assert read(analysis).problems == [f"left out {analysis}/files/huge: 5000000000 bytes are too many"]


def test_fuzzy_hashes_are_made_while_their_bytes_last(analysis: Path) -> None:
    for name in "abc":
        (analysis / "files" / name).write_bytes(os.urandom(100))

    assert [record["ssdeep"] is None for record in read(analysis, fuzzy_bytes=200).records] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(5, {"data": "hello"}), (4, {"data": "hell", "truncated": {"data": 1}}), (0, {})],
)
def test_text_is_shown_up_to_its_limit(analysis: Path, limit: int, expected: dict[str, object]) -> None:
    (analysis / "files" / "a").write_bytes(b"hello")

    record = read(analysis, text_bytes=limit).records[0]

    assert {key: record[key] for key in ("data", "truncated") if key in record} == expected


@pytest.mark.parametrize(
    ("head", "cut", "expected"),
    [
        (b"text\r\n\twith \xc3\xa4", False, "text\r\n\twith ä"),
        (b"\xef\xbb\xbfmarked", False, "marked"),
        ("wide ä".encode("utf-16"), False, "wide ä"),
        (b"\xfe\xff\0w\0i", False, "wi"),
        (b"cut \xc3", True, "cut "),
        (b"cut \xc3", False, None),
        (b"\xff\xfea\0b", True, "a"),
        (b"bell\x07", False, None),
        (b"MZ\x90\0", False, None),
        (b"\xff\xfe\0\0", False, None),
        (b"", False, ""),
    ],
)
def test_text_is_told_from_data(head: bytes, cut: bool, expected: str | None) -> None:
    assert as_text(head, cut=cut) == expected


def test_any_directory_may_be_asked_for_and_names_may_be_those_of_the_folder(analysis: Path) -> None:
    (analysis / "CAPE").mkdir()
    (analysis / "CAPE" / "aa").write_bytes(b"payload")
    (analysis / "files" / "bb").write_bytes(b"dropped")
    (analysis / "files.json").write_text(
        '{"path": "CAPE/aa", "filepath": "C:\\\\t\\\\1_2", "metadata": "8;?"}\n'
    )
    scanner = Scanner("binaries", RuleSet(None))

    stored = stored_files(AnalysisFolder(analysis), "CAPE", Limits(), scanner, guest_names=False)

    assert names(stored) == [["aa"]]
    assert stored.records[0]["guest_paths"] == ["C:\\t\\1_2"]
    assert stored.remarks == {stored.records[0]["sha256"]: {"8;?": None}}


@given(st.binary(max_size=100), st.booleans())
def test_any_bytes_are_text_or_not(head: bytes, cut: bool) -> None:
    text = as_text(head, cut=cut)

    assert text is None or text.isprintable() or any(not character.isprintable() for character in text)
    assert text is None or text.encode() is not None
