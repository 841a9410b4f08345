import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.cuckoo.reporting.files import write_whole


def test_chunks_are_written_in_order_and_counted(tmp_path: Path) -> None:
    assert write_whole(tmp_path / "out", [b"ab", b"", b"c"]) == 3
    assert (tmp_path / "out").read_bytes() == b"abc"
    assert os.listdir(tmp_path) == ["out"]  # noqa: PTH208 - names only


@pytest.mark.parametrize("before", [None, b"the old report"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_file_appears_whole_or_not_at_all(
    tmp_path: Path, before: bytes | None, error: type[BaseException]
) -> None:
    target = tmp_path / "out"
    if before is not None:
        target.write_bytes(before)

    def chunks() -> Iterator[bytes]:
        yield bytes(3 << 20)
        raise error

    with pytest.raises(error):
        write_whole(target, chunks())

    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([] if before is None else [before])


def test_a_link_in_the_place_of_the_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "out"
    victim.write_bytes(b"precious")
    target.symlink_to(victim)

    write_whole(target, [b"report"])

    assert victim.read_bytes() == b"precious"
    assert not target.is_symlink()
    assert target.read_bytes() == b"report"


def test_a_folder_in_the_place_of_the_file_is_an_error_that_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "out" / "inner").mkdir(parents=True)

    with pytest.raises(OSError, match="out"):
        write_whole(tmp_path / "out", [b"report"])

    assert [path.name for path in tmp_path.iterdir()] == ["out"]
