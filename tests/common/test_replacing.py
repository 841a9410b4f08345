import os
import signal
import stat
from pathlib import Path

import pytest

from lib.cuckoo.common.replacing import drafted, output_folder, remove_drafts, replacing


def test_the_file_takes_its_place_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"old")

    with replacing(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"

    assert target.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_error_leaves_what_was_there_and_no_draft(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"old")

    with pytest.raises(KeyboardInterrupt), replacing(target) as file:
        file.write(b"half")
        raise KeyboardInterrupt

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "out"
    victim.write_bytes(b"precious")
    target.symlink_to(victim)

    with replacing(target) as file:
        file.write(b"new")

    assert victim.read_bytes() == b"precious"
    assert (target.is_symlink(), target.read_bytes()) == (False, b"new")


@pytest.mark.parametrize(("asked", "given"), [(0o666, 0o644), (0o600, 0o600)])
def test_the_mode_is_what_was_asked_for_less_the_umask(tmp_path: Path, asked: int, given: int) -> None:
    before = os.umask(0o022)
    try:
        with replacing(tmp_path / "out", asked):
            pass
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == given


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "none" / "out"):
        pass


def leave_a_draft(target: Path) -> Path:
    """Do what a writer does that is killed, and return the draft."""
    pid = os.fork()
    if not pid:
        with replacing(target) as file:
            file.write(b"half")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    [draft] = [path for path in target.parent.iterdir() if path.name.endswith(".draft")]
    return draft


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    deep = tmp_path / "calls" / "deeper"
    deep.mkdir(parents=True)
    drafts = [leave_a_draft(folder / "out") for folder in (tmp_path, tmp_path / "calls", deep)]
    kept = [
        tmp_path / name for name in (".hidden", "out", ".fledge-12.draft", "x.fledge-0123456789abcdef.draft")
    ]
    for path in kept:
        path.write_bytes(b"mine")

    remove_drafts(tmp_path)

    assert not any(draft.exists() for draft in drafts)
    assert all(path.exists() for path in kept)


def test_drafts_beyond_a_link_or_too_deep_stay(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    deep = folder / "a" / "b" / "c"
    for path in (elsewhere, deep):
        path.mkdir(parents=True)
    drafts = [leave_a_draft(elsewhere / "out"), leave_a_draft(deep / "out")]
    (folder / "link").symlink_to(elsewhere)
    (tmp_path / "whole").symlink_to(elsewhere)

    for start in (folder, tmp_path / "whole", tmp_path / "none"):
        remove_drafts(start)

    assert all(draft.exists() for draft in drafts)


def test_a_draft_by_name_takes_its_place_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.symlink_to(tmp_path / "victim")

    with drafted(target) as draft:
        draft.write_bytes(b"new")

    assert target.read_bytes() == b"new"
    with pytest.raises(KeyboardInterrupt), drafted(target) as draft:
        draft.write_bytes(b"half")
        raise KeyboardInterrupt
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


def test_a_file_in_an_output_folder_stays_there_though_the_path_is_swapped(tmp_path: Path) -> None:
    place, elsewhere = tmp_path / "place", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with output_folder(place) as folder, replacing(Path("out"), folder=folder) as file:
        place.rename(tmp_path / "moved")
        place.symlink_to(elsewhere)
        file.write(b"whole")

    assert (tmp_path / "moved" / "out").read_bytes() == b"whole"
    assert [*elsewhere.iterdir()] == []


@pytest.mark.parametrize("kind", ["link", "file"])
def test_an_output_folder_is_a_folder(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "link":
        place.symlink_to(tmp_path)
    else:
        place.write_bytes(b"")

    with pytest.raises(NotADirectoryError), output_folder(place):
        pytest.fail("it was opened")
