import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.reporting.story.files import memory_parts, static_parts, string_parts
from lib.cuckoo.reporting.story.ledger import ledger_parts
from lib.cuckoo.reporting.story.network import conversations, network_parts
from lib.cuckoo.reporting.story.parts import Limits, Table
from lib.cuckoo.reporting.story.processes import process_tree
from lib.cuckoo.reporting.story.sections import CALLS, LEDGER, SECTIONS
from lib.cuckoo.reporting.story.signatures import signature_parts
from lib.cuckoo.reporting.story.verdict import families, matrix, verdict

LIMITS = Limits()
NAMES = st.sampled_from(
    (
        *(
            "info",
            "target",
            "file",
            "score",
            "contributions",
            "signatures",
            "evidence",
            "calls",
            "data",
            "ttps",
        ),
        *(
            "behavior",
            "processes",
            "processtree",
            "children",
            "summary",
            "files",
            "network",
            "hosts",
            "tcp",
            "dns",
        ),
        *(
            "static",
            "pe",
            "sections",
            "imports",
            "entropy",
            "memory",
            "strings",
            "engine",
            "modules",
            "debug",
        ),
        *(
            "name",
            "pid",
            "process_id",
            "timestamp",
            "arguments",
            "severity",
            "points",
            "ip",
            "dst",
            "bytes",
            "kind",
        ),
    )
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=40,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, ANYTHING, max_size=8))
def test_results_of_any_shape_give_parts(results: dict[str, Any]) -> None:
    for section in (*SECTIONS, CALLS, LEDGER):
        for part in section.parts(results, LIMITS):
            assert part.kind


@pytest.mark.parametrize(
    ("results", "word"),
    [
        ({}, "Not judged"),
        ({"score": {"total": 0}}, "Nothing seen"),
        ({"score": {"total": 3.9}}, "Little of note"),
        ({"score": {"total": 4.0}}, "Suspicious"),
        ({"malscore": "7.0"}, "Malicious"),
        ({"score": {"total": 99}}, "Malicious"),
    ],
)
def test_the_word_follows_from_the_score(results: dict[str, Any], word: str) -> None:
    assert verdict(results, LIMITS).word == word


def test_families_come_from_every_place_that_names_one_and_stand_once() -> None:
    results = {
        "detections": [{"family": "Emotet"}, {"family": "QakBot"}],
        "signatures": [{"families": ["Emotet", "TrickBot"]}],
        "virustotal": {"family": "QakBot"},
    }

    assert families(results) == ["Emotet", "QakBot", "TrickBot"]
    assert families({"detections": "QakBot"}) == ["QakBot"]


def test_tactics_stand_in_the_order_of_an_attack() -> None:
    ttps = [
        {"ttp": "T1486", "name": "Data Encrypted for Impact", "tactics": ["impact"], "signature": "a"},
        {"ttp": "T1204", "name": "User Execution", "tactics": ["execution"], "signature": "b"},
        {"ttp": "T1486", "name": "Data Encrypted for Impact", "tactics": ["impact"], "signature": "c"},
    ]

    [found] = matrix({"ttps": ttps}, LIMITS)

    assert [tactic for tactic, _ in found.tactics] == ["execution", "impact"]
    assert found.tactics[1][1][0].signatures == ["a", "c"]


def test_a_life_lasts_from_the_first_to_the_last_call() -> None:
    parent = {
        "process_id": 1,
        "process_name": "a.exe",
        "first_seen": "2026-01-31 13:00:00,000",
        "calls": [{"timestamp": "2026-01-31 13:00:10,000"}],
    }
    child = {"process_id": 2, "first_seen": "2026-01-31 13:00:05,000", "calls": []}
    tree = [{"pid": 1, "name": "a.exe", "children": [{"pid": 2, "name": "b.exe"}]}]
    call = {"pid": 1, "timestamp": "2026-01-31 13:00:05,000"}
    signatures = [{"severity": 3, "description": "x", "evidence": {"calls": [call]}}]

    found = process_tree(
        {"behavior": {"processes": [parent, child], "processtree": tree}, "signatures": signatures}, LIMITS
    )

    assert [(line.name, line.depth, line.begin, line.end, line.seconds) for line in found.processes] == [
        ("a.exe", 0, 0.0, 1.0, 10.0),
        ("b.exe", 1, 0.5, 0.5, 0.0),
    ]
    assert [mark.at for mark in found.processes[0].marks] == [0.5]


def test_a_tree_that_never_ends_is_cut_and_counted() -> None:
    node: dict[str, Any] = {"pid": 0, "name": "a"}
    for pid in range(1, 3000):
        node = {"pid": pid, "name": "a", "children": [node]}

    found = process_tree({"behavior": {"processtree": [node]}}, LIMITS)

    assert len(found.processes) == 500
    assert max(line.depth for line in found.processes) == 12


def test_the_most_severe_signature_stands_first_with_its_calls_resolved() -> None:
    call = {
        "process": "a.exe",
        "pid": 4,
        "api": "NtCreateFile",
        "timestamp": "t",
        "arguments": {"FileName": "C:\\x"},
    }
    results = {
        "signatures": [
            {"name": "weak", "severity": 1, "data": [{"key": "HKLM"}, {"type": "call", "pid": 4, "cid": 1}]},
            {"name": "strong", "severity": 3, "evidence": {"calls": [call], "omitted": 2}},
        ]
    }

    strong, weak = signature_parts(results, LIMITS)

    assert (strong.name, strong.omitted) == ("strong", 2)
    assert strong.calls[0].arguments == [("FileName", "C:\\x")]
    assert weak.noted == [("key", "HKLM")]


