"""The classic way to drive the engine, as far as signatures go."""

from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.core.plugins import RunSignatures, list_plugins

OWN = """
from lib.cuckoo.common.abstracts import Signature

class Own(Signature):
    name = "own"
    severity = 3
    ttps = ["T1055"]

    def run(self):
        return self.check_mutex("wanted")
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "conf").mkdir()
    (tmp_path / "modules" / "signatures").mkdir(parents=True)
    (tmp_path / "modules" / "signatures" / "own.py").write_text(OWN)
    (tmp_path / "storage" / "analyses" / "7").mkdir(parents=True)
    monkeypatch.setenv("FLEDGE_ROOT", str(tmp_path))
    return tmp_path


def test_signatures_fill_the_results_that_are_handed_over() -> None:
    results: dict[str, Any] = {"behavior": {"summary": {"mutexes": ["wanted"]}}}
    matches = RunSignatures(task={"id": 7, "category": "file"}, results=results).run()

    assert [match["name"] for match in matches] == ["own"]
    assert results["signatures"] == matches
    assert results["malscore"] == results["score"]["total"] == 5.5
    assert [entry["name"] for entry in results["ttps"]] == ["Process Injection"]


def test_signatures_that_find_nothing_give_nothing() -> None:
    assert RunSignatures(task={"id": 7}, results={}).run() == []


def test_signatures_are_listed_with_the_other_plugins() -> None:
    listed = list_plugins("signatures")["signatures"]

    assert all(issubclass(cls, Signature) for cls in listed)
    assert "Own" in {cls.__name__ for cls in listed}
    assert set(list_plugins()) == {"processing", "signatures", "reporting"}
