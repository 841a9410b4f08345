import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.reporting.diff.compare import PARTS, Side, Wanted, compare
from lib.cuckoo.reporting.diff.record import File, Match, Outcome, Section, Value
from lib.cuckoo.reporting.diff.story import CHAPTERS, OVERVIEW
from lib.cuckoo.reporting.story.parts import Limits
from tests.reporting.diff.runs import calls, difference, process, report
from tests.reporting.story.test_sections import ANYTHING, NAMES

CAPE = ("0000a657", "2ebadd04", "55dcd387", "77c96105", "8b9aaf4f", "fb7ade52")


def cape(shared_data: Path, name: str) -> dict[str, Any]:
    (file,) = (shared_data / "reports" / "cape").glob(f"{name}*.json.gz")
    found: dict[str, Any] = json.loads(gzip.decompress(file.read_bytes()))
    return found


@pytest.mark.parametrize("name", CAPE)
def test_a_real_report_is_no_different_from_itself(shared_data: Path, name: str) -> None:
    results = cape(shared_data, name)
    for exact in (False, True):
        found = difference(results, copy.deepcopy(results), exact=exact)
        assert not found
        assert found.as_record()["different"] is False


def test_of_two_real_reports_all_is_told(shared_data: Path) -> None:
    found = difference(cape(shared_data, "fb7ade52"), cape(shared_data, "8b9aaf4f"))

    assert found.summary is not None
    assert found.signatures is not None
    assert found.processes is not None
    assert found.network is not None
    assert found.activity is not None
    assert Value("score", 10.0, 2.2) in found.summary
    assert len(found.signatures.only_a) == 13
    assert [match.name for match in found.signatures.only_b] == ["stealth_network"]
    assert {pair.how for pair in found.processes.pairs} == {"all"}
    assert [pair.a.name for pair in found.processes.pairs if pair.conduct] == ["svchost.exe", "services.exe"]
    domains = next(values for values in found.network if values.name == "domains")
    assert domains.values.only_b == ["img-s-msn-com.akamaized.net", "sb.scorecardresearch.com"]
    commands = next(values for values in found.activity if values.name == "executed_commands")
    assert any("stratum+tcp" in command for command in commands.values.only_a)
    assert [values.name for values in found.activity][:2] == ["executed_commands", "mutexes"]


@pytest.mark.parametrize("row", [0, 1, 500, 740])
def test_a_changed_call_of_a_real_report_is_found_at_its_row(shared_data: Path, row: int) -> None:
    one = cape(shared_data, "0000a657")
    other = copy.deepcopy(one)
    place = next(
        place
        for place, each in enumerate(one["behavior"]["processes"])
        if each["process_name"] == "jxoqwn.exe" and len(each["calls"]) > 740
    )
    other["behavior"]["processes"][place]["calls"][row]["api"] = "NtSomethingElse"

    found = difference(one, other, "calls").processes

    assert found is not None
    [pair] = [pair for pair in found.pairs if pair.conduct]
    assert pair.conduct is not None
    [divergence] = pair.conduct.divergences
    assert divergence.b is not None
    assert divergence.b.api == "NtSomethingElse"
    assert divergence.b.row == row
    assert len(pair.conduct.apis) == 2


def test_what_differs_in_every_run_counts_only_when_asked_for() -> None:
    one = report(
        info={"id": 1, "started": "2026-01-31 13:21:44", "duration": 60}, CAPE={"payloads": [{"pid": 4}]}
    )
    other = report(
        info={"id": 2, "started": "2026-02-01 10:00:00", "duration": 61}, CAPE={"payloads": [{"pid": 9}]}
    )

    assert not difference(one, other)
    exact = difference(one, other, exact=True)
    assert exact.summary is not None
    assert [value.name for value in exact.summary] == ["id", "started", "duration"]
    assert exact.sections == [Section("CAPE", 1, 1)]


