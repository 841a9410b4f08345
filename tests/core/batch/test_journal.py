import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.core.batch.journal import (
    Journal,
    events,
    is_journal,
    journal_file,
    new_run,
    remove_old,
    tells_of,
    unfinished_run,
)
from lib.cuckoo.core.batch.place import Place

FINISHED = {"event": "finished", "attempt": "a", "ending": "COMPLETED"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.make()
    return place


def write(place: Place, run: str, *lines: dict[str, Any]) -> Path:
    file = journal_file(place, run)
    journal = Journal(file)
    for line in lines:
        journal.write(line)
    journal.close()
    return file


def test_a_line_cut_short_by_a_kill_spoils_no_other(place: Place) -> None:
    file = write(place, "1", FINISHED)
    with file.open("ab") as stream:
        stream.write(b'{"event": "finished", "att')

    write(place, "1", {"event": "end"})

    assert list(events(file)) == [FINISHED, {"event": "end"}]


@given(st.lists(st.binary(max_size=60)))
def test_of_any_lines_those_that_are_objects_are_read(lines: list[bytes]) -> None:
    file = Path(f"/dev/shm/{os.getpid()}.ndjson")  # each example has the same
    file.write_bytes(b"\n".join(lines))
    try:
        assert all(isinstance(event, dict) for event in events(file))
    finally:
        file.unlink()


def test_a_journal_tells_of_an_attempt_that_ended(place: Place) -> None:
    file = write(place, "1", {"event": "started", "attempt": "b"}, FINISHED)

    assert tells_of(file, "a")
    assert not tells_of(file, "b")
    assert not tells_of(place.runs / "none.ndjson", "a")
    assert not tells_of(place.runs, "a")


def begun(run: str, *folders: str) -> dict[str, Any]:
    return {"event": "run", "command": "process", "run": run, "folders": list(folders)}


def test_the_last_run_over_the_same_folders_is_resumed_if_it_did_not_end(place: Place) -> None:
    write(place, "1", begun("1", "/a"), {"event": "end", "ending": "interrupted"})
    write(place, "2", begun("2", "/b"))
    write(place, "3", begun("3", "/c"), {"event": "end", "ending": "completed"})
    write(place, "4", begun("4", "/d"), {"event": "end", "ending": "interrupted"}, begun("4", "/d"))

    runs = {folder: unfinished_run(place, [folder]) for folder in ("/a", "/b", "/c", "/d", "/e")}

    assert {folder: run and run[0] for folder, run in runs.items()} == {
        "/a": "1",
        "/b": "2",
        "/c": None,
        "/d": "4",
        "/e": None,
    }
    write(place, "5", begun("5", "/a"), {"event": "end", "ending": "completed"})
    assert unfinished_run(place, ["/a"]) is None


def test_a_link_in_the_place_of_a_journal_is_refused(place: Place, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    journal_file(place, "1").symlink_to(victim)

    with pytest.raises(CuckooOperationalError, match="cannot write"):
        Journal(journal_file(place, "1"))

    assert victim.read_text() == "precious"


def test_a_full_disk_is_an_error_that_names_the_file() -> None:
    with pytest.raises(CuckooOperationalError, match="cannot write /dev/full"):
        Journal(Path("/dev/full")).write(FINISHED)


def test_old_journals_are_removed_beyond_the_last_hundred(place: Place) -> None:
    files = [write(place, f"{number:03}") for number in range(105)]
    month = time.time() - 31 * 24 * 3600
    for file in files[1:]:
        os.utime(file, (month, month))

    remove_old(place)

    assert sorted(place.runs.iterdir()) == [files[0], *files[5:]]


def test_runs_are_named_in_their_order_and_never_alike() -> None:
    assert len({new_run() for _ in range(50)}) == 50
    runs = []
    for _ in range(50):
        runs.append(new_run())
        time.sleep(2 / 65_536)

    assert runs == sorted(runs)
    assert all(re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{8}", run) for run in runs)


def test_a_full_journal_begins_anew_and_one_earlier_is_kept(place: Place) -> None:
    file = journal_file(place, "1")
    journal = Journal(file, most_bytes=100)
    for number in range(10):
        journal.write({"event": "finished", "attempt": str(number), "x": "y" * 20})
    journal.close()

    kept = [
        event["attempt"] for each in (file.with_suffix(".earlier.ndjson"), file) for event in events(each)
    ]
    assert kept == ["8", "9"]
    assert [path.stat().st_size <= 100 for path in place.runs.iterdir()] == [True, True]
    assert [tells_of(file, attempt) for attempt in ("7", "8", "9")] == [False, True, True]


def test_a_journal_is_full_when_a_line_more_would_be_too_much(place: Place) -> None:
    line = len(json.dumps(FINISHED)) + 1
    for most, files in ((3 * line, 1), (3 * line - 1, 2)):
        journal = Journal(journal_file(place, str(most)), most_bytes=most)
        for _ in range(3):
            journal.write(FINISHED)
        journal.close()
        assert len(list(place.runs.glob(f"{most}.*"))) == files


def test_a_journal_that_was_removed_is_made_again_under_the_same_number(place: Place) -> None:
    journal = Journal(journal_file(place, "1"))
    number = journal.descriptor
    journal.require()
    journal.file.unlink()

    journal.require()
    journal.write(FINISHED)

    assert list(events(journal.file)) == [FINISHED]
    assert journal.descriptor == number
    assert not os.get_inheritable(number)
    journal.close()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/.fledge/runs/1.ndjson", True),
        ("/a/.fledge/runs/../../x/.fledge/runs/1.ndjson", False),
        ("/a/.fledge/runs/1.json", False),
        ("/a/.fledge/states/1.ndjson", False),
        ("/a/runs/1.ndjson", False),
        ("", False),
    ],
)
def test_what_is_no_journal_is_not_taken_for_one(path: str, expected: bool) -> None:
    assert is_journal(Path(path)) is expected
