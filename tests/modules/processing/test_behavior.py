"""The module `behavior`: sections of a folder, across the border of processes, and what it notes."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fledge.testing import run_module, run_signature
from lib.cuckoo.behavior.calls import Calls
from lib.cuckoo.behavior.enhanced import Enhanced
from lib.cuckoo.behavior.names import Names
from lib.cuckoo.reporting.jsonstream import json_chunks
from tests.behavior.writer import call, document, info, process
from tests.modules.processing.conftest import MODULES

Answer = Callable[..., tuple[Any, list[str]]]
DELETE = info(9, "DeleteFileW", "filesystem", ["FileName"])
LOG = process() + DELETE + b"".join(call(9, b"C:\\%d" % number) for number in range(3))


@pytest.fixture
def logs(analysis: Path) -> Path:
    (analysis / "logs").mkdir()
    return analysis / "logs"


def test_a_folder_without_logs_has_empty_sections(analysis: Path, answer: Answer) -> None:
    behavior, notes = answer("behavior", analysis)

    assert (behavior["processes"], list(behavior["enhanced"]), notes) == ([], [], [])


def test_packed_and_plain_logs_are_read(analysis: Path, logs: Path, answer: Answer) -> None:
    (logs / "1.bson").write_bytes(LOG)
    (logs / "2.bson.gz").write_bytes(gzip.compress(LOG.replace(b"C:\\", b"D:\\")))

    behavior, notes = answer("behavior", analysis)

    assert [len(one["calls"]) for one in behavior["processes"]] == [3, 3]
    assert behavior["summary"]["delete_files"] == [
        f"{drive}:\\{number}" for drive in "CD" for number in range(3)
    ]
    assert notes == []


def test_calls_and_events_cross_from_the_child_unopened(analysis: Path, logs: Path) -> None:
    (logs / "1.bson").write_bytes(LOG)
    inside, _ = run_module(MODULES / "behavior.py", analysis)

    outside, _ = run_module(MODULES / "behavior.py", analysis, in_process=False)

    calls, events = outside["behavior"]["processes"][0]["calls"], outside["behavior"]["enhanced"]
    assert (type(calls), type(events)) == (Calls, Enhanced)
    assert list(calls) == list(inside["behavior"]["processes"][0]["calls"])
    assert list(events) == list(inside["behavior"]["enhanced"])
    assert json.loads(b"".join(events.json_chunks())) == list(events)


FIELD_SIGNATURE = """
from lib.cuckoo.common.abstracts import Signature


class Reads(Signature):
    name = "reads"

    def run(self):
        summary = self.results["behavior"]["summary"]
        files = summary["files"]
        assert files + summary["keys"] == sorted(files) == [*files] == list(reversed(files))[::-1]
        assert "C:\\\\10009" in files and "C:\\\\x" not in files
        assert len([name for name in files if name.endswith("7")]) == len(files) / 10 == 1001
        self.data.append({"first": files[0], "last": files[-1], "some": files[5:7]})
        self.data.append({"found": self.check_file("c:\\\\10005")})
        self.data.append({"all": sorted(self.check_delete_file(r".*0{4}$", regex=True, all=True))})
        return bool(files)
"""


def test_many_names_cross_as_a_sequence_that_signatures_read_like_a_list(
    analysis: Path, logs: Path, tmp_path: Path
) -> None:
    names = [f"C:\\{number}" for number in range(10_000, 20_010)]
    (logs / "1.bson").write_bytes(process() + DELETE + b"".join(call(9, name.encode()) for name in names))
    signature = tmp_path / "reads.py"
    signature.write_text(FIELD_SIGNATURE)

    results, _ = run_module(MODULES / "behavior.py", analysis, in_process=False)
    stage = run_signature(signature, results=results)

    summary = results["behavior"]["summary"]
    assert (type(summary["files"]), type(summary["delete_files"]), type(summary["keys"])) == (
        Names,
        Names,
        list,
    )
    assert summary["files"] == names
    assert json.loads(b"".join(json_chunks(summary)))["delete_files"] == names
    assert stage.matches[0]["data"] == [
        {"first": "C:\\10000", "last": "C:\\20009", "some": ["C:\\10005", "C:\\10006"]},
        {"found": "C:\\10005"},
        {"all": ["C:\\10000", "C:\\20000"]},
    ]


def test_the_report_shows_as_much_as_the_options_say(analysis: Path, logs: Path, answer: Answer) -> None:
    (logs / "1.bson").write_bytes(LOG)

    behavior, _ = answer("behavior", analysis, calls=2, argument_length=3, events=1)

    (one,) = behavior["processes"]
    shown = json.loads(b"".join(one["calls"].json_chunks()))
    assert [call["arguments"][0] for call in shown] == [
        {"name": "FileName", "value": "C:\\", "value_length": 4}
    ] * 2
    assert (len(one["calls"]), one["truncated"]) == (3, {"calls": {"shown": 2, "total": 3}})
    assert behavior["truncated"] == {"enhanced": {"shown": 1, "total": 3}}
    assert len(behavior["summary"]["delete_files"]) == 3


def test_a_packed_log_is_read_to_the_budget(analysis: Path, logs: Path, answer: Answer) -> None:
    packed = process() + DELETE + call(9, bytes(1 << 20)) + call(9, b"beyond")
    (logs / "1.bson.gz").write_bytes(gzip.compress(packed))

    behavior, notes = answer("behavior", analysis, unpacked_mb=1)

    assert behavior["summary"]["delete_files"] == []
    assert notes == [
        "logs/1.bson.gz: 2 places could not be read, the first at 0: unpacks to more than 1048576 bytes"
    ]


def test_what_could_not_be_read_is_noted(analysis: Path, logs: Path, answer: Answer) -> None:
    odd = document({"type": "odd"})
    (logs / "1.bson").write_bytes(LOG + odd)
    for number in range(2, 30):
        (logs / f"{number}.bson").write_bytes(LOG + odd + odd)

    _, notes = answer("behavior", analysis)

    assert (
        notes[0]
        == f"logs/1.bson: 1 place could not be read, the first at {len(LOG)}: a message of unknown type 'odd'"
    )
    assert notes[1].startswith("logs/2.bson: 2 places could not be read")
    assert notes[20:] == ["9 more logs could not be read everywhere"]