def test_sections_of_one_run_only_and_changed_ones_are_told() -> None:
    found = difference(
        {"strings": ["a"], "memory": {"x": 1}, "x": 1}, {"memory": {"x": 2}, "x": 1, "y": {}}, "sections"
    )

    assert found.sections == [Section("strings", 1, None), Section("memory", 1, 1), Section("y", None, 0)]


def test_outcomes_of_modules_are_compared() -> None:
    def engine(*runs: tuple[str, str, str]) -> dict[str, Any]:
        return {
            "engine": {
                "modules": [
                    {"module": name, "outcome": outcome, "reason": why} for name, outcome, why in runs
                ],
                "signatures": {"ran": 5, "failed": [{"name": "x", "outcome": "FAILED", "error": "E"}]},
            }
        }

    one = engine(("a", "COMPLETED", ""), ("b", "COMPLETED", ""), ("c", "COMPLETED", ""))
    other = engine(("a", "COMPLETED", ""), ("b", "FAILED", "no file"), ("d", "DISABLED", "off"))
    found = difference(one, other, "modules").modules

    assert found is not None
    assert found.only_a == [Outcome("c", "COMPLETED")]
    assert found.only_b == [Outcome("d", "DISABLED", "off")]
    assert found.changed == [(Outcome("b", "COMPLETED"), Outcome("b", "FAILED", "no file"))]
    assert found.same == 2


def test_signatures_are_compared_by_name_severity_and_evidence() -> None:
    def matched(*found: tuple[str, int, int]) -> dict[str, Any]:
        return {
            "signatures": [
                {"name": name, "description": name, "severity": severity, "data": [{"file": "f"}] * count}
                for name, severity, count in found
            ]
        }

    found = difference(
        matched(("a", 1, 1), ("b", 1, 1), ("c", 2, 2)), matched(("b", 3, 1), ("c", 2, 5))
    ).signatures

    assert found is not None
    assert found.only_a == [Match("a", "a", 1, 1)]
    assert found.changed == [
        (Match("b", "b", 1, 1), Match("b", "b", 3, 1)),
        (Match("c", "c", 2, 2), Match("c", "c", 2, 5)),
    ]


def test_dropped_files_are_the_same_by_content_and_changed_by_name() -> None:
    def file(name: str, sha256: str) -> dict[str, Any]:
        return {
            "name": [name],
            "guest_paths": [f"C:\\Users\\x\\{name}"],
            "sha256": sha256,
            "size": 1,
            "type": "data",
        }

    one = {"dropped": [file("a", "AA"), file("b", "bb"), file("c", "cc"), file("a2", "aa")]}
    other = {"dropped": [file("other name", "aa"), file("b", "b2"), file("d", "dd")]}
    found = difference(one, other, "dropped").dropped

    assert found is not None
    assert found.only_a == [File("C:\\Users\\x\\c", "cc", 1, "data")]
    assert found.only_b == [File("C:\\Users\\x\\d", "dd", 1, "data")]
    assert [(a.sha256, b.sha256) for a, b in found.changed] == [("bb", "b2")]
    assert found.same == 1


def test_names_of_the_network_are_compared_in_the_words_of_each_family() -> None:
    one = {"network": {"hosts": [{"ip": "192.0.2.1"}], "domains": [{"domain": "a.example", "ip": ""}]}}
    other = {
        "network": {
            "hosts": ["192.0.2.1", "192.0.2.2"],
            "http": [{"method": "GET", "host": "b.example", "uri": "/x"}, {"uri": "http://c.example/"}],
            "dead_hosts": [["192.0.2.9", 443]],
        }
    }
    found = difference(one, other, "network").network

    assert found is not None
    assert {values.name: (values.values.only_a, values.values.only_b) for values in found} == {
        "domains": (["a.example"], []),
        "hosts": ([], ["192.0.2.2"]),
        "http": ([], ["GET http://b.example/x", "http://c.example/"]),
        "dead_hosts": ([], ["192.0.2.9, 443"]),
    }


