"""Hostile results: whatever stands in them, the bundle is valid, the event loads, and both are sane to look at."""

import json
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stix2patterns.v21.pattern import Pattern

from lib.cuckoo.reporting.misp.event import event_chunks
from lib.cuckoo.reporting.sharing.gather import gather
from lib.cuckoo.reporting.sharing.records import Bounds
from lib.cuckoo.reporting.stix.bundle import bundle_chunks
from tests.reporting.hostile import FORBIDDEN, PAYLOADS, poisoned
from tests.reporting.validators import checked_bundle, checked_event, of_type

BREAKING_OUT = (
    "'] OR [file:name = 'x",
    "\\'] OR [file:name = \\'x",
    "\\",
    "\\\\'",
    "]",
    "' AND file:name LIKE '%",
    "/* x",
)
EVERYTHING = Bounds(
    threshold=0, kinds=("sha256", "domain", "ip", "url", "email", "mutex", "registry", "path")
)


def both(results: dict[str, Any], folder: Path, bounds: Bounds = EVERYTHING) -> tuple[bytes, bytes]:
    findings = gather(results, bounds)
    bundle, event = b"".join(bundle_chunks(findings)), b"".join(event_chunks(findings))
    checked_bundle(bundle)
    checked_event(event, folder)
    return bundle, event


def texts(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from texts(member)


@pytest.mark.parametrize("start", range(0, 7, 2))
def test_payloads_in_every_text_break_nothing(
    example: tuple[Path, dict[str, Any]], tmp_path: Path, start: int
) -> None:
    results = poisoned(json.loads((example[0] / "reports" / "report.json").read_text()), count(start))

    for written in both(results, tmp_path):
        shown = "\n".join(texts(json.loads(written))).replace("\n", "")
        assert not set(FORBIDDEN) & set(shown)


def full_of(payload: str) -> dict[str, Any]:
    file = {"name": payload, "sha256": "cd" * 32, "type": payload, "ssdeep": payload}
    process = dict.fromkeys(("process_name", "module_path", "command_line", "first_seen"), payload)
    request = dict.fromkeys(("path", "user-agent", "host", "version"), payload)
    certificate = dict.fromkeys(("serial", "subject", "issuer", "not_before", "self_signed"), payload)
    mail = {"mail_from": payload, "rcpt_to": ["a@b.example", payload], "subject": payload}
    match = {"name": payload, "description": payload, "ttps": [payload], "families": [payload]}
    return {
        "info": dict.fromkeys(("id", "started", "ended", "package", "machine", "tlp", "platform"), payload),
        "target": {"category": payload, "url": payload, "file": file},
        "dropped": [file | {"guest_paths": [payload, f"C:\\{payload}"]}],
        "behavior": {
            "processes": [process | {"process_id": 1, "parent_id": payload}],
            "summary": {
                "mutexes": [payload],
                "write_keys": [payload, f"HKLM\\{payload}"],
                "write_files": [payload],
            },
        },
        "network": {
            "dns": [{"request": payload, "answers": [{"type": "CNAME", "data": payload}]}],
            "domains": [{"domain": f"{payload}.example"}],
            "hosts": [{"ip": payload}],
            "tcp": [{"src": payload, "dst": "198.51.100.1", "protocol": payload}],
            "http": [request | {"uri": f"http://a.example/{payload}", "method": "GET"}],
            "tls": [{"certificates": [certificate | {"sha1": "ab" * 20}]}],
            "smtp": [{"messages": [mail]}],
        },
        "signatures": [match | {"data": [{payload: payload}]}],
        "ttps": [{"ttp": payload}, {"ttp": "T1055", "name": payload, "tactics": [payload]}],
        "detections": [{"family": payload}],
    }


@pytest.mark.parametrize("payload", [*PAYLOADS, *BREAKING_OUT])
def test_a_payload_alone_is_refused_or_kept_within_its_place(payload: str, tmp_path: Path) -> None:
    bundle, _ = both(full_of(payload), tmp_path)
    for indicator in of_type(json.loads(bundle)["objects"], "indicator"):
        inspected = Pattern(indicator["pattern"]).inspect()
        assert len(inspected.comparisons) == 1
        assert not inspected.observation_ops


def test_ten_megabytes_in_one_value_are_cut_or_left_out(tmp_path: Path) -> None:
    huge = "A" * 10_000_000
    results = {
        "target": {"file": {"name": huge, "sha256": "ab" * 32, "type": huge}},
        "behavior": {
            "processes": [{"process_id": 1, "process_name": huge, "command_line": huge}],
            "summary": {"mutexes": [huge]},
        },
        "network": {
            "dns": [{"request": huge}],
            "http": [{"uri": f"http://a.example/{huge}", "method": "GET"}],
        },
        "signatures": [{"name": huge, "description": huge, "data": [{"file": huge}] * 2}],
        "malscore": 9,
    }

    assert max(map(len, both(results, tmp_path))) < 40_000


@given(st.text(st.characters(exclude_categories=()), max_size=50), st.text(max_size=20))
@settings(max_examples=40)
def test_any_text_in_any_place_is_written(
    tmp_path_factory: pytest.TempPathFactory, text: str, other: str
) -> None:
    results = {
        "target": {"file": {"name": text, "sha256": "ab" * 32}},
        "behavior": {
            "processes": [{"process_id": 1, "process_name": text, "module_path": other + text}],
            "summary": {"mutexes": [text, other], "write_keys": [other + "\\" + text]},
        },
        "signatures": [{"name": text, "data": [{other: text}]}],
        "network": {"http": [{"uri": f"http://a.example/{text}", "method": "GET", "user-agent": other}]},
    }
    both(results, tmp_path_factory.getbasetemp())


def test_the_libraries_are_loaded_only_by_the_reports() -> None:
    assert "lib.cuckoo.reporting.stix.bundle" in sys.modules
    loaded_by = {
        name
        for name in ("stix2", "pymisp")
        if any(name in vars(module) for key, module in sys.modules.items() if key.startswith("lib.cuckoo"))
    }
    assert loaded_by == set()
