import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = Callable[..., tuple[Any, list[str]]]
ERROR = "2026-01-31 13:21:44,590 [root] ERROR: no free disk\n"


def test_the_logs_of_a_real_analysis_agree_with_what_another_engine_read(
    shared_data: Path, answer: Answer
) -> None:
    analyses = shared_data / "analyses"
    truth = json.loads((analyses / "cuckoo2-2204-sanitised.truth" / "cuckoo2-debug.json").read_text())

    debug, notes = answer("debug", analyses / "cuckoo2-2204-sanitised")

    assert debug == {
        "log": "".join(truth["log"]),
        "cuckoo": "".join(truth["cuckoo"]),
        "errors": truth["errors"],
    }
    assert notes == []


def test_a_folder_without_logs_has_an_empty_one(analysis: Path, answer: Answer) -> None:
    assert answer("debug", analysis) == ({"log": "", "errors": []}, [])


def test_errors_come_from_the_task_then_from_every_log(analysis: Path, answer: Answer) -> None:
    (analysis / "task.json").write_text(json.dumps({"errors": ["machine lost"]}))
    (analysis / "analysis.log").write_text(ERROR)
    (analysis / "process.log").write_text(ERROR.replace("disk", "memory"))

    debug, _ = answer("debug", analysis)

    assert debug["errors"] == ["machine lost", ERROR.rstrip(), ERROR.rstrip().replace("disk", "memory")]
    assert debug["process"] == ERROR.replace("disk", "memory")


def test_errors_and_bytes_are_kept_to_their_limits_and_that_is_noted(analysis: Path, answer: Answer) -> None:
    (analysis / "analysis.log").write_text(ERROR * 3)

    assert len(answer("debug", analysis, errors=3)[0]["errors"]) == 3
    debug, notes = answer("debug", analysis, errors=2, maximum=3 * len(ERROR))
    assert (len(debug["errors"]), notes) == (2, ["1 of 3 errors are left out"])
    _, notes = answer("debug", analysis, maximum=3 * len(ERROR) - 1)
    assert notes == ["analysis.log: 1 bytes in the middle are left out"]


def test_a_log_of_five_gigabytes_is_cut(analysis: Path, answer: Answer) -> None:
    with (analysis / "analysis.log").open("wb") as stream:
        stream.truncate(5_000_000_000)

    debug, notes = answer("debug", analysis, maximum=100)

    assert len(debug["log"]) < 200
    assert notes == ["analysis.log: 4999999900 bytes in the middle are left out"]


def test_a_log_that_is_no_file_spoils_only_itself(analysis: Path, answer: Answer) -> None:
    os.mkfifo(analysis / "analysis.log")
    (analysis / "process.log").symlink_to("/etc/passwd")
    (analysis / "cuckoo.log").write_text("fine\n")

    debug, notes = answer("debug", analysis)

    assert debug == {"log": "", "cuckoo": "fine\n", "process": "", "errors": []}
    assert [note.rpartition(": ")[2] for note in notes] == [
        "it is a FIFO",
        "it leads to /etc/passwd, outside the analysis",
    ]
