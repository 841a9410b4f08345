"""Reports of every family through one view."""

import gzip
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fledge
from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.reporting.view.base import View
from lib.cuckoo.reporting.view.behavior import Argument
from lib.cuckoo.reporting.view.family import Family
from lib.cuckoo.reporting.view.network import Endpoint
from lib.cuckoo.reporting.view.report import SavedReport, load

EXAMPLE = Path(__file__).resolve().parents[3] / "storage" / "analyses" / "1"


def successor(shared_data: Path, name: str) -> SavedReport:
    (file,) = (shared_data / "reports" / "cape").glob(f"{name}*.json.gz")
    return load(file)


def second(shared_data: Path, folder: Path) -> SavedReport:
    """Put the sections that the original engine's modules made into one report, as it would."""
    truth = shared_data / "analyses" / "cuckoo2-2204-sanitised.truth"
    results = {
        name: json.loads((truth / f"cuckoo2-{name}.json").read_bytes())
        for name in ("behavior", "network", "debug")
    }
    results["signatures"] = json.loads((shared_data / "reports/cuckoo/reportsignatures.json").read_bytes())
    file = folder / "report.json"
    file.write_text(json.dumps(results))
    return load(file)


def test_a_report_of_the_successor(shared_data: Path) -> None:
    report = successor(shared_data, "0000a657")

    assert report.family is Family.SUCCESSOR
    assert (report.info.id, report.info.machine, report.info.duration) == (14684, "win72", 231.0)
    assert report.target.name == "0000A65749F5902C4D82.exe"
    assert report.target.sha256.startswith("0000a657")
    assert (report.score, report.families[0]) == (10.0, "QakBot")
    assert len(report.processes) == 17
    assert len(report.processes[0].calls) == 1035
    assert report.processes[0].command_line.startswith('"C:\\Users\\comp')
    assert report.network.dead_hosts[0] == Endpoint("172.20.1.3", 33848)
    assert [host.country_name for host in report.network.hosts][:1] == ["United States"]
    assert report.dropped[0].guest_paths == (
        "C:\\Users\\comp\\AppData\\Roaming\\Microsoft\\Windows\\Cookies\\Low\\comp@www.bing[1].txt",
    )
    assert (report.payloads[0].kind, report.payloads[0].target_process_id) == (
        "Injected Shellcode/Data",
        2852,
    )
    assert report.payloads[0].guest_paths == ()
    assert report.strings[0] == "!This program cannot be run in DOS mode."
    assert "suricata" in report.unknown
    assert "target" not in report.unknown


def test_the_techniques_of_the_successor_belong_to_its_signatures(shared_data: Path) -> None:
    listed, mapped = successor(shared_data, "8b9aaf4f"), successor(shared_data, "55dcd387")

    assert listed.signatures[0].attack == ("T1064", "T1086", "T1059", "T1059.001")
    assert [(each.id, each.signature) for each in mapped.techniques] == [
        ("T1116", "invalid_authenticode_signature")
    ]
    assert {match.name: match.attack for match in mapped.signatures} == {
        "antidebug_setunhandledexceptionfilter": (),
        "invalid_authenticode_signature": ("T1116",),
    }


def test_a_call_that_a_signature_marked_is_found_among_those_of_its_process(shared_data: Path) -> None:
    report = successor(shared_data, "fb7ade52")

    marked, told = next(match for match in report.signatures if match.name == "dead_connect").evidence[:2]

    assert (marked.kind, marked.process_id, marked.call_id) == ("call", 2020, 3010)
    assert marked.call is not None
    assert (marked.call.api, marked.call.id, marked.text) == ("ConnectEx", 3010, "ConnectEx")
    assert (told.text, told.call_id, told.call) == ("IP: 13.95.26.4:443", None, None)


