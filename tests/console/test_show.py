import gzip
import io
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from rich.console import Console

from lib.cuckoo.cli import cli
from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.console.show import SECTION_NAMES, pick, story
from tests.reporting.hostile import FORBIDDEN, poisoned

REPORT: dict[str, Any] = {
    "info": {"id": 7, "started": "2026-01-31 13:21:44", "duration": 60},
    "target": {"category": "file", "file": {"name": "a.exe", "size": 5, "sha256": "00ff"}},
    "score": {"total": 5.5, "contributions": [{"signature": "x", "points": 5.5, "severity": 3}]},
    "signatures": [
        {"name": "x", "description": "Does x", "severity": 3, "ttps": ["T1055"], "data": [{"file": "f"}]}
    ],
    "ttps": [{"ttp": "T1055", "name": "Process Injection", "tactics": ["defense-evasion"], "signature": "x"}],
    "behavior": {
        "processes": [
            {
                "process_id": 4,
                "process_name": "a.exe",
                "calls": [{"api": "NtClose", "timestamp": "2026-01-31 13:21:44,000", "arguments": []}],
            }
        ],
        "processtree": [{"pid": 4, "name": "a.exe", "children": []}],
        "summary": {"mutexes": ["m1"]},
    },
    "network": {"dns": [{"request": "x.example", "type": "A", "answers": [{"data": "192.0.2.1"}]}]},
    "static": {"kind": "pe", "pe": {"sections": [{"name": ".text", "entropy": 7.9}], "imphash": "abc"}},
    "strings": ["one"],
    "a.b": {"c": [10, 20]},
}


def printed(results: dict[str, Any], *names: str) -> str:
    console = Console(width=160, record=True, highlight=False, markup=False, file=io.StringIO())
    for part in story(results, names):
        console.print(part)
    return console.export_text()


def folder_with(tmp_path: Path, results: object) -> Path:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "report.json").write_text(json.dumps(results))
    return tmp_path


def test_the_story_in_short_has_verdict_tree_signatures_and_network() -> None:
    shown = printed(REPORT)

    for wanted in ("5.5 of 10  Suspicious", "a.exe (4)", "!!! Does x", "x.example", "T1055"):
        assert wanted in shown
    assert "NtClose" not in shown


def test_every_section_can_be_asked_for() -> None:
    shown = printed(REPORT, *SECTION_NAMES)

    for wanted in ("NtClose", ".text", "imphash", "one", "m1", "a.b"):
        assert wanted in shown
    assert "nothing to tell" in printed(REPORT, "memory")


def test_the_terminal_stays_sane() -> None:
    shown = printed(poisoned(REPORT), *SECTION_NAMES)

    assert not [hex(ord(char)) for char in FORBIDDEN if char in shown]
    assert "\\x1b[2J" in shown


@pytest.mark.parametrize(
    ("path", "value"),
    [("network.dns.0.request", "x.example"), ("network.dns.-1.type", "A"), ("a.b.c.1", 20), ("info.id", 7)],
)
def test_a_path_picks_a_value(path: str, value: object) -> None:
    assert pick(REPORT, path) == value


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("network.http", "nothing at network.http; there are dns"),
        ("network.dns.1", "nothing at network.dns.1; the list has 1 member"),
        ("info.id.x", "nothing at info.id.x; what is above it has no members"),
    ],
)
def test_a_path_into_nothing_says_what_there_is(path: str, message: str) -> None:
    with pytest.raises(CuckooOperationalError, match=message):
        pick(REPORT, path)


def test_calls_in_files_of_their_own_are_shown_and_printed(tmp_path: Path) -> None:
    (tmp_path / "reports" / "calls").mkdir(parents=True)
    (tmp_path / "reports" / "calls" / "4.ndjson").write_text('{"api": "NtClose"}\n{"api": "NtOpen"}\n')
    process = {"process_id": 4, "calls": [], "calls_count": 2, "calls_file": "calls/4.ndjson"}
    packed = gzip.compress(json.dumps({"behavior": {"processes": [process]}}).encode())
    (tmp_path / "reports" / "report.json.gz").write_bytes(packed)
    run = CliRunner().invoke

    assert "NtOpen" in run(cli, ["show", str(tmp_path), "calls"]).output
    (shown,) = json.loads(run(cli, ["show", str(tmp_path), "--json", "behavior.processes"]).output)
    assert shown["calls"] == [{"api": "NtClose"}, {"api": "NtOpen"}]
    last = run(cli, ["show", str(tmp_path), "--json", "behavior.processes.0.calls.-1.api"])
    assert last.output == '"NtOpen"\n'


def test_a_value_is_printed_as_json_that_every_parser_takes(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text('{"a": [NaN, -Infinity, "\\ud800", {"\\udcff\\u001b": "\u202e"}]}')

    shown = CliRunner().invoke(cli, ["show", str(file), "--json", "a"]).output

    assert shown.isascii()
    assert orjson.loads(shown) == [None, None, "\\ud800", {"\\udcff\x1b": "\u202e"}]


def test_the_tree_counts_calls_that_the_report_has_not() -> None:
    process = {"process_id": 4, "process_name": "a.exe", "calls": [], "calls_count": 1234}

    assert "1,234" in printed({"behavior": {"processes": [process]}}, "processes")


def test_the_command_prints_sections_and_values(tmp_path: Path) -> None:
    folder = str(folder_with(tmp_path, REPORT))

    assert "x.example" in CliRunner().invoke(cli, ["show", folder, "network"]).output
    assert CliRunner().invoke(cli, ["show", folder, "--json", "strings"]).output == '[\n  "one"\n]\n'
    assert "'nothing' is no section" in CliRunner().invoke(cli, ["show", folder, "nothing"]).output


def test_a_report_of_another_engine_is_shown_from_its_file(shared_data: Path) -> None:
    (file,) = (shared_data / "reports" / "cape").glob("55dcd387*.json.gz")

    shown = CliRunner().invoke(cli, ["show", str(file)])

    assert shown.exit_code == 0, shown.output
    for wanted in ("0.8 of 10", "fsutil.exe (2388)", "T1116"):
        assert wanted in shown.output
