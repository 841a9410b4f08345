from pathlib import Path

import pytest

from lib.cuckoo.core.ledger import Outcome
from lib.cuckoo.core.signatures.loading import Loading, load_signatures
from lib.cuckoo.core.signatures.selection import Setting, select
from lib.cuckoo.core.signatures.stage import run_signatures
from lib.cuckoo.core.signatures.trial import call, definitions_in, run_signature

GOOD = """
from lib.cuckoo.common.abstracts import Signature

class {name}(Signature):
    name = "{name}"

    def run(self):
        return True
"""


def write(folder: Path, place: str, text: str = "", **names: str) -> None:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text or GOOD.format(**names))


def found(loading: Loading) -> dict[str, str]:
    return {definition.name: definition.platform for definition in loading.definitions}


def test_the_first_folder_says_the_platform(tmp_path: Path) -> None:
    for place in ("windows/a.py", "linux/deep/b.py", "all/c.py", "d.py", "other/e.py", "Windows/f.py"):
        write(tmp_path, place, name=Path(place).stem)

    assert found(load_signatures([tmp_path])) == {
        "a": "windows",
        "b": "linux",
        "c": "",
        "d": "",
        "e": "",
        "f": "windows",
    }


def test_a_checkout_of_a_collection_is_read_where_its_signatures_are(tmp_path: Path) -> None:
    write(tmp_path, "modules/signatures/windows/a.py", name="a")
    write(tmp_path, "modules/processing/b.py", "raise SystemExit('not a signature')")

    loading = load_signatures([tmp_path])
    assert found(loading) == {"a": "windows"}
    assert loading.runs == []


def test_private_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    for place in ("_a.py", ".b.py", "_c/d.py", ".git/e.py", "__pycache__/f.py", "g.txt"):
        write(tmp_path, place, "raise AssertionError")

    assert load_signatures([tmp_path]) == Loading()


def test_broken_files_are_one_line_each_beside_the_good(tmp_path: Path) -> None:
    write(tmp_path, "good.py", name="good")
    write(tmp_path, "syntax.py", "def f(:\n")
    write(tmp_path, "raises.py", "\n\nraise ValueError('at import')\n")
    write(tmp_path, "exits.py", "raise SystemExit(3)\n")
    write(tmp_path, "missing.py", "import a_package_that_is_not_there\n")
    write(tmp_path, "nothing.py", "x = 1\n")
    write(tmp_path, "half.py", GOOD.format(name="half").replace("def run", "def walk"))
    loading = load_signatures([tmp_path])

    assert set(found(loading)) == {"good"}
    assert {run.module: run.outcome for run in loading.runs} == {
        "exits": Outcome.UNLOADABLE,
        "half": Outcome.UNLOADABLE,
        "missing": Outcome.UNAVAILABLE,
        "nothing": Outcome.UNLOADABLE,
        "raises": Outcome.UNLOADABLE,
        "syntax": Outcome.UNLOADABLE,
    }
    lines = {Path(problem.file).stem: problem.line for problem in loading.problems}
    assert lines == {"exits": 1, "half": 4, "missing": 1, "raises": 3, "syntax": 1}


def test_only_classes_of_the_file_itself_count(tmp_path: Path) -> None:
    text = """
from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.common.patterns import SummaryPatterns

class Base(Signature):
    def run(self):
        return True

class One(Base):
    name = "one"

class Two(Base):
    name = "two"

class Nameless(Signature):
    def run(self):
        return True
"""
    write(tmp_path, "family.py", text)

    assert set(found(load_signatures([tmp_path]))) == {"one", "two", "Nameless"}


def test_a_later_collection_replaces_an_earlier_one(tmp_path: Path) -> None:
    write(tmp_path, "shipped/windows/a.py", name="a")
    write(tmp_path, "mine/a.py", name="a")
    loading = load_signatures([tmp_path / "shipped", tmp_path / "mine", tmp_path / "mine"])
    (chosen,) = select(loading.definitions, Setting()).chosen

    assert chosen.file == str(tmp_path / "mine" / "a.py")


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert load_signatures([tmp_path / "nowhere"]) == Loading()


def test_a_file_of_the_field_runs_as_it_is(tmp_path: Path) -> None:
    text = """
# -*- coding: utf-8 -*-
from __future__ import absolute_import
try:
    import re2 as re
except ImportError:
    import re
from lib.cuckoo.common.abstracts import Signature


class Evented(Signature):
    name = "field_evented"
    description = "Written for the contract long ago"
    severity = 2
    categories = ["test"]
    authors = ["somebody"]
    minimum = "1.2"
    evented = True
    filter_apinames = set(["NtCreateFile"])

    def __init__(self, *args, **kwargs):
        Signature.__init__(self, *args, **kwargs)
        self.names = []

    def on_call(self, call, process):
        name = self.get_argument(call, "FileName")
        if name and re.match("c:", name, re.I):
            self.names.append(name)
            self.mark_call()

    def on_complete(self):
        if len(self.names) > 1:
            self.data.append({"names": self.names})
            return True
        return False
"""
    write(tmp_path, "field.py", text)
    stage = run_signature(
        tmp_path / "field.py", calls=[call("NtCreateFile", FileName=name) for name in ("c:a", "C:b")]
    )

    assert stage.matches[0]["data"][-1] == {"names": ["c:a", "C:b"]}


def test_trying_a_file_without_signatures_says_why(tmp_path: Path) -> None:
    write(tmp_path, "empty.py", "x = 1\n")
    write(tmp_path, "good.py", name="good")

    with pytest.raises(LookupError, match=r"empty\.py defines no signature"):
        run_signature(tmp_path / "empty.py")
    with pytest.raises(LookupError, match="defines no signature 'bad'"):
        definitions_in(tmp_path / "good.py", "bad")
    with pytest.raises(LookupError, match="cannot be imported"):
        run_signature(tmp_path / "nowhere.py")


def test_made_calls_stand_before_those_of_the_results(tmp_path: Path) -> None:
    text = GOOD.format(name="who").replace("return True", "return self.get_pids() == [1000, 7]")
    write(tmp_path, "who.py", text)
    given = {"behavior": {"processes": [{"process_id": 7}]}}

    assert run_signature(tmp_path / "who.py", calls=[call("NtClose")], results=given).matches
    assert not run_signature(tmp_path / "who.py", results=given).matches


def test_a_folder_of_good_and_bad_gives_all_that_is_good(tmp_path: Path) -> None:
    write(tmp_path, "good.py", name="good")
    write(tmp_path, "crash.py", GOOD.format(name="crash").replace("return True", "raise ValueError"))
    write(tmp_path, "broken.py", "class")
    loading = load_signatures([tmp_path])
    stage = run_signatures(select(loading.definitions, Setting()).chosen, {})

    assert [match["name"] for match in stage.matches] == ["good"]
    assert [run.name for run in stage.runs if run.error] == ["crash"]
    assert [run.module for run in loading.runs] == ["broken"]
