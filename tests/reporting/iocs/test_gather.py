from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.reporting.iocs.allowed import parse_allowed
from lib.cuckoo.reporting.iocs.gather import Bounds, gather, gathered_indicators
from lib.cuckoo.reporting.iocs.indicator import KINDS, Indicator
from lib.cuckoo.reporting.iocs.sightings import time_of

SHA256 = "ab" * 32


def found(results: dict[str, Any], kind: str, **bounds: Any) -> list[str]:
    return [each.value for each in gather(results, Bounds(**bounds)).indicators if each.kind == kind]


def the(results: dict[str, Any], value: str) -> Indicator:
    (indicator,) = (each for each in gathered_indicators(results) if each.value == value)
    return indicator


def test_the_example_tells_its_story_in_indicators(example: tuple[Path, dict[str, Any]]) -> None:
    results = example[1]

    assert the(results, "cdn.updates.example") == Indicator(
        kind="domain",
        value="cdn.updates.example",
        sources=("network.domains.domain", "network.dns.request", "network.http.uri", "network.http_ex.uri"),
        first_seen="2026-03-17T09:14:26.650Z",
        process_ids=(2840,),
        process_names=("Invoice_0417.exe",),
    )
    mutex = the(results, r"Global\WinSync-1")
    assert (mutex.kind, mutex.first_seen, mutex.process_ids) == ("mutex", "2026-03-17T09:14:31.103Z", (3124,))
    assert found(results, "email") == ["accounts@partner.example", "office@partner.example"]
    assert found(results, "registry")[0].endswith(r"\CurrentVersion\Run\WinSync")
    assert len(found(results, "sha256")) == 11


def test_one_value_from_many_places_is_told_once_with_all_of_them() -> None:
    results = {
        "behavior": {
            "processes": [{"process_id": 4, "process_name": "a.exe", "calls": []}],
            "summary": {"write_files": [r"C:\A.exe"]},
        },
        "dropped": [{"guest_paths": [r"c:\a.EXE"], "pids": [4], "sha256": SHA256.upper()}],
        "procdump": [{"sha256": SHA256, "pid": 5, "process_name": "b.exe"}],
    }

    path, digest = the(results, r"c:\a.EXE"), the(results, SHA256)

    assert path.sources == ("dropped.guest_paths", "behavior.summary.write_files")
    assert (digest.process_ids, digest.process_names) == ((4, 5), ("b.exe", "a.exe"))


def test_calls_tell_when_and_by_whom_a_file_was_touched() -> None:
    argument = {"name": "FileName", "value": r"C:\x"}
    call = {"timestamp": "2026-01-31 13:21:44,590", "arguments": [argument]}
    process = {"process_id": 4, "process_name": "a.exe", "calls": [{"arguments": []}, call]}
    results = {"behavior": {"processes": [process], "summary": {"write_files": [r"C:\X"]}}}

    assert the(results, r"C:\X").first_seen == "2026-01-31T13:21:44.590Z"
    assert the(results, r"C:\X").process_ids == (4,)
    assert gather(results, Bounds(calls=1)).indicators[0].first_seen == ""


def test_files_and_keys_that_were_only_read_are_told_on_demand() -> None:
    results = {"behavior": {"summary": {"read_files": [r"C:\r"], "write_files": [r"C:\w"]}}}

    assert found(results, "path") == [r"C:\w"]
    assert found(results, "path", touched=True) == [r"C:\w", r"C:\r"]