def test_the_map_joins_flows_of_a_process_with_a_host() -> None:
    flow = {"dst": "192.0.2.1", "bytes": 100, "protocol": "http", "process_name": "a.exe", "process_id": 4}
    network = {
        "hosts": [{"ip": "192.0.2.1", "hostname": "x.example"}],
        "tcp": [flow, flow | {"bytes": 300, "protocol": "tls"}],
        "udp": [{"dst": "192.168.0.1", "bytes": 9}],
    }

    [found] = conversations(network)

    assert found.processes == ["a.exe (4)"]
    assert found.hosts == [("192.0.2.1", "x.example")]
    assert [(link.size_bytes, link.protocols) for link in found.links] == [(400, "http, tls")]


def test_conversations_that_look_the_same_stand_once_with_their_number() -> None:
    session = {"dst": "192.0.2.9", "dport": 443, "sni": "cdn.example", "certificates": [{"subject": "CN=a"}]}
    other = {**session, "certificates": [{"subject": "CN=b"}]}

    found = tables({"network": {"tls": [session, other, session]}})["TLS"]

    assert found.columns == ["server", "name", "certificates", "times"]
    assert found.rows == [
        ["192.0.2.9:443", "cdn.example", ["CN=a"], 2],
        ["192.0.2.9:443", "cdn.example", ["CN=b"], ""],
    ]
    assert found.total == 2


def test_what_stands_for_more_than_is_shown_is_counted_before_it_is_cut() -> None:
    asked = [{"request": name} for name in ("a.example", "b.example", "c.example", "a.example")]

    found = tables({"network": {"dns": asked}}, Limits(entries=2))["Names asked for"]

    assert (found.rows, found.total) == ([["a.example", 2], ["b.example", ""]], 3)


def test_a_host_is_shown_with_the_network_that_it_is_in() -> None:
    hosts = [
        {"ip": "192.0.2.1", "asn": 64500, "as_organisation": "Example AB"},
        {"ip": "192.0.2.2", "asn": None, "as_organisation": ""},
    ]

    found = tables({"network": {"hosts": hosts}})["Hosts"]

    assert (found.columns, found.rows) == (
        ["address", "network"],
        [["192.0.2.1", "AS64500 Example AB"], ["192.0.2.2", ""]],
    )


def test_the_ledger_tells_when_a_cached_answer_was_computed() -> None:
    runs = [
        {"module": "static", "outcome": "CACHED", "cached_from": "2026-03-17 09:14:05", "notes": ["cut"]},
        {"module": "virustotal", "outcome": "DISABLED", "reason": "not enabled", "wall_seconds": 0.0},
        {"module": "strings", "outcome": "COMPLETED", "wall_seconds": 0.0},
    ]

    ledger = next(ledger_parts({"engine": {"modules": runs}}, LIMITS))

    assert [(line.seconds, line.why) for line in ledger.lines] == [
        (None, "of 2026-03-17 09:14:05 UTC; cut"),
        (None, "not enabled"),
        (0.0, ""),
    ]


def tables(results: dict[str, Any], limits: Limits = LIMITS) -> dict[str, Table]:
    """Return the tables of the network by title."""
    return {part.title: part for part in network_parts(results, limits) if isinstance(part, Table)}


def test_indicators_of_sample_and_memory_stand_once_by_kind() -> None:
    url = {"kind": "url", "value": "http://x.example/"}
    results = {
        "static": {"indicators": [url, {"kind": "user_agent", "value": "curl"}]},
        "procmemory": [{"indicators": [url, {"kind": "url", "value": "http://y.example/"}]}],
    }

    found = list(string_parts(results, LIMITS))

    assert [(part.title, list(part.values)) for part in found] == [
        ("Indicators: url", ["http://x.example/", "http://y.example/"]),
        ("Indicators: user agent", ["curl"]),
    ]


def test_memory_has_dumps_programs_and_plugins() -> None:
    dump = {
        "pid": 4,
        "file": "4.dmp",
        "yara": [{"name": "Rule"}],
        "images": [{"addr": "0x1", "sha256": "ab"}],
    }
    results = {"memory": {"pslist": {"data": [{"process_id": 4}]}}, "procmemory": [dump]}

    plugin, dumps, programs = memory_parts(results, LIMITS)

    assert (plugin.title, plugin.rows) == ("Pslist", [[4]])
    assert (dumps.columns, dumps.rows) == (["pid", "rules", "file"], [[4, "Rule", "4.dmp"]])
    assert programs.rows == [[4, "0x1", "ab"]]


def test_packed_sections_of_a_program_are_told_apart() -> None:
    sections = [
        {"name": ".text", "entropy": 7.19},
        {"name": "UPX1", "entropy": "7.2"},
        {"name": "", "entropy": None},
    ]

    entropy = next(static_parts({"static": {"kind": "pe", "pe": {"sections": sections}}}, LIMITS))

    assert [(block.name, block.packed) for block in entropy.blocks] == [
        (".text", False),
        ("UPX1", True),
        ("(no name)", False),
    ]


def test_reports_of_another_engine_tell_their_story(shared_data: Path) -> None:

    for file in sorted((shared_data / "reports" / "cape").glob("*.json.gz"))[1:4]:
        results = json.loads(gzip.decompress(file.read_bytes()))
        notes = [
            part.text
            for section in SECTIONS
            for part in section.parts(results, LIMITS)
            if part.kind == "note"
        ]

        assert verdict(results, LIMITS).word != "Not judged"
        assert not [note for note in notes if "cannot be shown" in note]
