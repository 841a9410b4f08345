from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Answer = Callable[..., tuple[Any, list[str]]]


def test_the_dropped_files_of_the_second_family(shared_data: Path, answer: Answer) -> None:
    dropped, notes = answer("dropped", shared_data / "analyses" / "cuckoo2-2204-sanitised")

    assert notes == []
    assert [(record["name"], record["sha256"][:16], record["pids"]) for record in dropped] == [
        ("SharedDataEvents-journal", "19386a5ae743b37d", [576]),
        ("A9RFBFB.tmp", "55602e68a3cd1516", [2844, 576]),
        ("SharedDataEvents-journal", "8d1fb16f2139cd48", [576]),
        ("updater.log", "a2a0fe3569d5b51c", [576]),
        ("UserCache.bin", "bea344a8bfaf8a7c", [576]),
        ("AdobeUpdaterPrefs.dat", "d5e07709ac6b7ec4", [1872]),
        ("aum.log", "e7d514c4fbc84d2d", [1872]),
        ("aumLib.log", "ec7d15485840c06c", [576]),
    ]
    assert dropped[5]["type"] == "XML 1.0 document, ASCII text"
    assert dropped[5]["data"].startswith("<?xml")
    assert "data" not in dropped[4]


def test_the_dropped_files_of_the_successor(shared_data: Path, answer: Answer) -> None:
    dropped, notes = answer("dropped", shared_data / "analyses" / "cape-etw-dns-app.exe")

    assert notes == []
    assert [(record["sha256"], record["guest_paths"]) for record in dropped] == [
        (
            "704de6b6cf73abca52dd40ce1cd102af34d795952c5cfb300079ba03118bdd0f",
            ["C:\\Users\\buddy\\AppData\\Local\\Temp\\audit.log"],
        ),
        (
            "afc38b8d3dc39f03085dcec7063f644d91a6552425efc132d82a7b48879101e4",
            ["C:\\Users\\buddy\\AppData\\Local\\Temp\\app.log"],
        ),
    ]


@pytest.mark.parametrize(
    "name", ["cape-AcceptEx.exe", "cape-dummydllwithentrypoint.dll", "cape-ipv6_network.exe"]
)
def test_an_analysis_that_dropped_nothing_has_an_empty_list(
    name: str, shared_data: Path, answer: Answer
) -> None:
    assert answer("dropped", shared_data / "analyses" / name) == ([], [])


def test_options_reach_the_reader_and_what_is_missing_is_noted(analysis: Path, answer: Answer) -> None:
    (analysis / "files").mkdir()
    for name in "abc":
        (analysis / "files" / name).write_text(name * 100)

    assert answer("dropped", analysis, maximum=2)[1] == ["1 files after the first 2 are left out"]
    assert len(answer("dropped", analysis, megabytes=0)[1]) == 3
    assert answer("dropped", analysis, fuzzy_megabytes=0)[0][0]["ssdeep"] is None
    assert "data" not in answer("dropped", analysis, text=0)[0][0]
    assert answer("dropped", analysis)[0][0]["data"] == "a" * 100


def test_files_that_is_a_link_out_is_noted(analysis: Path, answer: Answer) -> None:
    (analysis / "files").symlink_to("/etc")

    assert answer("dropped", analysis) == (
        [],
        [f"refused to read {analysis}/files: it leads to /etc, outside the analysis"],
    )


def test_metadata_that_cannot_be_read_is_noted(analysis: Path, answer: Answer) -> None:
    (analysis / "files").mkdir()
    (analysis / "files" / "a").write_text("a")
    (analysis / "files.json").mkdir()

    dropped, notes = answer("dropped", analysis)

    assert len(dropped) == 1
    assert notes == [f"cannot read {analysis}/files.json: it is a directory"]


def test_each_content_is_scanned_under_its_name_in_the_guest(
    analysis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    rules = tmp_path / "root" / "data" / "yara" / "binaries"
    rules.mkdir(parents=True)
    (rules / "name.yar").write_text(
        'rule Named { condition: filename == "a.exe" and filepath == "C:\\\\t\\\\a.exe" and filesize == 4 }'
    )
    (rules / "broken.yar").write_text("rule")
    monkeypatch.setenv("FLEDGE_ROOT", str(tmp_path / "root"))
    (analysis / "files").mkdir()
    for name in ("1", "2"):
        (analysis / "files" / name).write_text("same")
    (analysis / "files" / "3").write_text("other")
    (analysis / "files.json").write_text('{"path": "files/1", "filepath": "C:\\\\t\\\\a.exe", "pids": []}')

    dropped, notes = answer("dropped", analysis)

    assert [[match["name"] for match in record["yara"]] for record in dropped] == [["Named"], []]
    assert len(notes) == 1
    assert "broken.yar" in notes[0]
