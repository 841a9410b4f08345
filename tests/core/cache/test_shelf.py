"""Answers on disk: found whole or not at all, nobody else's, and not more than there is room for."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.common.root import Root
from lib.cuckoo.core.cache.shelf import Shelf, configured_shelf

if TYPE_CHECKING:
    from collections.abc import Callable

RECORD = {"a": [1, "b"], "c": None}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "answers", 1, 30)


def entry(shelf: Shelf, analysis: str = "/a") -> Path:
    return shelf.place(analysis) / "x.kept"


def test_an_answer_comes_back_as_it_was(shelf: Shelf) -> None:
    shelf.put("/a", "x", RECORD, b"12345678 answer")

    kept = shelf.get("/a", "x")

    assert kept is not None
    assert (kept.record, bytes(kept.answer)) == (RECORD, b"12345678 answer")
    assert shelf.get("/a", "y") is None
    assert shelf.get("/b", "x") is None


@pytest.mark.parametrize("size", [0, 1, 55, 56, 57, 70, -1])
def test_an_answer_that_was_cut_is_absent(shelf: Shelf, size: int) -> None:
    shelf.put("/a", "x", RECORD, b"answer")
    content = entry(shelf).read_bytes()
    entry(shelf).write_bytes(content[:size])

    assert shelf.get("/a", "x") is None


def test_an_answer_with_one_wrong_byte_is_absent(shelf: Shelf) -> None:
    shelf.put("/a", "x", RECORD, b"answer")
    content = entry(shelf).read_bytes()

    for place in range(len(content)):
        entry(shelf).write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert shelf.get("/a", "x") is None, place


def test_an_answer_that_others_could_have_written_is_absent(shelf: Shelf) -> None:
    shelf.put("/a", "x", RECORD, b"answer")
    entry(shelf).chmod(0o622)
    assert shelf.get("/a", "x") is None

    entry(shelf).chmod(0o600)
    shelf.place("/a").chmod(0o777)
    assert shelf.get("/a", "x") is None
    with pytest.raises(PermissionError):
        shelf.put("/a", "x", RECORD, b"answer")


def test_links_are_not_followed(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put("/a", "x", RECORD, b"answer")
    entry(shelf).rename(tmp_path / "x")
    entry(shelf).symlink_to(tmp_path / "x")

    assert shelf.get("/a", "x") is None


def test_what_is_kept_can_be_looked_at_and_dropped(shelf: Shelf) -> None:
    shelf.put("/a", "x", RECORD, b"answer")
    shelf.put("/a", "y", RECORD, b"answer")

    [holding] = shelf.holdings()

    assert (holding.analysis, holding.answers) == ("/a", ["x", "y"])
    assert holding.size_bytes == sum(file.stat().st_size for file in holding.folder.iterdir())
    assert 0 <= holding.unused_days < 1
    shelf.drop(holding)
    assert list(shelf.holdings()) == []


def test_what_was_used_longest_ago_makes_room(shelf: Shelf) -> None:
    for number, analysis in enumerate(("/old", "/older", "/new")):
        shelf.put(analysis, "x", RECORD, bytes(400_000))
        used = time.time() - [200, 300, 100][number]
        os.utime(shelf.place(analysis), (used, used))

    shelf.sweep()

    assert {holding.analysis for holding in shelf.holdings()} == {"/old", "/new"}


def test_what_was_not_used_for_long_goes(shelf: Shelf) -> None:
    for analysis, days in (("/old", 31), ("/new", 29)):
        shelf.put(analysis, "x", RECORD, b"")
        used = time.time() - days * 86_400
        os.utime(shelf.place(analysis), (used, used))

    shelf.sweep()

    assert [holding.analysis for holding in shelf.holdings()] == ["/new"]


def test_what_is_not_the_caches_is_neither_shown_nor_removed(shelf: Shelf) -> None:
    shelf.put("/a", "x", RECORD, b"")
    for name in ("precious", "0" * 32, shelf.place("/b").name):
        (shelf.folder / name).mkdir()
        (shelf.folder / name / "path").write_text("/other")
        os.utime(shelf.folder / name, (0, 0))

    shelf.sweep()

    assert len(list(shelf.folder.glob("*/path"))) == 4
    assert [holding.analysis for holding in shelf.holdings()] == ["/a"]


def test_a_folder_that_is_a_link_or_others_may_write_is_not_swept(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put("/a", "x", RECORD, b"")
    os.utime(shelf.place("/a"), (0, 0))
    (tmp_path / "link").symlink_to(shelf.folder)

    Shelf(tmp_path / "link", 1, 30).sweep()
    shelf.folder.chmod(0o777)
    shelf.sweep()

    assert shelf.get("/a", "x")
    assert not (shelf.folder / "swept").exists()


@pytest.mark.parametrize("note", ["fifo", "empty", "link"])
def test_a_folder_whose_note_cannot_be_read_is_left_alone(shelf: Shelf, tmp_path: Path, note: str) -> None:
    shelf.put("/a", "x", RECORD, b"")
    path = shelf.place("/a") / "path"
    path.rename(tmp_path / "path")
    makers: dict[str, Callable[[], None]] = {
        "fifo": lambda: os.mkfifo(path),
        "empty": path.touch,
        "link": lambda: path.symlink_to(tmp_path / "path"),
    }
    makers[note]()

    assert list(shelf.holdings()) == []


def test_a_folder_that_is_not_used_says_why(shelf: Shelf, tmp_path: Path) -> None:
    assert shelf.why_unused() == ""
    shelf.put("/a", "x", RECORD, b"")
    assert shelf.why_unused() == ""

    shelf.folder.chmod(0o722)
    assert shelf.why_unused() == f"others may write {shelf.folder}"

    (tmp_path / "link").symlink_to(shelf.folder)
    assert Shelf(tmp_path / "link", 1, 30).why_unused() == f"{tmp_path / 'link'} is a link"

    (tmp_path / "file").touch(0o600)
    assert Shelf(tmp_path / "file", 1, 30).why_unused() == f"{tmp_path / 'file'} is no folder"


def test_a_sweep_is_not_repeated_at_once_unless_asked(shelf: Shelf) -> None:
    shelf.put("/a", "x", RECORD, bytes(2 << 20))
    (shelf.folder / "swept").touch()
    shelf.sweep()
    assert list(shelf.holdings())

    shelf.sweep(at_once=True)

    assert not list(shelf.holdings())


def test_the_place_is_below_storage_or_where_the_user_keeps_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    (tmp_path / "conf").mkdir()
    root = Root(tmp_path)
    places = [configured_shelf(root)]
    (tmp_path / "storage").mkdir()
    places.append(configured_shelf(root))
    (tmp_path / "conf" / "fledge.conf").write_text("[cache]\nfolder = elsewhere\n")
    places.append(configured_shelf(root))
    (tmp_path / "conf" / "fledge.conf").write_text("[cache]\nenabled = no\n")

    assert [place.folder for place in places if place] == [
        Path("/caches/fledge/answers"),
        tmp_path / "storage" / "cache" / "answers",
        tmp_path / "elsewhere",
    ]
    assert configured_shelf(root) is None


@pytest.mark.parametrize("option", ["megabytes", "days"])
@pytest.mark.parametrize("value", ["0", "-1", "yes", "many"])
def test_a_bound_that_makes_no_sense_is_told(tmp_path: Path, option: str, value: str) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "fledge.conf").write_text(f"[cache]\n{option} = {value}\n")

    with pytest.raises(CuckooStartupError, match=option):
        configured_shelf(Root(tmp_path))
