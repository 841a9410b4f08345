import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.reporting.iocs.allowed import parse_allowed
from lib.cuckoo.reporting.sharing.gather import gather
from lib.cuckoo.reporting.sharing.records import Bounds
from lib.cuckoo.reporting.stix.bundle import bundle_chunks
from tests.reporting.validators import Object, checked_bundle, of_type

SHA256 = "ab" * 32


def bundle(results: dict[str, Any], bounds: Bounds | None = None) -> list[Object]:
    return checked_bundle(b"".join(bundle_chunks(gather(results, bounds or Bounds()))))


def by_id(objects: list[Object]) -> dict[str, Object]:
    return {each["id"]: each for each in objects}


def test_the_example_is_told_from_the_sample_to_the_indicators(example: tuple[Path, dict[str, Any]]) -> None:
    objects = bundle(example[1])
    found = by_id(objects)

    (analysis,) = of_type(objects, "malware-analysis")
    (malware,) = of_type(objects, "malware")
    assert analysis["result"] == "malicious"
    assert analysis["analysis_started"] == "2026-03-17T09:14:05Z"
    assert found[analysis["sample_ref"]]["name"] == "Invoice_0417.exe"
    assert found[analysis["operating_system_ref"]]["name"] == "Windows 10 Pro"
    assert malware["sample_refs"] == [analysis["sample_ref"]]
    relations = {
        (each["source_ref"], each["relationship_type"], each["target_ref"])
        for each in objects
        if each["type"] == "relationship"
    }
    assert (analysis["id"], "dynamic-analysis-of", malware["id"]) in relations
    assert {kind for source, kind, _ in relations if source == malware["id"]} == {
        "uses",
        "drops",
        "related-to",
        "communicates-with",
    }
    assert len(of_type(objects, "indicator")) == sum(kind == "indicates" for _, kind, _ in relations) == 29


def test_processes_stand_below_their_parents_and_know_their_programs(
    example: tuple[Path, dict[str, Any]],
) -> None:
    objects = bundle(example[1])
    found = by_id(objects)
    first, second, third = of_type(objects, "process")

    assert "parent_ref" not in first
    assert (second["parent_ref"], third["parent_ref"]) == (first["id"], second["id"])
    assert found[first["image_ref"]]["hashes"]["SHA-256"].startswith("5243581b")  # it is the sample
    assert found[second["image_ref"]]["hashes"]["SHA-256"].startswith("153c08bc")  # it was dropped
    assert found[third["image_ref"]]["name"] == "explorer.exe"
    assert first["created_time"] == "2026-03-17T09:14:25.25Z"


def test_a_child_with_the_name_of_the_sample_is_not_taken_for_it() -> None:
    processes = [
        {"process_id": 1, "process_name": "A.exe", "module_path": "C:\\one\\A.exe"},
        {"process_id": 2, "parent_id": 1, "process_name": "a.exe", "module_path": "C:\\other\\a.exe"},
    ]
    results = {"target": {"file": {"name": "a.exe", "sha256": SHA256}}, "behavior": {"processes": processes}}
    objects = bundle(results)
    found = by_id(objects)
    first, second = of_type(objects, "process")

    assert found[first["image_ref"]]["hashes"] == {"SHA-256": SHA256}
    assert "hashes" not in found[second["image_ref"]]


def test_the_network_is_observed(example: tuple[Path, dict[str, Any]]) -> None:
    objects = bundle(example[1])
    names = {each["value"]: each for each in of_type(objects, "domain-name")}
    found = by_id(objects)

    assert [found[ref]["value"] for ref in names["cdn.updates.example"]["resolves_to_refs"]] == [
        "edge7.hosting.example",
        "192.0.2.44",
    ]
    (post,) = [
        each["extensions"]["http-request-ext"]
        for each in of_type(objects, "network-traffic")
        if each.get("extensions", {}).get("http-request-ext", {}).get("request_method") == "post"
    ]
    assert post["request_value"] == "/gate.php"
    assert post["request_header"]["User-Agent"] == ["Mozilla/5.0 (compatible; WinSync/1.4)"]
    (certificate,) = of_type(objects, "x509-certificate")
    assert certificate["serial_number"] == "7f3a9c"
    (mail,) = of_type(objects, "email-message")
    assert found[mail["from_ref"]]["value"] == "accounts@partner.example"


