import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.reporting.iocs.allowed import NOTHING, Allowed, parse_allowed
from lib.cuckoo.reporting.misp.event import event_chunks
from lib.cuckoo.reporting.sharing.gather import gather
from lib.cuckoo.reporting.sharing.records import Bounds
from tests.reporting.validators import checked_event, flagged, values

SHA256, MD5 = "ab" * 32, "cd" * 16


def event(
    results: dict[str, Any], folder: Path, bounds: Bounds | None = None, allowed: Allowed = NOTHING
) -> Any:
    return checked_event(b"".join(event_chunks(gather(results, bounds or Bounds(), allowed))), folder)


def test_the_example_is_told_by_objects(example: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    found = event(example[1], tmp_path)

    assert found.info == "fledge: Invoice_0417.exe"
    assert str(found.date) == "2026-03-17"
    assert (int(found.distribution), int(found.analysis), int(found.threat_level_id)) == (0, 2, 1)
    assert found.published is False
    assert "Invoice_0417.exe" in values(found, "file", "filename")
    assert values(found, "process", "name") == ["Invoice_0417.exe", "winsync.exe", "explorer.exe"]
    assert "panel.invoice-portal.test" in values(found, "domain-ip", "domain")
    assert "http://gate.invoice-portal.test/gate.php" in values(found, "http-request", "url")
    assert "IRC" in values(found, "network-connection", "layer7-protocol")
    assert values(found, "mutex", "name") == ["Local\\inv-7f3a9c", "Global\\WinSync-1"]
    assert values(found, "registry-key", "key")[0].endswith("\\Run\\WinSync")
    assert values(found, "x509", "serial-number") == ["7f3a9c"]
    assert values(found, "email", "from") == ["accounts@partner.example"]
    assert values(found, "sandbox-report", "score") == ["9.9"]
    assert values(found, "malware-analysis", "result") == ["malicious"]


def test_signatures_have_their_techniques_as_tags_of_the_galaxy(
    example: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    found = event(example[1], tmp_path)
    tag = 'misp-galaxy:mitre-attack-pattern="Process Hollowing - T1055.012"'
    (signature,) = [
        attribute
        for made in found.get_objects_by_name("sb-signature")
        for attribute in made.get_attributes_by_relation("signature")
        if attribute.value == "injection_process_hollowing"
    ]

    assert tag in {each.name for each in found.tags}
    assert tag in {each.name for each in signature.tags}
    assert signature.comment == "Replaces the program in a process that it created suspended"


def test_what_is_worth_looking_for_is_flagged_and_nothing_else(
    example: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    wanted = flagged(event(example[1], tmp_path))

    assert {"gate.invoice-portal.test", "198.51.100.23", "Local\\inv-7f3a9c"} <= wanted
    assert {"accounts@partner.example", "http://cdn.updates.example/pkg/stage2.bin"} <= wanted
    assert {"29ee4598bc5c935b5186542fe30652eb", "bc1ae3c98aee3088e0137ea9f7297f3bb83b3668"} <= wanted
    assert not wanted & {"office@partner.example", "192.168.56.101", "192.168.56.1", "explorer.exe"}


def test_an_allow_listed_value_is_told_and_not_flagged(
    example: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    sample = example[1]["target"]["file"]
    found = event(example[1], tmp_path, allowed=parse_allowed(["cdn.updates.example", sample["sha256"]]))

    assert "cdn.updates.example" in values(found, "domain-ip", "domain")
    assert sample["md5"] in values(found, "file", "md5")
    assert not flagged(found) & {"cdn.updates.example", sample["md5"], sample["sha256"]}
    assert "3 indicators on an allow-list" in values(found, "annotation", "text")[0]


def test_nothing_of_a_harmless_sample_is_flagged(tmp_path: Path) -> None:
    results = {
        "target": {"file": {"name": "a.exe", "sha256": SHA256, "md5": MD5}},
        "network": {"domains": [{"domain": "update.example"}]},
        "malscore": 3.9,
    }

    assert flagged(event(results, tmp_path)) == set()
    assert flagged(event(results, tmp_path, Bounds(threshold=3.9))) == {SHA256, MD5, "update.example"}
    assert values(event(results, tmp_path), "file", "state") == []


def test_an_indicator_that_stands_in_no_object_is_an_attribute_of_the_event(tmp_path: Path) -> None:
    results = {"malscore": 9, "CAPE": {"configs": [{"c2": ["http://c2.example/x"], "mutex": "held"}]}}
    found = event(results, tmp_path)

    assert [(each.type, each.value, each.to_ids) for each in found.attributes] == [
        ("domain", "c2.example", True),
        ("url", "http://c2.example/x", True),
        ("mutex", "held", True),
    ]
    assert found.attributes[0].comment == "seen in: CAPE.configs"


def test_objects_refer_to_each_other(example: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    found = event(example[1], tmp_path)
    (sample,) = [made for made in found.get_objects_by_name("file") if made.comment == "sample"]
    processes = found.get_objects_by_name("process")

    assert [each.relationship_type for each in sample.references] == ["drops"] * 6 + ["related-to"]
    assert [made.references[0].referenced_uuid for made in processes[1:]] == [
        processes[0].uuid,
        processes[1].uuid,
    ]


def test_no_time_and_no_id_depends_on_when_or_where_the_event_is_written(
    written_anywhere: Callable[[Callable[..., Any]], bytes],
) -> None:
    told = written_anywhere(event_chunks)

    assert set(re.findall(rb'"timestamp": "(\d+)"', told)) == {b"1773738845"}
    assert told.count(b'"timestamp": ') == told.count(b'"uuid": ')


def test_a_quotation_mark_does_not_end_the_value_of_a_tag(tmp_path: Path) -> None:
    found = event({"ttps": [{"ttp": "T1055", "name": 'a" b'}, {"ttp": "T1056"}]}, tmp_path)

    assert [each.name for each in found.tags] == [
        'misp-galaxy:mitre-attack-pattern="a b - T1055"',
        'misp-galaxy:mitre-attack-pattern="T1056"',
    ]


def test_the_marking_of_the_task_is_a_tag(tmp_path: Path) -> None:
    found = event({"info": {"tlp": "amber"}}, tmp_path)

    assert [each.name for each in found.tags] == ["tlp:amber"]


def test_an_analysis_of_nothing_is_an_event(tmp_path: Path) -> None:
    found = event({}, tmp_path)

    assert [made.name for made in found.objects] == ["sandbox-report", "malware-analysis"]
    assert found.info == "fledge: analysis"
    assert int(found.threat_level_id) == 4


def test_a_missing_library_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymisp", None)

    with pytest.raises(CuckooDependencyError, match=r"pip install 'fledge\[misp\]'"):
        list(event_chunks(gather({}, Bounds())))