def test_what_processes_touched_is_compared_without_what_is_made_up() -> None:
    def touched(user: str, *mutexes: str) -> dict[str, Any]:
        summary = {"files": [f"C:\\Users\\{user}\\a", "C:\\x"], "mutexes": list(mutexes)}
        return {"behavior": {"summary": summary}}

    found = difference(
        touched("maxine", "SM0:12:x", "m"), touched("john", "SM0:99:x", "n"), "activity"
    ).activity

    assert found is not None
    [mutexes] = found
    assert (mutexes.name, mutexes.values.only_a, mutexes.values.only_b) == ("mutexes", ["m"], ["n"])


def test_the_second_family_names_lists_and_score_otherwise() -> None:
    one = {"info": {"score": 3.2}, "behavior": {"summary": {"mutex": ["m"], "regkey_written": ["HKLM\\a"]}}}
    other = {"info": {"score": 9}, "behavior": {"summary": {"mutexes": ["n"], "write_keys": ["HKLM\\a"]}}}

    found = difference(one, other, "activity", "summary")

    assert found.summary == [Value("score", 3.2, 9.0)]
    assert found.activity is not None
    lists = {values.name: values.values for values in found.activity}
    assert (lists["mutexes"].only_a, lists["mutexes"].only_b) == (["m"], ["n"])
    assert "write_keys" not in lists


def test_static_facts_are_compared_member_by_member() -> None:
    one = {"static": {"pe": {"imphash": "1", "sections": [{"name": ".text"}, {"name": ".a"}], "same": [1]}}}
    other = {"static": {"pe": {"imphash": "2", "sections": [{"name": ".text"}], "same": [1], "new": 0}}}

    assert difference(one, other, "static").static == [
        Value("static.pe.imphash", "1", "2"),
        Value("static.pe.sections", [{"name": ".a"}], []),
        Value("static.pe.new", None, 0),
    ]
    assert difference(one, {}, "static").static is None


def test_only_what_was_asked_for_is_compared() -> None:
    one = report(process(1, "a", made=calls("a")), signatures=[{"name": "x"}])
    for part in PARTS:
        found = difference(one, report(process(1, "b")), part)
        compared = {name for name in PARTS if getattr(found, name, None) is not None}
        assert compared - {"processes"} == {part} - {"processes", "calls", "static"}
    processes = difference(one, one, "processes").processes
    assert processes is not None
    assert processes.pairs[0].conduct is None


def test_what_is_missing_is_noted() -> None:
    found = compare(Side("x", {}, ["no logs"]), Side("y", {}, ["cut"]), Wanted())

    assert found.notes == ["A: no logs", "B: cut"]


def nested(depth: int) -> dict[str, Any]:
    value: Any = {"x": 1}
    for _ in range(depth):
        value = {"x": [value]}
    return {"memory": value, "static": value, "strings": [value]}


def test_very_deep_values_are_compared() -> None:
    assert not difference(nested(300), nested(300))
    assert difference(nested(300), nested(301))


RESULTS = st.dictionaries(NAMES, ANYTHING, max_size=8)


@settings(max_examples=150, deadline=None)
@given(RESULTS, RESULTS, st.booleans())
def test_results_of_any_shape_are_compared_and_told(
    a: dict[str, Any], b: dict[str, Any], exact: bool
) -> None:
    found = difference(a, b, exact=exact)

    assert not difference(a, a, exact=exact)
    json.dumps(found.as_record())
    for chapter in (OVERVIEW, *CHAPTERS):
        assert all(part.kind for part in chapter.parts(found, Limits()))


PROCESSES = st.lists(
    st.fixed_dictionaries(
        {
            "process_id": st.integers(0, 9),
            "parent_id": st.integers(0, 9),
            "module_path": st.sampled_from("abc"),
        },
        optional={"calls": ANYTHING | st.lists(ANYTHING), "truncated": ANYTHING, "environ": ANYTHING},
    ),
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(PROCESSES, PROCESSES)
def test_each_process_is_in_one_pair_or_left_over(a: list[Any], b: list[Any]) -> None:
    found = difference(report(*a), report(*b)).processes

    assert found is not None
    assert len(found.pairs) + len(found.only_a) == len(a)
    assert len(found.pairs) + len(found.only_b) == len(b)
