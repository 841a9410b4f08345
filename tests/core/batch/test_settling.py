import os
import time
from pathlib import Path

import pytest

from lib.cuckoo.core.batch.settling import Settling

NOW = time.time


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_an_analysis_is_complete_when_nothing_in_it_changed_for_long_enough(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "1.bson").write_bytes(b"x")
    settling, now = Settling(30), NOW()

    assert 29 < settling.wait_seconds(tmp_path, now) <= 31
    assert 0 < settling.wait_seconds(tmp_path, now + 29) <= 2
    assert settling.wait_seconds(tmp_path, now + 31) == 0


def test_a_file_that_is_still_written_to_keeps_it_open(tmp_path: Path) -> None:
    file = tmp_path / "files" / "deep" / "dropped"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    before = tmp_path.stat().st_ctime
    while file.stat().st_ctime <= before:
        file.write_bytes(b"more")

    changed = file.stat().st_ctime
    assert Settling(10).wait_seconds(tmp_path, changed + 1) == pytest.approx(9, abs=1e-3)


def test_copies_with_old_dates_are_as_new_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "dump.pcap"
    file.write_bytes(b"x")
    os.utime(file, (1, 1))
    os.utime(tmp_path, (1, 1))

    assert Settling(10).wait_seconds(tmp_path, NOW()) > 9


def test_without_settling_everything_is_complete_also_a_folder_that_is_gone(tmp_path: Path) -> None:
    assert Settling(0).wait_seconds(tmp_path, NOW() + 0.1) == 0
    assert Settling(10).wait_seconds(tmp_path / "none", NOW()) == 0


def test_where_changes_lie_in_the_future_it_counts_that_they_stay_the_same(tmp_path: Path) -> None:
    clock = Clock()
    settling, now = Settling(30, clock=clock), NOW() - 86400

    assert settling.wait_seconds(tmp_path, now) == 30
    clock.seconds = 20
    assert settling.wait_seconds(tmp_path, now) == 10
    (tmp_path / "new").touch()
    assert settling.wait_seconds(tmp_path, now) == 30
    clock.seconds = 51
    assert settling.wait_seconds(tmp_path, now) == 0


@pytest.mark.parametrize("marker", ["done", "reports/done"])
def test_a_marker_says_it_all(tmp_path: Path, marker: str) -> None:
    settling = Settling(30, marker)
    assert settling.wait_seconds(tmp_path, NOW() + 86400) > 0

    (tmp_path / "reports").mkdir()
    (tmp_path / marker).touch()

    assert settling.wait_seconds(tmp_path, NOW()) == 0
