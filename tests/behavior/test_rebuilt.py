"""Real calls: folders rebuilt from the reports of another engine give the calls of the report back."""

import gzip
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.behavior.calls import Calls
from lib.cuckoo.behavior.log import LogIndex, ProcessSpan
from lib.cuckoo.behavior.source import LogSource

pytestmark = pytest.mark.usefixtures("scanner")
REPORTS = ("0000a657", "2ebadd04", "55dcd387", "77c96105", "8b9aaf4f", "fb7ade52")
COMPARED = (
    "api",
    "category",
    "status",
    "return",
    "thread_id",
    "timestamp",
    "caller",
    "parentcaller",
    "repeated",
    "id",
)
SECOND_HAS_NOT = ("caller", "parentcaller", "repeated")


def rebuilt(shared_data: Path, name: str, folder: Path, *options: str) -> dict[str, Any]:
    """Write the raw folder of a report; return the report's behavior section."""
    pytest.importorskip("bson", reason="rebuilding raw logs needs pymongo")
    (report,) = (shared_data / "reports" / "cape").glob(f"{name}*.json.gz")
    script = shared_data.parent / "tools" / "make_analysis.py"
    command = [sys.executable, str(script), str(report), str(folder), "--no-files", "--no-pcap", *options]
    subprocess.run(command, check=True, capture_output=True, timeout=100)
    section: dict[str, Any] = json.loads(gzip.decompress(report.read_bytes()))["behavior"]
    return section


def processes(folder: Path) -> Iterator[tuple[ProcessSpan, Calls]]:
    for path in sorted((folder / "logs").iterdir()):
        index = LogIndex(LogSource(path, 1 << 20))
        index.read()
        assert index.faults.count == 0
        yield from zip(index.spans, index.calls(f"logs/{path.name}"), strict=True)


def differences(
    found: Calls, expected: list[dict[str, Any]], without: tuple[str, ...] = ()
) -> Iterator[tuple[str, object]]:
    """Compare call by call and argument by argument, in order."""
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        for key in COMPARED:
            if key not in without and ours[key] != theirs[key]:
                yield key, (ours[key], theirs[key])
        pairs = [[(one["name"], one["value"]) for one in call["arguments"]] for call in (ours, theirs)]
        if pairs[0] != pairs[1]:
            yield "arguments", [pair for pair in zip(*pairs, strict=False) if pair[0] != pair[1]]


@pytest.mark.parametrize(("options", "without"), [((), ()), (("--format", "cuckoo2"), SECOND_HAS_NOT)])
@pytest.mark.parametrize("name", REPORTS)
def test_every_call_of_a_report_comes_back(
    shared_data: Path,
    tmp_path: Path,
    name: str,
    options: tuple[str, ...],
    without: tuple[str, ...],
) -> None:
    section = rebuilt(shared_data, name, tmp_path / "analysis", *options)
    expected = {process["process_id"]: process for process in section["processes"]}

    found = {span.process_id: (span, calls) for span, calls in processes(tmp_path / "analysis")}

    assert set(found) == set(expected)
    for process_id, (span, calls) in found.items():
        assert list(differences(calls, expected[process_id]["calls"], without)) == []
        assert (span.parent_id, span.module_path) == (
            expected[process_id]["parent_id"],
            expected[process_id]["module_path"],
        )


def test_the_calls_of_a_real_second_family_log_are_those_of_its_own_engine(shared_data: Path) -> None:
    folder = shared_data / "analyses" / "cuckoo2-2204-sanitised"
    truth = json.loads((folder.with_name(folder.name + ".truth") / "cuckoo2-behavior.json").read_text())
    ((span, calls),) = processes(folder)
    expected = truth["processes"][0]

    unfolded = [call for call in calls for _ in range(call["repeated"] + 1)]

    assert (span.process_id, span.parent_id) == (expected["pid"], expected["ppid"])
    assert Counter(call["api"] for call in unfolded) == truth["apistats"]["752"]
    assert len(unfolded) == len(expected["calls"])
    for ours, theirs in zip(unfolded, expected["calls"], strict=True):
        assert (ours["api"], ours["category"], int(ours["status"])) == (
            theirs["api"],
            theirs["category"],
            theirs["status"],
        )
        assert int(ours["return"], 16) == theirs["return_value"]
        assert ours["thread_id"] == str(theirs["tid"])
        assert ours["timestamp"].replace(" ", "T").replace(",", ".") == theirs["time"][:-3]
        assert ours.get("buffer") == theirs.get("buffer")
        assert {one["name"]: _as_theirs(one["value"]) for one in ours["arguments"]} == {
            name: _as_theirs(value) for name, value in theirs["arguments"].items()
        }


def _as_theirs(value: object) -> str:
    """Return a value without what the two engines show in different ways: bytes beyond ASCII, numbers in documents."""
    text = json.dumps(value, sort_keys=True).replace('"', "") if isinstance(value, dict) else str(value)
    return "".join(
        character if 32 <= ord(character) < 127 else f"\\x{ord(character):02x}" for character in text
    )


def test_a_real_capture_of_the_successor_is_read(shared_data: Path) -> None:
    path = shared_data / "analyses" / "cape-test_bson.bson"
    truth = json.loads((path.with_name(path.name + ".truth") / "capev2-expected.json").read_text())[
        "log_process"
    ]
    index = LogIndex(LogSource(path, 1))
    index.read()
    (span,) = index.spans

    assert (span.process_id, span.parent_id, span.module_path) == (
        truth["pid"],
        truth["ppid"],
        truth["modulepath"],
    )
    assert index.calls("log")[0].first_seen == truth["timestamp"].replace("T", " ").replace(".", ",")[:23]
    assert span.environ["ComputerName"] == "LOUISE-PC"
    assert span.environ["MainExeBase"] == "0xffc60000"
    assert (len(index.columns), index.faults.count) == (0, 0)
