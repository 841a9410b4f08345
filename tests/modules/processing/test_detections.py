from pathlib import Path

from fledge.testing import run_module

DETECTIONS = Path("modules/processing/detections.py")


def test_families_of_the_sections_are_collected(analysis: Path) -> None:
    target = {"file": {"sha256": "aa", "yara": [{"name": "R", "meta": {"family": "Emotet"}}]}}

    results, _ = run_module(DETECTIONS, analysis, results={"target": target})

    assert results["detections"] == [{"family": "Emotet", "details": [{"Yara": "aa"}]}]


def test_without_families_the_section_is_empty(analysis: Path) -> None:
    assert run_module(DETECTIONS, analysis)[0]["detections"] == []
