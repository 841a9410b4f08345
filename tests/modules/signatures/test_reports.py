"""What our signatures say about whole analyses, from the reports of another engine."""

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.core.score import score
from lib.cuckoo.core.signatures.loading import load_signatures
from lib.cuckoo.core.signatures.selection import Setting, select
from lib.cuckoo.core.signatures.stage import StageResult, run_signatures

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "data" / "signatures" / "reports.json"


@cache
def stage_of(file: Path) -> StageResult:
    report = json.loads(gzip.decompress(file.read_bytes()))
    report["signatures"] = []
    found = load_signatures([ROOT / "modules" / "signatures"])
    return run_signatures(select(found.definitions, Setting("file", "windows")).chosen, report)


@pytest.fixture
def stages(shared_data: Path) -> dict[str, StageResult]:
    return {
        file.name[:8]: stage_of(file) for file in sorted((shared_data / "reports" / "cape").glob("*.json.gz"))
    }


def test_the_reports_give_what_was_reviewed(stages: dict[str, StageResult]) -> None:
    found: dict[str, Any] = {
        name: {
            "score": score(stage.matches)["total"],
            "signatures": [f"{match['severity']} {match['name']}" for match in stage.matches],
        }
        for name, stage in stages.items()
    }
    if os.environ.get("REFRESH"):
        GOLDEN.write_text(json.dumps(found, indent=2) + "\n")

    assert found == json.loads(GOLDEN.read_text()), f"see {GOLDEN.parent / 'README.md'}"


def test_no_signature_raises_on_a_real_report(stages: dict[str, StageResult]) -> None:
    assert [run.error for stage in stages.values() for run in stage.runs if run.error] == []


def test_every_marked_call_of_a_real_report_is_resolved(stages: dict[str, StageResult]) -> None:
    for stage in stages.values():
        for match in stage.matches:
            marks = {(entry["pid"], entry["cid"]) for entry in match["data"] if entry.get("type") == "call"}
            evidence = match["evidence"]
            assert len(evidence["calls"]) + evidence["omitted"] == len(marks)
