from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.reporting.iocs.allowed import parse_allowed
from lib.cuckoo.reporting.sharing.gather import bounds_from, gather
from lib.cuckoo.reporting.sharing.records import KINDS, Bounds, Findings

SHA256, MD5 = "ab" * 32, "cd" * 16
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
NAMES = (
    *(
        "info",
        "target",
        "file",
        "behavior",
        "processes",
        "summary",
        "mutexes",
        "write_keys",
        "network",
        "dns",
    ),
    *("hosts", "tcp", "http_ex", "tls", "certificates", "smtp", "messages", "dropped", "signatures", "ttps"),
    *(
        "guest_paths",
        "sha256",
        "process_id",
        "parent_id",
        "answers",
        "src",
        "dst",
        "rcpt_to",
        "tactics",
        "ttp",
    ),
)
SHAPED = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=25,
)


def found(results: dict[str, Any], **bounds: Any) -> Findings:
    return gather(results, Bounds(**bounds))


def test_what_the_example_did_is_found(example: tuple[Path, dict[str, Any]]) -> None:
    findings = gather(example[1], Bounds())

    assert findings.analysis.started == datetime(2026, 3, 17, 9, 14, 5, tzinfo=UTC)
    assert findings.analysis.system == "Windows 10 Pro"
    assert findings.analysis.result == "malicious"
    assert findings.analysis.tlp == "clear"
    assert findings.sample is not None
    assert findings.sample.name == "Invoice_0417.exe"
    assert [file.origin for file in findings.files].count("payload") == 1
    assert [(process.name, process.parent) for process in findings.processes] == [
        ("Invoice_0417.exe", None),
        ("winsync.exe", 0),
        ("explorer.exe", 1),
    ]
    assert "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\WinSync" in findings.keys
    assert len(findings.requests) == 3
    assert findings.certificates[0].self_signed is True
    assert findings.left_out == []


def test_indicators_are_what_was_seen_in_action(example: tuple[Path, dict[str, Any]]) -> None:
    kinds_and_values = set(gather(example[1], Bounds()).indicators)

    assert ("domain", "panel.invoice-portal.test") in kinds_and_values
    assert ("email", "accounts@partner.example") in kinds_and_values
    assert ("email", "office@partner.example") not in kinds_and_values  # who gets mail is a victim
    assert [value for kind, value in kinds_and_values if kind == "registry"] == [
        "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\WinSync"  # written, not read
    ]


def test_an_allow_listed_value_is_no_indicator_and_is_counted(example: tuple[Path, dict[str, Any]]) -> None:
    before = gather(example[1], Bounds())
    after = gather(example[1], Bounds(), parse_allowed(["invoice-portal.test", "203.0.113.99"]))

    gone = {value for _, value in before.indicators.keys() - after.indicators.keys()}
    assert gone == {
        "gate.invoice-portal.test",
        "panel.invoice-portal.test",
        "backup.invoice-portal.test",
        "203.0.113.99",
        "http://gate.invoice-portal.test/gate.php",
        "https://panel.invoice-portal.test/api/tasks?id=7f3a9c",
    }
    assert after.left_out == ["6 indicators on an allow-list"]
    assert [name.domain for name in after.names] == [name.domain for name in before.names]


def test_only_the_wanted_kinds_become_indicators(example: tuple[Path, dict[str, Any]]) -> None:
    findings = gather(example[1], Bounds(kinds=("path", "mutex")))

    assert {kind for kind, _ in findings.indicators} == {"path", "mutex"}


def test_nothing_gives_nothing() -> None:
    findings = found({})

    assert findings.analysis.started == datetime(1970, 1, 1, tzinfo=UTC)
    assert findings.analysis.suspect is False
    assert (findings.sample, findings.processes, findings.indicators, findings.left_out) == (None, [], {}, [])


def test_what_is_not_what_it_claims_costs_itself_and_is_counted() -> None:
    findings = found({
        "dropped": [{"name": "a", "sha256": SHA256, "md5": "short"}, {"name": "b", "sha256": "none"}],
        "network": {
            "dns": [{"request": "right.example"}, {"request": "no domain"}],
            "hosts": [{"ip": "198.51.100.300"}, {"ip": "198.51.100.3"}],
            "tcp": [{"src": "198.51.100.1", "dst": "nowhere"}],
        },
        "behavior": {"summary": {"mutexes": ["right", "hidden\0"]}, "processes": [{"process_id": "?"}]},
        "ttps": [{"ttp": "T1055"}, {"ttp": "T1055; drop"}],
    })  # fmt: skip

    assert [file.name for file in findings.files] == ["a"]
    assert [name.domain for name in findings.names] == ["right.example"]
    assert findings.hosts == ["198.51.100.3"]
    assert findings.mutexes == ["right"]
    assert findings.left_out == [
        "1 address of no valid form",
        "1 domain of no valid form",
        "1 file of no valid form",
        "1 flow of no valid form",
        "2 hashes of no valid form",
        "2 indicators of no valid form",
        "1 mutex of no valid form",
        "1 process of no valid form",
        "1 technique of no valid form",
    ]


