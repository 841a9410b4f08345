import json
from pathlib import Path
from typing import Any

import pytest

import fledge
from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.core.ledger import Outcome
from lib.cuckoo.core.signatures.section import read_overlay

EXAMPLE = Path(__file__).resolve().parents[3] / "storage" / "analyses" / "1"
SIGNATURE = """
from lib.cuckoo.common.abstracts import Signature


class Drops(Signature):
    name = "drops"
    severity = 2
    ttps = ["T1105"]

    def run(self):
        return len(self.results["dropped"]) > 3
"""


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "collection"
    (folder / "linux").mkdir(parents=True)
    (folder / "drops.py").write_text(SIGNATURE)
    (folder / "linux" / "other.py").write_text(SIGNATURE.replace('"drops"', '"for_linux"'))
    (folder / "broken.py").write_text("def (")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "conf").mkdir(parents=True)
    return tmp_path / "root"


def processed(root: Path, collection: Path) -> fledge.Results:
    return fledge.process(EXAMPLE, root=root, signatures=[collection])


def match_named(results: fledge.Results, name: str) -> dict[str, Any] | None:
    return next((match for match in results["signatures"] if match["name"] == name), None)


def test_a_further_collection_runs_beside_the_shipped_one(root: Path, collection: Path) -> None:
    results = processed(root, collection)

    assert match_named(results, "drops")
    assert match_named(results, "ransom_note")
    assert results["malscore"] == results["score"]["total"]
    assert {"ttp": "T1105", "signature": "drops"}.items() <= next(
        each.items() for each in results["ttps"] if each["signature"] == "drops"
    )


def test_the_ledger_counts_and_names(root: Path, collection: Path) -> None:
    results = processed(root, collection)
    record = results["engine"]["signatures"]

    assert record["matched"] == len(results["signatures"])
    assert record["ran"] + len(record["left_out"]) == record["found"]
    (left_out,) = [each for each in record["left_out"] if each["name"] == "for_linux"]
    assert "linux" in left_out["reason"]
    (broken,) = [run for run in results.runs if run.module == "broken"]
    assert broken.outcome is Outcome.UNLOADABLE
    assert [(problem.file, problem.line) for problem in results.problems] == [
        (str(collection / "broken.py"), 1)
    ]
    assert len(results["statistics"]["signatures"]) == record["ran"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("signatures.json", '{"drops": {"severity": 3}, "ransom_note": {"enabled": false}}'),
        ("signatures.yaml", "drops: {severity: 3}\nransom_note: {enabled: no}\n"),
    ],
)
def test_an_overlay_overrides_attributes(root: Path, collection: Path, name: str, text: str) -> None:
    (root / "conf" / name).write_text(text)

    results = processed(root, collection)

    assert match_named(results, "drops")["severity"] == 3  # type: ignore[index]
    assert match_named(results, "ransom_note") is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("signatures.json", "{"),
        ("signatures.json", "[]"),
        ("signatures.yaml", "a: 1"),
        ("signatures.yaml", "{"),
    ],
)
def test_an_overlay_that_is_none_stops_the_start_with_its_path(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(CuckooStartupError, match=name):
        read_overlay(tmp_path)


def test_the_formula_of_the_score_can_be_replaced(root: Path, collection: Path) -> None:
    formula = root / "formula.py"
    formula.write_text(
        "def count(matches):\n"
        "    return {'total': float(len(list(matches))), 'formula': 'count', 'contributions': []}\n"
    )
    (root / "conf" / "fledge.conf").write_text(f"[signatures]\nformula = {formula}:count\n")

    results = processed(root, collection)

    assert results["malscore"] == len(results["signatures"])


def test_a_formula_that_raises_is_recorded_and_replaced(root: Path, collection: Path) -> None:
    formula = root / "formula.py"
    formula.write_text("def count(matches):\n    raise KeyError('x')\n")
    (root / "conf" / "fledge.conf").write_text(f"[signatures]\nformula = {formula}:count\n")

    results = processed(root, collection)

    assert results["score"]["formula"] == 1
    (run,) = [run for run in results.failures if run.module == "score"]
    assert (run.outcome, "KeyError: 'x'" in run.reason) == (Outcome.CRASHED, True)


@pytest.mark.parametrize("value", ["0", "-1", "yes", "soon"])
def test_a_bad_time_for_hanging_stops_the_start(root: Path, collection: Path, value: str) -> None:
    (root / "conf" / "fledge.conf").write_text(f"[signatures]\nstuck_seconds = {value}\n")

    with pytest.raises(CuckooStartupError, match="stuck_seconds"):
        processed(root, collection)


def test_the_stage_can_be_switched_off(root: Path, collection: Path) -> None:
    (root / "conf" / "fledge.conf").write_text("[signatures]\nenabled = no\n")

    assert "signatures" not in processed(root, collection)


def test_jobs_and_repetition_change_nothing(root: Path, collection: Path) -> None:
    def run(jobs: int) -> str:
        results = fledge.process(EXAMPLE, root=root, signatures=[collection], jobs=jobs, deterministic=True)
        kept = ("signatures", "score", "ttps", "statistics")
        return json.dumps({key: results[key] for key in kept})

    assert run(1) == run(1) == run(3)
