import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.core.batch.analyses import Analysis, found_at, holds_analyses, names_in


def folder(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).mkdir(parents=True)
    return path


@pytest.mark.parametrize("item", ["logs", "files", "reports", "shots", "CAPE", "buffer"])
def test_a_folder_with_an_item_of_an_analysis_is_one(tmp_path: Path, item: str) -> None:
    assert not holds_analyses(folder(tmp_path, item, "1", "2"))


@pytest.mark.parametrize("item", ["task.json", "analysis.conf", "binary", "dump.pcap", "analysis.log"])
def test_so_is_one_with_a_file_of_an_analysis(tmp_path: Path, item: str) -> None:
    (folder(tmp_path, "1") / item).touch()

    assert not holds_analyses(tmp_path)


def test_an_empty_folder_and_one_of_strange_files_count_as_analyses(tmp_path: Path) -> None:
    assert not holds_analyses(tmp_path)
    (tmp_path / "notes.txt").touch()
    folder(tmp_path, ".hidden")
    (tmp_path / "latest").symlink_to(folder(tmp_path.parent, f"{tmp_path.name}-else"))

    assert not holds_analyses(tmp_path)


def test_a_folder_of_folders_holds_analyses_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder(tmp_path, "10", "9", "b", "a", "²", ".fledge")
    (tmp_path / "latest").symlink_to(tmp_path / "10")
    (tmp_path / "file").touch()

    assert [analysis.name for analysis in found_at(tmp_path)] == ["9", "10", "a", "b", "²"]


def test_an_analysis_is_known_by_where_it_really_lies(tmp_path: Path) -> None:
    folder(tmp_path, "all/7/logs")
    (tmp_path / "link").symlink_to(tmp_path / "all" / "7")

    [analysis] = found_at(tmp_path / "link")

    assert (analysis.path, analysis.place.folder) == (tmp_path / "all" / "7", tmp_path / "all")


def test_names_that_are_no_unicode_are_found(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\n\x1b")
    folder(tmp_path, name)

    assert names_in(tmp_path) == [name]


def test_what_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(CuckooOperationalError, match="none"):
        list(found_at(tmp_path / "none"))
    with pytest.raises(CuckooOperationalError, match="cannot read"):
        list(found_at(Path("a\0b")))


@pytest.mark.parametrize(
    ("task", "time"),
    [
        ({"completed_on": "2026-01-31 13:21:44", "started_on": "2026-01-30"}, "2026-01-31 13:21:44"),
        ({"completed_on": {"$dt": "2016-08-25T22:44:58.917943+02:00"}}, "2016-08-25 22:44:58"),
        ({"completed_on": None, "started_on": "2026-01-30 01:02:03"}, "2026-01-30 01:02:03"),
        ({"completed_on": "soon", "started_on": "2026-01-30 01:02:03"}, "2026-01-30 01:02:03"),
        ({"completed_on": "soon"}, ""),
        ({}, ""),
    ],
)
def test_the_time_is_that_of_the_task_or_else_of_the_folder(
    tmp_path: Path, task: dict[str, object], time: str
) -> None:
    (tmp_path / "task.json").write_text(json.dumps(task))
    folder_time = datetime.fromtimestamp(86400 * 365)  # noqa: DTZ006 - tasks tell local time
    os.utime(tmp_path, (86400 * 365,) * 2)

    assert Analysis.at(tmp_path).time() == (datetime.fromisoformat(time) if time else folder_time)
