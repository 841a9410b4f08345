"""What a child is heard to read and write."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.inputs import depends_on, holds_until, will_not_last
from lib.cuckoo.core.cache.trace import Trace, Traced, _parsed


def heard(work: Callable[[], object], *, to_the_end: bool = True) -> Traced:
    """Return what is heard of `work`, done in a fork."""
    trace = Trace()
    pid = os.fork()
    if pid == 0:
        try:
            trace.begin()
            work()
            if to_the_end:
                trace.end()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    try:
        return trace.read()
    finally:
        trace.close()


def test_files_that_are_opened_are_read_or_written(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("x")

    def work() -> None:
        (tmp_path / "in").read_text()
        (tmp_path / "out").write_text("y")
        os.close(os.open(tmp_path / "both", os.O_RDWR | os.O_CREAT))

    traced = heard(work)

    assert traced.reads == {f"{tmp_path}/in", f"{tmp_path}/both"}
    assert traced.writes == {f"{tmp_path}/out", f"{tmp_path}/both"}
    assert traced.passing == ""


def test_files_that_are_not_there_are_read_too(tmp_path: Path) -> None:
    def work() -> None:
        with pytest.raises(FileNotFoundError):
            (tmp_path / "absent").read_bytes()

    assert f"{tmp_path}/absent" in heard(work).reads


def test_what_is_made_or_renamed_below_an_open_folder_is_found(tmp_path: Path) -> None:
    def work() -> None:
        folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
        os.mkdir("made", dir_fd=folder)
        (tmp_path / "draft").touch()
        os.replace("draft", "final", src_dir_fd=folder, dst_dir_fd=folder)
        os.symlink("final", "link", dir_fd=folder)
        os.scandir(folder).close()

    traced = heard(work)

    assert {f"{tmp_path}/{name}" for name in ("made", "final", "link")} <= traced.writes
    assert str(tmp_path) in traced.lists


def test_a_relative_path_is_that_of_the_current_folder(tmp_path: Path) -> None:
    def work() -> None:
        os.chdir(tmp_path)
        Path("here").touch()
        Path("here").read_bytes()

    assert f"{tmp_path}/here" in heard(work).reads


def test_forks_of_the_child_are_heard(tmp_path: Path) -> None:
    (tmp_path / "in").touch()

    def work() -> None:
        pid = os.fork()
        if pid == 0:
            (tmp_path / "in").read_bytes()
            os._exit(0)
        os.waitpid(pid, 0)

    assert f"{tmp_path}/in" in heard(work).reads


def test_what_is_said_counts_as_read(tmp_path: Path) -> None:
    def work() -> None:
        depends_on(tmp_path / "database")
        holds_until(2000.5)
        holds_until(1000)

    traced = heard(work)

    assert (traced.reads, traced.until) == ({f"{tmp_path}/database"}, 1000)


def test_a_database_is_read_and_written(tmp_path: Path) -> None:
    traced = heard(lambda: sqlite3.connect(tmp_path / "db").close())

    assert f"{tmp_path}/db" in traced.reads & traced.writes


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (lambda: subprocess.run(["true"], check=True), "started another program"),
        (lambda: os.system("true"), "started another program"),
        (lambda: socket.getaddrinfo("localhost", 80), "used the network"),
        (lambda: socket.socket().connect_ex(("127.0.0.1", 9)), "used the network"),
        (lambda: will_not_last("the time was up"), "the time was up"),
        (lambda: os.close(os.open(".", os.O_RDONLY)), "relative to any folder"),
        (lambda: sqlite3.connect("file:x?mode=memory", uri=True), "by URI"),
    ],
)
def test_what_cannot_be_traced_is_told(
    work: Callable[[], object], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert why in heard(work).passing
    assert heard(work).passing


def test_the_search_for_a_library_is_no_program() -> None:
    script = "import ctypes.util; ctypes.util.find_library('c')"

    assert heard(lambda: exec(script)).passing == ""
    assert sys.platform == "linux"


def test_a_child_that_was_not_watched_to_its_end_tells_nothing(tmp_path: Path) -> None:
    assert heard((tmp_path / "a").touch, to_the_end=False).passing
    assert Traced() != _parsed(b"")


def test_a_child_that_closes_every_descriptor_is_not_watched_to_its_end(tmp_path: Path) -> None:
    def work() -> None:
        os.closerange(3, 256)
        taken = [os.open(tmp_path / "victim", os.O_RDWR | os.O_CREAT) for _ in range(20)]
        (tmp_path / "other").touch()
        assert taken

    assert heard(work).passing
    assert (tmp_path / "victim").read_bytes() == b""


@given(st.binary())
def test_any_bytes_are_a_trace(data: bytes) -> None:
    traced = _parsed(data)

    assert all(path.startswith("/") for path in traced.reads | traced.writes | traced.lists)
    if b"e\0" not in data:
        assert traced.passing