def test_what_is_beyond_the_bounds_is_counted() -> None:
    names = [f"m{number}" for number in range(10)]
    results = {"behavior": {"summary": {"mutexes": [*names, *names, "x" * 9]}}}

    gathered = gather(results, Bounds(entries=3, length=8))

    assert [each.value for each in gathered.indicators] == ["m0", "m1", "m2"]
    assert gathered.beyond == {"mutex": 7}
    assert gathered.too_long == {"mutex": 1}
    assert gather(results, Bounds(entries=11, length=9)).beyond == {}


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("anything", "http://bad.example/x", "url"),
        ("anything", SHA256, "sha256"),
        ("anything", "192.0.2.1", "ip"),
        ("key_written", r"HKLM\Software\X", "registry"),
        ("mutex", "m", "mutex"),
        ("c2", "bad.example", "domain"),
        ("file", r"C:\x.exe", "path"),
    ],
)
def test_what_signatures_note_and_extractors_find_is_told_by_its_looks(
    name: str, value: str, kind: str
) -> None:
    matches: list[dict[str, Any]] = [{"name": "s", "data": [{name: value}, {"type": "call", "cid": 1}]}]

    assert found({"signatures": matches}, kind)
    assert found(
        {"signatures": [{"name": "s", "new_data": [{"signs": [{"type": name, "value": value}]}]}]}, kind
    )
    assert found({"CAPE": {"configs": [{"Family": {name: [value]}}]}}, kind)


def test_prose_and_commands_are_no_indicators() -> None:
    data = [
        {"executed": r"C:\x.exe /c del"},
        {"note": "version 1.2.3.x"},
        {"host": "GET http.. of bad.example"},
    ]

    assert not gathered_indicators({"signatures": [{"name": "s", "data": data}]})


@pytest.mark.parametrize("dead", [["192.0.2.9", 80], "192.0.2.9:80", "192.0.2.9", ["192.0.2.9"]])
def test_hosts_that_never_answered_are_told_in_every_shape(dead: object) -> None:
    assert found({"network": {"dead_hosts": [dead]}}, "ip") == ["192.0.2.9"]


def test_the_sandboxs_own_addresses_are_none() -> None:
    flows = [{"dst": "192.168.56.1"}, {"dst": "192.0.2.9"}]

    assert found({"network": {"hosts": [{"ip": "192.0.2.9"}], "udp": flows}}, "ip") == ["192.0.2.9"]


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        (1773738866.5, "2026-03-17T09:14:26.500Z"),
        (1773738866, "2026-03-17T09:14:26.000Z"),
        ("2026-03-17 09:14:26,5", "2026-03-17T09:14:26.500Z"),
        ("2026-03-17T11:14:26+02:00", "2026-03-17T09:14:26.000Z"),
        (0.05, ""),
        (True, ""),
        (float("nan"), ""),
        (1e300, ""),
        ("soon", ""),
        (None, ""),
    ],
)
def test_all_clocks_are_told_in_one_form(told: object, seen: str) -> None:
    assert time_of(told) == seen


def test_the_earlier_time_counts() -> None:
    queries = [
        {"request": "a.example", "first_seen": 1773738867},
        {"request": "a.example", "time": 1773738866.5},
    ]

    assert the({"network": {"dns": queries}}, "a.example").first_seen == "2026-03-17T09:14:26.500Z"


def test_an_allow_list_marks_and_leaves_nothing_out() -> None:
    results = {"network": {"domains": [{"domain": "www.good.example"}, {"domain": "bad.example"}]}}

    gathered = gather(results, allowed=parse_allowed(["good.example"]))

    assert [(each.value, each.allowed) for each in gathered.indicators] == [
        ("www.good.example", True),
        ("bad.example", False),
    ]


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "target",
    "info",
    "dropped",
    "CAPE",
    "procdump",
    "network",
    "behavior",
    "static",
    "memory",
    "signatures",
)


@given(st.dictionaries(st.sampled_from(NAMES), json_like))
def test_sections_of_any_shape_give_indicators(results: dict[str, Any]) -> None:
    for each in gathered_indicators(results):
        assert each.kind in KINDS
        assert each.value


def _reshaped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _reshaped(member, change) for name, member in value.items()}
    if isinstance(value, list):
        return [_reshaped(member, change) for member in value[:20]]
    return change(value)


@pytest.mark.parametrize("change", [str, lambda _: None, lambda value: [value], lambda value: {"x": value}])
def test_the_example_with_every_value_of_another_type_gives_indicators(
    example: tuple[Path, dict[str, Any]], change: Callable[[Any], Any]
) -> None:
    for name, section in example[1].items():
        gathered_indicators({name: _reshaped(section, change)})