def test_a_report_of_the_classic_family(shared_data: Path) -> None:
    folder = shared_data / "reports" / "yara-cuckoo-module"

    old, newer = load(folder / "1.json"), load(folder / "2.json")

    assert {old.family, newer.family} == {Family.CLASSIC}
    assert (old.processes[0].process_id, old.processes[0].parent_id) == (508, 552)
    call = old.processes[0].calls[0]
    assert (call.timestamp, call.api, call.status, call.returned) == (
        "2014-05-27 21:36:07,042",
        "CreateFileW",
        True,
        "0x00000024",
    )
    assert call.argument("dwDesiredAccess") == "GENERIC_READ"
    assert call.argument("absent") is None
    assert [host.ip for host in old.network.hosts][:2] == ["0.0.0.0", "255.255.255.255"]
    assert old.summary.mutexes[0] == "(null)"
    assert newer.network.http[0].url == "http://checkip.dyndns.org/"
    assert newer.network.dns[0].request == "checkip.dyndns.org"
    assert newer.network.dns[0].answers[0].data.count(".") == 3
    assert (newer.info.id, newer.score, newer.target.sha256) == (None, None, "")


def test_a_report_of_the_second_family(shared_data: Path, tmp_path: Path) -> None:
    report = second(shared_data, tmp_path)

    assert report.family is Family.SECOND
    process = report.processes[0]
    assert (process.process_id, process.parent_id, process.process_name) == (752, 2844, "RTHDCPL.exe")
    assert process.first_seen == "2016-08-25 22:44:59,562"
    assert process.module_path == "C:\\Users\\Administrator\\AppData\\Local\\Temp\\RTHDCPL.exe"
    call = process.calls[4]
    assert (call.api, call.timestamp, call.status, call.returned, call.thread_id) == (
        "NtOpenKeyEx",
        "2016-08-25 22:44:59,625",
        False,
        "0xc0000034",
        "1480",
    )
    assert call.arguments[3] == Argument("regkey", "HKEY_LOCAL_MACHINE\\SOFTWARE\\McAfee")
    assert report.process_tree[0].process_name == "RTHDCPL.exe"
    assert report.summary.executed_commands[0].startswith("svchost.exe")
    assert report.summary.read_keys[0].endswith("DisableMetaFiles")
    assert list(report.summary.unknown) == ["dll_loaded"]
    assert report.debug.log.startswith("2016-08-26 00:44:56,015 [analyzer] DEBUG")


def test_the_marks_of_the_second_family(shared_data: Path, tmp_path: Path) -> None:
    by_name = {match.name: match for match in second(shared_data, tmp_path).signatures}

    assert by_name["creates_service"].attack == ("T1031",)
    assert [each.text for each in by_name["network_http"].evidence] == ["GET http://google.com/"]
    rwx = by_name["allocates_rwx"].evidence[0].call
    assert rwx is not None
    assert rwx.timestamp == "2019-05-21 23:58:06,969"
    assert Argument("protection", "64", "PAGE_EXECUTE_READWRITE") in rwx.arguments
    techniques = second(shared_data, tmp_path).techniques
    assert (techniques[0].id, techniques[0].name, techniques[0].signature) == (
        "T1031",
        "Modify Existing Service",
        "creates_service",
    )


@pytest.fixture(scope="module")
def results() -> fledge.Results:
    """The example, processed in this process; its logs are read where they lie."""
    return fledge.process(EXAMPLE, deterministic=True)


def test_our_own_results_need_no_detour_over_a_file(results: fledge.Results) -> None:
    report = SavedReport(results)

    assert report.family is Family.FLEDGE
    assert report.info.id == 1
    assert len(report.processes[0].calls) == len(results["behavior"]["processes"][0]["calls"]) > 100
    assert report.processes[0].calls[0].api == results["behavior"]["processes"][0]["calls"][0]["api"]
    assert report.score == results["malscore"]
    assert {each.id for each in report.techniques} == {each["technique"] for each in results["ttps"]}
    question = report.network.dns[0]
    assert (question.request, [answer.type for answer in question.answers]) == (
        "cdn.updates.example",
        ["CNAME", "A"],
    )
    assert report.network.http_exchanges[0].url.startswith("http")
    assert report.network.tcp[0].duration is not None
    calls = [each.call for match in report.signatures for each in match.evidence if each.kind == "call"]
    assert all(call is not None and call.api for call in calls)
    assert list(report.unknown) == ["statistics"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_or_the_folder_of_an_analysis_may_be_named(tmp_path: Path, pack: Any) -> None:
    (tmp_path / "reports").mkdir()
    file = tmp_path / "reports" / ("report.json" if pack is bytes else "report.json.gz")
    file.write_bytes(pack(b'{"info": {"id": 7}, "mine": [1]}'))

    for path in (tmp_path, file, str(file)):
        report = fledge.load(path)
        assert (report.info.id, report["mine"], report.get("other")) == (7, [1], None)


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b"{", b"\x1f\x8b", b"[" * 100_000])
def test_what_is_no_report_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(content)

    with pytest.raises(CuckooOperationalError, match=r"report\.json"):
        load(file)


