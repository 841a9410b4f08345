"""Digests of files, and when they are taken for granted."""

import hashlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.core.cache import files
from lib.cuckoo.core.cache.files import FileDigests, tree_state


def test_a_file_is_known_by_its_content_and_a_folder_by_its_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "link").symlink_to("a")
    digests = FileDigests()

    assert digests.state(f"{tmp_path}/a") == f"file {hashlib.sha256(b'a').hexdigest()}"
    assert digests.state(f"{tmp_path}/link") == digests.state(f"{tmp_path}/a")
    assert digests.state(str(tmp_path)).startswith("folder ")
    assert digests.state(f"{tmp_path}/absent") == "unreadable ENOENT"
    assert digests.state(f"{tmp_path}/\0").startswith("unreadable ")


def test_a_fifo_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    assert FileDigests().state(f"{tmp_path}/fifo").startswith("kind ")


def test_a_file_that_was_hashed_long_after_its_last_change_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"a")
    later = file.stat().st_ctime_ns + 3_000_000_000
    monkeypatch.setattr("time.time_ns", lambda: later)
    first = FileDigests()
    state = first.state(str(file))
    file_is_not_opened = {str(file): first.as_plain()[str(file)]}
    monkeypatch.setattr("os.open", None)

    second = FileDigests(file_is_not_opened)

    assert second.state(str(file)) == state
    assert not second.changed


def test_a_file_that_was_hashed_within_a_tick_of_its_change_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"a")
    first = FileDigests()
    first.state(str(file))
    record = first.as_plain()[str(file)]
    file.write_bytes(b"b")
    status = file.stat()
    forged = [*files.identity_of(status), *record[5:]]

    second = FileDigests({str(file): forged})

    assert second.state(str(file)) == f"file {hashlib.sha256(b'b').hexdigest()}"
    assert second.changed


def test_a_state_holds_until_it_is_to_be_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"a")
    digests = FileDigests()
    before = digests.state(str(file))
    file.write_bytes(b"bb")

    assert digests.state(str(file)) == before
    digests.forget()
    assert digests.state(str(file)) != before


def test_a_tree_of_code_is_known_without_what_python_makes_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a")
    before = tree_state(tmp_path, FileDigests())
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("a")

    assert tree_state(tmp_path, FileDigests()) == before
    (tmp_path / "b.json").write_text("{}")
    assert tree_state(tmp_path, FileDigests()) != before


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    )
)
def test_any_known_digests_are_taken_or_dropped(known: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert FileDigests(known).state(folder).startswith("folder ")
