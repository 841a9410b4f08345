import os
from pathlib import Path

import pytest

from lib.cuckoo.analysis.inputs import LEFT_BY_SANDBOXES, has_inputs


@pytest.mark.parametrize("name", sorted(LEFT_BY_SANDBOXES))
def test_any_file_that_a_sandbox_leaves_counts(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    assert has_inputs(tmp_path)


@pytest.mark.parametrize("name", ["files", "logs", "CAPE"])
def test_a_folder_counts_as_soon_as_a_file_is_in_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "deeper").mkdir(parents=True)
    assert not has_inputs(tmp_path)

    (tmp_path / name / "deeper" / "x").touch()
    assert has_inputs(tmp_path)


def test_what_was_written_about_an_analysis_is_no_part_of_it(tmp_path: Path) -> None:
    assert not has_inputs(tmp_path)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "report.json").touch()
    (tmp_path / "README").touch()

    assert not has_inputs(tmp_path)


def test_nothing_that_is_there_holds_it_up(tmp_path: Path) -> None:
    (tmp_path / "files").symlink_to(tmp_path)
    assert has_inputs(tmp_path)
    os.mkfifo(tmp_path / "dump.pcap")

    assert has_inputs(tmp_path)
    assert not has_inputs(tmp_path / "nowhere")