def test_an_empty_report_is_empty_everywhere() -> None:
    assert not [found for found in everything(SavedReport({})) if found not in EMPTY]


EMPTY: tuple[Any, ...] = ("", 0, None, (), False, {}, Family.UNKNOWN)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["0x", "1e400"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
PLACES: dict[str, Any] = {
    "info": {"id": 1, "version": "2.2-CAPE", "started": 1.5, "ended": {"$dt": "2016-08-25T22:44:58"}}
    | {"duration": 1, "machine": {"name": "x"}},
    "target": {"category": "file", "file": {"name": ["a"], "yara": [{"name": "x", "meta": {"a": [1]}}]}},
    "signatures": [
        {"name": "a", "severity": 1, "confidence": 1, "weight": 1, "ttps": ["T1"], "ttp": {"T2": {"short": ""}}}
        | {"data": [{"type": "call", "pid": 1, "cid": 0}], "marks": [{"call": {"api": "a"}}]}
        | {"new_data": [{"process": {"process_id": 1}, "signs": [{"type": "a", "value": 1}]}]}
        | {"evidence": {"calls": [{"pid": 1, "cid": 0, "api": "a", "arguments": {"a": 1}}]}}
    ],
    "ttps": [{"ttp": "T1", "signature": "a"}, {"ttps": ["T1"], "signature": "a"}],
    "behavior": {
        "processes": [
            {"process_id": 1, "environ": {"CommandLine": "a"}, "first_seen": "20140527213607.042"}
            | {"calls": [{"time": 1.5, "return_value": -1, "status": 1, "arguments": [{"name": "a", "value": 1}]}]}
        ],
        "processtree": [{"pid": 1, "children": [{"pid": 2}]}],
        "summary": {"files": ["a"], "file_moved": ["a -> b", ["c", "d"]], "mutexes": ["m"]},
        "generic": [],
    },
    "network": {
        "hosts": ["1.1.1.1", {"ip": "1.1.1.1", "ports": [1]}], "domains": ["a", {"domain": "a"}],
        "dns": [{"request": "a", "answers": [{"type": "A", "data": "x"}]}, {"hostname": "a", "ip": "x"}],
        "http": [{"uri": "/a", "host": "b"}], "http_ex": [{"request_headers": [["User-Agent", "a"]]}],
        "tcp": [{"time": 1, "bytes": 1}], "dead_hosts": [["1.1.1.1", 1], "1.1.1.1:1"],
    },
    "dropped": [{"name": "a", "pids": [1], "guest_paths": ["a"]}], "CAPE": {"payloads": [{"target_pid": "1"}]},
    "procmemory": [{"pid": 1}], "strings": [{"string": "a"}, "b"], "debug": {"log": ["a"], "errors": ["b"]},
    "score": {"total": 1}, "malscore": 1, "detections": [{"family": "a"}], "virustotal": {"family": "a"},
}  # fmt: skip
"""Something at every place that a property reads."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield from places(member, (*path, key))


ALL_PLACES = [path for path in places(PLACES) if path]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = value.copy()
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


def everything(value: Any, depth: int = 0) -> Iterator[Any]:
    """Yield what all properties of a view and of the views below it give."""
    if isinstance(value, View):
        for name in dir(type(value)):
            if not name.startswith("_") and name not in {"raw", "known", "get", "argument"} and depth < 7:
                yield from everything(getattr(value, name), depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for member in islice(value, 5):
            yield from everything(member, depth + 1)
    else:
        yield value


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(ALL_PLACES), JSON), min_size=1, max_size=3))
def test_any_json_in_any_place_reads_as_something(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    results = PLACES
    for path, new in changes:
        try:
            results = replaced(results, path, new)
        except (AttributeError, LookupError, TypeError):
            continue  # an earlier change took the place away

    found = list(everything(SavedReport(results)))

    assert len(found) > len(EMPTY)
    assert all(isinstance(each, str | int | float | dict | Argument | Endpoint | None) for each in found)
