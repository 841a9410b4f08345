import io
import time
from typing import Any

import pytest
from rich.console import Console

from lib.cuckoo.console.batch import (
    LiveBatch,
    PlainBatch,
    Tally,
    batch_summary,
    duration_text,
    line_of,
    watch_line,
)
from lib.cuckoo.console.text import NOTHING_TO_READ


def finished(path: str, ending: str = "COMPLETED", **fields: Any) -> dict[str, Any]:
    return {"event": "finished", "path": path, "ending": ending, "seconds": 1.0, "failed": 0, **fields}


def failed(path: str, *reasons: str) -> dict[str, Any]:
    failures = [{"module": "static", "outcome": "FAILED", "reason": reason} for reason in reasons]
    return finished(path, "FAILED", failed=len(failures), failures=failures)


def printed(*parts: Any) -> str:
    console = Console(file=io.StringIO(), width=100)
    for part in parts:
        console.print(part)
    return str(console.file.getvalue())  # type: ignore[attr-defined]  # it is the StringIO


def test_the_summary_counts_endings_and_kinds_of_failures() -> None:
    tally = Tally()
    for event in (
        {"event": "selected", "count": 5},
        finished("/a/1"),
        failed("/a/2", "cut short", "no header"),
        failed("/a/3", "empty"),
        finished("/a/4", "UNPROCESSED", error="cannot read it"),
        {"event": "skipped", "path": "/a/5", "reason": "is being processed by process 4"},
        {"event": "interrupted", "path": "/a/6"},
    ):
        tally.hear(event)

    words = printed(*batch_summary(tally, 200)).split()

    assert (tally.selected, tally.done) == (5, 5)
    text = " ".join(words)
    for part in (
        "5 analyses in 3 min",
        "COMPLETED 1",
        "FAILED 2",
        "UNPROCESSED 1",
        "INTERRUPTED 1",
        "skipped 1",
        "static 3 FAILED cut short",
        "/a/4: cannot read it",
    ):
        assert part in text


def test_what_a_killed_run_left_behind_is_not_counted_as_stopped_by_this_one() -> None:
    tally = Tally()
    event = {"event": "interrupted", "path": "/a/6", "recovered": True}
    tally.hear(event)

    assert not tally.endings
    assert str(line_of(event)).split() == ["interrupted", "6", "its", "last", "run", "was", "killed"]


def test_an_analysis_with_nothing_to_read_is_told_of_and_is_no_failure() -> None:
    tally, console = Tally(), Console(file=io.StringIO(), width=100, force_terminal=True)
    live = LiveBatch(console, tally)
    for event in (finished("/a/1"), finished("/a/2", empty=True)):
        tally.hear(event)
        live.hear(event)

    live.close()

    assert "COMPLETED" in str(line_of(finished("/a/2", empty=True)))
    assert str(line_of(finished("/a/2", empty=True))).endswith("2  " + NOTHING_TO_READ)
    shown = printed(*batch_summary(tally, 1))
    assert f"1 analysis with {NOTHING_TO_READ}" in shown
    assert "FAILED" not in shown
    assert str(console.file.getvalue()).count("nothing to read") == 1  # type: ignore[attr-defined]  # it is the StringIO


def test_the_tally_does_not_grow_with_the_run() -> None:
    tally = Tally()
    for number in range(500):
        tally.hear(finished(f"/a/{number}", "UNPROCESSED", error="x"))

    assert len(tally.unwell) == 20
    assert "and 480 more without a report" in printed(*batch_summary(tally, 1))


def test_a_line_says_how_an_analysis_ended_and_why() -> None:
    assert printed(failed("/a/2", "cut short", "x", "y")).strip()
    assert "static: cut short (and 2 more)" in str(line_of(failed("/a/2", "cut short", "x", "y")))
    assert str(line_of(finished("/a/b\x1b[2J"))).rstrip().endswith("b\\x1b[2J")


def test_what_is_left_of_a_resumed_run_is_reckoned_from_what_this_one_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tally, console = Tally(), Console(file=io.StringIO(), width=100, force_terminal=True)
    live, clock = LiveBatch(console, tally), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    for number in range(50):
        tally.hear(finished(str(number)))
    for event in ({"event": "selected", "count": 50}, finished("51"), failed("52", "cut short")):
        tally.hear(event)
        live.hear(event)
    clock[0] += 4

    live.tick([])
    live.close()

    shown = str(console.file.getvalue())  # type: ignore[attr-defined]  # it is the StringIO
    assert "52 of 100" in shown
    assert "about 96 s left" in shown
    assert "1 failed" in shown
    assert "static: cut short" in shown
    assert "51\n" not in shown


def test_without_a_terminal_each_analysis_has_a_line_with_its_number() -> None:
    tally, console = Tally(), Console(file=io.StringIO(), width=100)
    plain = PlainBatch(console, tally)
    for event in ({"event": "selected", "count": 2}, finished("/a/1"), {"event": "started", "path": "/a/2"}):
        tally.hear(event)
        plain.hear(event)

    assert console.file.getvalue().split() == ["1/2", "COMPLETED", "1.00", "s", "1"]  # type: ignore[attr-defined]  # it is the StringIO


def test_a_watch_tells_its_state_and_when_it_tries_again() -> None:
    state = {"event": "state", "known": 1204, "running": ["7"], "waiting": 17, "counts": {"COMPLETED": 3}}
    again = failed("/a/2", "cut short") | {"retry_at": time.time() + 240}

    assert "1,204 known, 1 running, 17 waiting, 3 completed" in str(watch_line(state))
    assert "again in 4 min" in str(watch_line(again))
    assert watch_line({"event": "started"}) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (99.4, "99 s"),
        (100, "2 min"),
        (5940, "99 min"),
        (6000, "1 h 40 min"),
        (36000, "10 h 0 min"),
    ],
)
def test_durations_are_told_in_their_largest_units(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