def test_techniques_refer_to_attack(example: tuple[Path, dict[str, Any]]) -> None:
    patterns = {each["name"]: each for each in of_type(bundle(example[1]), "attack-pattern")}

    assert patterns["Software Packing"]["external_references"] == [
        {
            "source_name": "mitre-attack",
            "external_id": "T1027.002",
            "url": "https://attack.mitre.org/techniques/T1027/002",
        }
    ]
    assert patterns["Software Packing"]["kill_chain_phases"] == [
        {"kill_chain_name": "mitre-attack", "phase_name": "defense-evasion"}
    ]


def test_the_ids_of_observables_are_those_of_the_specification() -> None:
    """Of the namespace that it gives in 2.9, and the canonical JSON of the contributing properties."""
    objects = bundle({"network": {"hosts": [{"ip": "198.51.100.3"}]}})
    expected = uuid5(UUID("00abedb4-aa42-466c-9c01-fed23315a9b7"), '{"value":"198.51.100.3"}')

    assert of_type(objects, "ipv4-addr")[0]["id"] == f"ipv4-addr--{expected}"


def test_no_time_and_no_id_depends_on_when_or_where_the_bundle_is_written(
    written_anywhere: Callable[[Callable[..., Any]], bytes],
) -> None:
    told = written_anywhere(bundle_chunks)

    assert len(checked_bundle(told)) > 100


def test_two_analyses_of_one_sample_share_its_observables_and_nothing_that_was_concluded() -> None:
    results = [
        {
            "info": {"id": number, "started": f"2026-01-0{number} 10:00:00"},
            "target": {"file": {"name": "a.exe", "sha256": SHA256}},
            "ttps": [{"ttp": "T1055", "name": "Process Injection"}],
            "malscore": 9,
        }
        for number in (1, 2)
    ]
    one, two = (by_id(bundle(each)) for each in results)

    shared = one.keys() & two.keys()
    assert {name.partition("--")[0] for name in shared} == {"file", "identity", "attack-pattern"}
    assert all(one[name] == two[name] for name in shared)


def test_a_harmless_sample_is_not_called_malware_and_gives_no_indicator() -> None:
    results = {
        "target": {"file": {"name": "a.exe", "sha256": SHA256}},
        "network": {"domains": [{"domain": "update.example"}]},
        "malscore": 3.9,
    }
    objects = bundle(results)

    assert of_type(objects, "malware") == of_type(objects, "indicator") == []
    assert of_type(objects, "malware-analysis")[0]["result"] == "unknown"
    assert len(of_type(bundle(results, Bounds(threshold=3.9)), "indicator")) == 2


def test_an_allow_listed_value_is_observed_and_gives_no_indicator(
    example: tuple[Path, dict[str, Any]],
) -> None:
    findings = gather(example[1], Bounds(), parse_allowed(["cdn.updates.example"]))
    objects = checked_bundle(b"".join(bundle_chunks(findings)))

    assert "cdn.updates.example" in {each["value"] for each in of_type(objects, "domain-name")}
    assert not [each for each in of_type(objects, "indicator") if "cdn.updates" in each["pattern"]]
    assert [each["content"] for each in of_type(objects, "note") if "leaves out" in each["abstract"]] == [
        "2 indicators on an allow-list"
    ]


def test_a_family_is_a_malware_of_its_own() -> None:
    objects = bundle({"detections": [{"family": "Emotet"}], "target": {"url": "http://bad.example/"}})
    sample, family = sorted(of_type(objects, "malware"), key=lambda each: bool(each["is_family"]))

    assert (family["name"], sample["name"]) == ("Emotet", "http://bad.example/")
    (relation,) = [
        each for each in of_type(objects, "relationship") if each["relationship_type"] == "variant-of"
    ]
    assert (relation["source_ref"], relation["target_ref"]) == (sample["id"], family["id"])


@pytest.mark.parametrize(("given_value", "marking"), [("green", "TLP:GREEN"), ("amber+strict", "TLP:RED")])
def test_the_marking_of_the_task_is_on_everything(given_value: str, marking: str) -> None:
    objects = bundle({"info": {"tlp": given_value}, "network": {"hosts": [{"ip": "198.51.100.3"}]}})
    (definition,) = of_type(objects, "marking-definition")

    assert definition["name"] == marking
    assert of_type(objects, "ipv4-addr")[0]["object_marking_refs"] == [definition["id"]]
    assert of_type(objects, "malware-analysis")[0]["object_marking_refs"] == [definition["id"]]


def test_an_analysis_of_nothing_is_a_bundle() -> None:
    assert {each["type"] for each in bundle({})} == {"identity", "malware-analysis"}


def test_a_missing_library_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stix2", None)

    with pytest.raises(CuckooDependencyError, match=r"pip install 'fledge\[stix\]'"):
        bundle({})
