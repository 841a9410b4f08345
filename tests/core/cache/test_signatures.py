"""What signatures said before: taken when neither they nor what they look at has changed."""

import time
from pathlib import Path
from typing import Any

import pytest

from fledge import Results
from lib.cuckoo.common.root import find_root
from lib.cuckoo.core.engine import Engine, Settings
from tests.working_root import WorkingRoot

SIGNATURE = """
from pathlib import Path
from lib.cuckoo.common.abstracts import Signature


class Says(Signature):
    name = "says"
    description = "Says what a section says"

    def run(self):
        extra = Path(self.analysis_path, "extra")
        self.data.append({"section": self.results["spoken"], "extra": extra.exists() and extra.read_text()})
        return True
"""


@pytest.fixture
def spoken(root: WorkingRoot) -> WorkingRoot:
    (root.path / "conf" / "fledge.conf").write_text("")
    folder = root.path / "modules" / "signatures"
    folder.mkdir()
    (folder / "says.py").write_text(SIGNATURE)
    (root.analysis / "binary").write_text("one")
    root.add_run("spoken", "from pathlib import Path; return Path(self.file_path).read_text()")
    processed(root)
    return root


def processed(root: WorkingRoot, **arguments: Any) -> Results:
    time.sleep(0.03)
    engine = Engine(root.analysis, Settings(find_root(root.path), cache=True, **arguments))
    engine.process()
    engine.match()
    return Results(engine.path, engine.results, engine.ledger)


def said(results: Results) -> Any:
    [match] = [match for match in results["signatures"] if match["name"] == "says"]
    return match["data"][0]["section"], match["data"][0]["extra"]


def is_taken(results: Results) -> bool:
    return bool(results["engine"]["signatures"].get("cached_from"))


def test_matches_and_score_are_taken_when_nothing_has_changed(spoken: WorkingRoot) -> None:
    results = processed(spoken)

    assert is_taken(results)
    assert said(results) == ("one", False)
    assert results["score"]["total"] == results["malscore"]
    assert results["engine"]["signatures"]["ran"] >= 1
    assert results["statistics"]["signatures"] == []


def test_another_section_is_looked_at(spoken: WorkingRoot) -> None:
    (spoken.analysis / "binary").write_text("two")

    results = processed(spoken)

    assert (is_taken(results), said(results)) == (False, ("two", False))


def test_a_file_that_a_signature_reads_counts(spoken: WorkingRoot) -> None:
    (spoken.analysis / "extra").write_text("a")
    assert said(processed(spoken)) == ("one", "a")
    assert is_taken(processed(spoken))

    (spoken.analysis / "extra").write_text("b")

    assert said(processed(spoken)) == ("one", "b")


def edit_signature(root: WorkingRoot) -> None:
    file = root.path / "modules" / "signatures" / "says.py"
    file.write_text(file.read_text() + "\n")


def add_overlay(root: WorkingRoot) -> None:
    (root.path / "conf" / "signatures.json").write_text('{"says": {"severity": 3}}')


def change_options(root: WorkingRoot) -> None:
    (root.path / "conf" / "fledge.conf").write_text("[signatures]\nstuck_seconds = 29\n")


def add_collection_file(root: WorkingRoot) -> None:
    (root.path / "modules" / "signatures" / "data.txt").write_text("x")


@pytest.mark.parametrize("change", [edit_signature, add_overlay, change_options, add_collection_file])
def test_other_signatures_or_settings_take_nothing(spoken: WorkingRoot, change: Any) -> None:
    change(spoken)

    assert not is_taken(processed(spoken))
    assert is_taken(processed(spoken))


def test_a_further_collection_takes_nothing(spoken: WorkingRoot, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()

    assert not is_taken(processed(spoken, signatures=[tmp_path / "more"]))


def test_nothing_is_kept_when_a_signature_failed(spoken: WorkingRoot) -> None:
    file = spoken.path / "modules" / "signatures" / "breaks.py"
    file.write_text(SIGNATURE.replace("return True", "raise RuntimeError").replace('"says"', '"breaks"'))
    assert len(processed(spoken).failures) == 1

    results = processed(spoken)

    assert (is_taken(results), len(results.failures)) == (False, 1)


def test_signatures_can_be_asked_to_run_again(spoken: WorkingRoot) -> None:
    results = processed(spoken, again={"signatures"})

    assert (is_taken(results), said(results)) == (False, ("one", False))


def test_a_section_whose_failure_is_new_counts(spoken: WorkingRoot) -> None:
    spoken.add_run("breaks", 'raise CuckooProcessingError("no")')

    assert not is_taken(processed(spoken))
