import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = Callable[..., tuple[Any, list[str]]]


def test_the_frame_of_a_real_analysis(shared_data: Path, answer: Answer) -> None:
    info, _ = answer("analysisinfo", shared_data / "analyses" / "cuckoo2-2204-sanitised")

    assert list(info)[:11] == [
        *(
            "version",
            "id",
            "category",
            "package",
            "started",
            "ended",
            "duration",
            "custom",
            "machine",
            "timeout",
        ),
        "options",
    ]
    assert info["id"] == 2204
    assert (info["category"], info["package"]) == ("file", "pdf")
    assert (info["started"], info["ended"], info["duration"]) == (
        "2016-08-25 22:44:58",
        "2016-08-25 22:46:05",
        66,
    )
    assert info["machine"]["name"] == "cuckoo1"
    assert info["machine"]["manager"] == "VirtualBox"
    assert (info["options"], info["route"], info["timeout"]) == ({"human": "0"}, "none", 0)


def test_an_analysis_that_says_nothing_has_the_same_keys(analysis: Path, answer: Answer) -> None:
    info, _ = answer("analysisinfo", analysis)

    assert (info["id"], info["category"], info["machine"]) == (7, "unknown", {})
    assert (info["started"], info["ended"], info["duration"]) == (None, None, None)


def test_the_duration_is_counted_when_the_task_does_not_tell_it(analysis: Path, answer: Answer) -> None:
    task = {
        "id": 1,
        "started_on": "2023-01-06 22:11:04",
        "completed_on": "2023-01-06 22:15:57",
        "machine": "win7",
    }
    (analysis / "task.json").write_text(json.dumps(task))

    info, _ = answer("analysisinfo", analysis)

    assert info["duration"] == 293
    assert info["machine"] == {"name": "win7", "label": "win7"}
