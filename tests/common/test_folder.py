import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    folder = tmp_path / "storage" / "analyses" / "7"
    (folder / "files").mkdir(parents=True)
    (folder / "binary").write_bytes(b"sample")
    return folder


def test_a_regular_file_is_read_by_relative_and_by_absolute_path(analysis: Path) -> None:
    folder = AnalysisFolder(analysis)

    assert folder.read("binary", 100) == b"sample"
    assert folder.read(analysis / "binary", 3) == b"sam"


def test_an_absent_file_is_reported_with_its_path(analysis: Path) -> None:
    with pytest.raises(CuckooProcessingError, match=f"cannot read {analysis}/dump.pcap: No such file"):
        AnalysisFolder(analysis).open("dump.pcap")


def test_a_directory_is_not_read(analysis: Path) -> None:
    with pytest.raises(CuckooProcessingError, match="files: it is a directory"):
        AnalysisFolder(analysis).open("files")


def test_a_fifo_is_refused_without_waiting_for_a_writer(analysis: Path) -> None:
    os.mkfifo(analysis / "pipe")

    with pytest.raises(CuckooProcessingError, match="pipe: it is a FIFO"):
        AnalysisFolder(analysis).open("pipe")


def test_a_socket_is_refused(analysis: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(analysis)  # a socket's address holds 108 bytes, less than many temporary paths
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")

        with pytest.raises(CuckooProcessingError, match="socket: it is a socket"):
            AnalysisFolder(analysis).open("socket")


def test_a_device_is_refused(analysis: Path) -> None:
    try:
        os.mknod(analysis / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("making a device takes privileges")

    with pytest.raises(CuckooProcessingError, match="null: it is a device"):
        AnalysisFolder(analysis).open("null")


def test_a_link_inside_the_folder_is_followed(analysis: Path) -> None:
    (analysis / "files" / "again").symlink_to("../binary")

    assert AnalysisFolder(analysis).read("files/again", 100) == b"sample"


def test_a_link_into_the_store_of_binaries_is_followed(analysis: Path) -> None:
    store = analysis.parent.parent / "binaries"
    store.mkdir()
    (store / "aa").write_bytes(b"stored")
    (analysis / "linked").symlink_to(store / "aa")

    assert AnalysisFolder(analysis).read("linked", 100) == b"stored"


def test_the_store_is_found_when_the_folder_itself_is_reached_through_a_link(
    analysis: Path, tmp_path: Path
) -> None:
    store = analysis.parent.parent / "binaries"
    store.mkdir()
    (store / "aa").write_bytes(b"stored")
    (analysis / "linked").symlink_to(store / "aa")
    (tmp_path / "latest").symlink_to(analysis)

    assert AnalysisFolder(tmp_path / "latest").read("linked", 100) == b"stored"


@pytest.mark.parametrize("target", ["/etc/passwd", "../8/binary", "../../binaries.old/aa"])
def test_a_link_out_of_the_folder_is_refused_with_both_names(analysis: Path, target: str) -> None:
    for other in (analysis.parent / "8" / "binary", analysis.parent.parent / "binaries.old" / "aa"):
        other.parent.mkdir()
        other.write_bytes(b"another's")
    (analysis / "link").symlink_to(target)

    with pytest.raises(CuckooProcessingError) as caught:
        AnalysisFolder(analysis).open("link")

    assert f"refused to read {analysis}/link" in str(caught.value)
    assert os.path.realpath(analysis / target) in str(caught.value)


def test_a_link_to_a_directory_on_the_way_is_refused_too(analysis: Path) -> None:
    (analysis / "logs").symlink_to("/etc")

    with pytest.raises(CuckooProcessingError, match="it leads to /etc/passwd, outside the analysis"):
        AnalysisFolder(analysis).open("logs/passwd")


def test_dots_do_not_lead_out(analysis: Path) -> None:
    (analysis.parent / "secret").write_bytes(b"")

    with pytest.raises(CuckooProcessingError, match="outside the analysis"):
        AnalysisFolder(analysis).open("files/../../secret")


@pytest.mark.parametrize("target", ["loop", "absent"])
def test_a_link_that_ends_nowhere_is_an_error(analysis: Path, target: str) -> None:
    (analysis / "loop").symlink_to(target)

    with pytest.raises(CuckooProcessingError, match="cannot read"):
        AnalysisFolder(analysis).open("loop")


@pytest.mark.parametrize("name", ["nul\0byte", "x" * 300, "y/" * 3000])
def test_a_name_that_no_file_can_have_is_an_error(analysis: Path, name: str) -> None:
    with pytest.raises(CuckooProcessingError, match="cannot read"):
        AnalysisFolder(analysis).open(name)
    assert not AnalysisFolder(analysis).exists(name)


def test_a_name_that_is_not_unicode_is_opened_and_shown_with_escapes(analysis: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    (analysis / name).write_bytes(b"latin")

    assert AnalysisFolder(analysis).read(name, 10) == b"latin"
    (analysis / name).unlink()
    with pytest.raises(CuckooProcessingError, match=r"caf\\xe9"):
        AnalysisFolder(analysis).open(name)


def test_the_walk_gives_files_of_any_depth_in_order_and_enters_no_link(analysis: Path) -> None:
    files = analysis / "files"
    (files / "b" / "deep").mkdir(parents=True)
    for name in ("b/deep/x", "a", "b/y", "c"):
        (files / name).write_bytes(b"")
    (files / "out").symlink_to("/etc")
    (files / "empty").mkdir()

    assert list(AnalysisFolder(analysis).walk("files")) == [
        "files/a",
        "files/b/deep/x",
        "files/b/y",
        "files/c",
        "files/out",
    ]


def test_a_directory_that_is_a_link_is_not_walked(analysis: Path) -> None:
    (analysis / "CAPE").symlink_to("/etc")

    assert list(AnalysisFolder(analysis).walk("CAPE")) == ["CAPE"]


def test_a_link_back_into_the_folder_does_not_make_the_walk_endless(analysis: Path) -> None:
    (analysis / "files" / "loop").symlink_to("..")

    assert list(AnalysisFolder(analysis).walk("files")) == ["files/loop"]


def test_walking_an_absent_directory_gives_nothing(analysis: Path) -> None:
    assert list(AnalysisFolder(analysis).walk("procdump")) == []


def test_the_walk_survives_directories_deeper_than_a_path_can_name(
    analysis: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(analysis / "files")
    for _ in range(30):
        Path("d" * 200).mkdir()
        os.chdir("d" * 200)

    paths = list(AnalysisFolder(analysis).walk("files"))

    assert len(paths) == 1
    with pytest.raises(CuckooProcessingError, match="too long"):
        AnalysisFolder(analysis).open(paths[0])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/s/analyses/7/files/a/b", "/s/analyses/7"),
        ("/s/analyses/7/binary", "/s/analyses/7"),
        ("/s/analyses/9/analyses/7/binary", "/s/analyses/9/analyses/7"),
        ("/s/elsewhere/binary", "/s/elsewhere"),
        ("/s/analyses/binary", "/s/analyses"),
    ],
)
def test_the_folder_of_a_lone_path_is_guessed(path: str, expected: str) -> None:
    assert AnalysisFolder.around(path).path == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.text(max_size=40))
def test_any_name_gives_a_file_or_the_named_error(analysis: Path, name: str) -> None:
    with suppress(CuckooProcessingError):
        AnalysisFolder(analysis).open(name).close()


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_listed_says_why(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir(mode=0)

    with pytest.raises(CuckooProcessingError, match="Permission denied"):
        AnalysisFolder(tmp_path).open("files")