@pytest.mark.parametrize(("entries", "left_out"), [(3, []), (2, ["1 mutex beyond the bounds"])])
def test_what_is_beyond_the_bounds_is_counted(entries: int, left_out: list[str]) -> None:
    findings = found({"behavior": {"summary": {"mutexes": ["a", "b", "c"]}}}, entries=entries, kinds=())

    assert len(findings.mutexes) == entries
    assert findings.left_out == left_out


def test_a_text_is_cut_where_a_value_is_left_out() -> None:
    behavior = {
        "processes": [{"process_id": 1, "command_line": "x" * 50}],
        "summary": {"mutexes": ["x" * 41, "y" * 40]},
    }
    findings = found({"behavior": behavior}, text=40)

    assert findings.processes[0].command_line == "x" * 39 + "…"
    assert findings.mutexes == ["y" * 40]


def test_a_process_id_used_twice_is_two_processes() -> None:
    processes = [
        {"process_id": 4, "parent_id": 4, "process_name": "first"},
        {"process_id": 8, "parent_id": 4, "process_name": "of the first"},
        {"process_id": 4, "parent_id": 8, "process_name": "second"},
        {"process_id": 9, "parent_id": 4, "process_name": "of the second"},
    ]
    findings = found({"behavior": {"processes": processes}})

    assert [process.parent for process in findings.processes] == [None, 0, 1, 2]


@pytest.mark.parametrize(
    ("results", "suspect"),
    [
        ({"malscore": 4.0}, True),
        ({"malscore": 3.9}, False),
        ({}, False),
        ({"detections": [{"family": "Emotet"}]}, True),
    ],
)
def test_the_sample_is_called_malware_from_the_threshold_on_or_by_its_family(
    results: dict[str, Any], suspect: bool
) -> None:
    assert found(results).analysis.suspect is suspect


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [("TLP:AMBER", "amber"), ("white", "clear"), ("amber+strict", "amber+strict"), ("?", "red"), (None, "")],
)
def test_a_marking_that_nobody_knows_is_the_strictest(given_value: object, expected: str) -> None:
    assert found({"info": {"tlp": given_value}}).analysis.tlp == expected


def test_the_first_thing_heard_of_dates_an_analysis_without_a_time() -> None:
    network = {
        "dns": [{"request": "a.example", "first_seen": 1_700_000_060}],
        "tls": [{"time": 1_700_000_000}],
    }

    assert found({"network": network}).analysis.started == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_one_domain_has_the_answers_of_all_questions() -> None:
    questions = [
        {"request": "a.example", "answers": [{"type": "A", "data": "198.51.100.1"}]},
        {"request": "A.example.", "answers": [{"data": "2001:db8::1"}, {"data": "b.example"}, {"data": "?"}]},
        {"request": "a.example", "answers": [{"type": "CNAME", "data": "a.example"}]},
    ]
    (name,) = found({"network": {"dns": questions, "domains": [{"domain": "a.example", "ip": ""}]}}).names

    assert name.addresses == ("198.51.100.1", "2001:db8::1")
    assert name.aliases == ("b.example",)


def test_dumps_have_no_place_in_the_guest_of_the_samples_own() -> None:
    record = {"sha256": SHA256, "guest_paths": ["C:\\monitor\\1"]}
    findings = found({"dropped": [record], "CAPE": {"payloads": [record]}})

    assert [(file.origin, file.paths) for file in findings.files] == [
        ("dropped", ("C:\\monitor\\1",)),
        ("payload", ()),
    ]


def test_the_options_are_checked() -> None:
    assert bounds_from({}) == Bounds(500, 1000, 4.0, KINDS)
    assert bounds_from({"indicators": "domain, ip"}).kinds == ("domain", "ip")
    assert bounds_from({"entries": "7", "threshold": "0"}) == Bounds(7, 1000, 0.0, KINDS)
    for options, words in (
        ({"entries": 0}, "the option entries is 0, which is not within 1 and 10000"),
        ({"text": 39}, "the option text is 39"),
        ({"threshold": 10.1}, "the option threshold is 10.1"),
        ({"threshold": "high"}, "the option threshold is 'high', which is no number"),
        ({"threshold": "nan"}, "the option threshold is nan"),
        ({"indicators": "domain colour"}, "the option indicators names colour; there are sha256"),
    ):
        with pytest.raises(CuckooReportError, match=words):
            bounds_from(options)


@given(SHAPED)
def test_results_of_any_shape_are_gathered(results: Any) -> None:
    if isinstance(results, dict):
        gather(results, Bounds())
