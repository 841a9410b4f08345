import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Answer = Callable[..., tuple[Any, list[str]]]


def test_an_image_says_which_process_it_was(analysis: Path, answer: Answer) -> None:
    (analysis / "procdump").mkdir()
    (analysis / "procdump" / "aa").write_bytes(b"MZ\0\1")
    line = {
        "path": "procdump/aa",
        "filepath": "C:\\t\\700",
        "pids": [700],
        "metadata": "1;?C:\\a.exe;?C:\\b.dll;?",
    }
    (analysis / "files.json").write_text(json.dumps(line))

    section, notes = answer("procdump", analysis)

    assert notes == []
    assert [(record["name"], record["guest_paths"], record["size"]) for record in section] == [
        ("aa", ["C:\\t\\700"], 4)
    ]
    assert (section[0]["pid"], section[0]["process_name"], section[0]["module_path"]) == (
        700,
        "a.exe",
        "C:\\b.dll",
    )
    assert (section[0]["cape_type_code"], section[0]["cape_type"]) == (1, "")


@pytest.mark.parametrize("name", ["cuckoo2-2204-sanitised", "cape-AcceptEx.exe"])
def test_an_analysis_without_images_has_an_empty_list(name: str, shared_data: Path, answer: Answer) -> None:
    assert answer("procdump", shared_data / "analyses" / name) == ([], [])


def test_options_reach_the_reader_and_what_is_missing_is_noted(analysis: Path, answer: Answer) -> None:
    (analysis / "procdump").mkdir()
    for name in "abc":
        (analysis / "procdump" / name).write_text(name * 100)

    assert answer("procdump", analysis, maximum=2)[1] == ["1 files after the first 2 are left out"]
    assert len(answer("procdump", analysis, megabytes=0)[1]) == 3
    assert answer("procdump", analysis, fuzzy_megabytes=0)[0][0]["ssdeep"] is None
    assert "data" not in answer("procdump", analysis, text=0)[0][0]


def test_a_folder_that_is_a_link_out_is_noted(analysis: Path, answer: Answer) -> None:
    (analysis / "procdump").symlink_to("/etc")

    assert answer("procdump", analysis) == (
        [],
        [f"refused to read {analysis}/procdump: it leads to /etc, outside the analysis"],
    )
