import sys
from pathlib import Path

import pytest

from fledge import Results
from lib.cuckoo.core.ledger import Outcome, Problem
from tests.working_root import WorkingRoot, run_of

TWO_CLASSES = """
    from dataclasses import dataclass
    from collections import OrderedDict
    from lib.cuckoo.common.abstracts import Processing, Report

    class Base(Processing):
        shared = 1

    class Zulu(Base):
        key = "zulu"
        def run(self):
            return [self.results.get("alpha")]

    class Alpha(Base):
        key = "alpha"
        def run(self):
            return Point(1).x

    Again = Alpha

    @dataclass
    class Point:
        x: int
"""


def the_problem(results: Results) -> Problem:
    [problem] = results.problems
    return problem


def test_order_then_file_name_then_class_name(root: WorkingRoot) -> None:
    root.add_run("c", "return 1", attributes="order = 1")
    root.add_run("b", "return 1", attributes="order = 2")
    root.add_run("a", "return 1", attributes="order = 2")
    root.add_run("z", "return 1", attributes="order = -5")
    root.add("two", TWO_CLASSES)

    ran = [(run.module, run.class_name) for run in root.process().runs if run.outcome is Outcome.COMPLETED]

    assert ran == [("z", "Z"), ("c", "C"), ("two", "Alpha"), ("two", "Zulu"), ("a", "A"), ("b", "B")]


def test_several_classes_of_a_file_run_each_once_and_dataclasses_work(root: WorkingRoot) -> None:
    root.add("two", TWO_CLASSES)

    results = root.process()

    assert (results["alpha"], results["zulu"]) == (1, [1])
    assert results.problems == ()


def test_imported_classes_do_not_count(root: WorkingRoot) -> None:
    file = root.add("imports", "from lib.cuckoo.common.abstracts import Processing\nX = Processing\n")

    results = root.process()

    assert run_of(results, "imports").outcome is Outcome.UNLOADABLE
    assert the_problem(results).message == "imports.py defines no class derived from Processing"
    assert the_problem(results).file == str(file)


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("import os\n1 / 0\n", 2, "ZeroDivisionError: division by zero"),
        ("x = 1\n\ndef broken(:\n", 3, "SyntaxError"),
        ("import sys\nsys.exit(4)\n", 2, "SystemExit: 4"),
        ("\n\nfrom lib.cuckoo.common.abstracts import Nothing\n", 3, "ImportError"),
        ("x = '\0'", 0, "source code"),
        ("class Hidden(BaseException): pass\nraise Hidden\n", 2, "Hidden"),
    ],
)
def test_a_file_that_cannot_be_imported_is_told_once_with_its_line(
    root: WorkingRoot, source: str, line: int, words: str
) -> None:
    file = root.add("broken", source)
    root.add_run("good", "return 1")
    before = set(sys.modules)

    results = root.process()

    assert run_of(results, "broken").outcome is Outcome.UNLOADABLE
    assert words in run_of(results, "broken").reason
    assert (the_problem(results).file, the_problem(results).line) == (str(file), line)
    assert results["good"] == 1
    assert not any("broken" in name for name in set(sys.modules) - before)


def test_a_missing_package_at_import_makes_a_file_unavailable(root: WorkingRoot) -> None:
    root.add("needs", "import no_such_package_x.inner\n")

    run = run_of(root.process(), "needs")

    assert run.outcome is Outcome.UNAVAILABLE
    assert "pip install no_such_package_x" in run.reason


@pytest.mark.parametrize("kind", ["folder", "dangling link"])
def test_what_is_no_file_is_told_and_stops_nothing(root: WorkingRoot, kind: str) -> None:
    place = root.modules / "odd.py"
    place.mkdir() if kind == "folder" else place.symlink_to("nowhere")
    root.configure("odd", "enabled = yes")
    root.add_run("good", "return 1")

    results = root.process()

    assert run_of(results, "odd").outcome is Outcome.UNLOADABLE
    assert results["good"] == 1


def test_a_file_without_a_section_is_told_once(root: WorkingRoot) -> None:
    file = root.add("alone", "raise RuntimeError('must not be imported')", section=None)

    results = root.process()

    assert run_of(results, "alone").outcome is Outcome.UNCONFIGURED
    assert the_problem(results).kind == "file without a section"
    assert the_problem(results).file == str(file)
    assert f"no section [alone] in {root.configuration}" in the_problem(results).message
    assert results.failures == ()


def test_a_section_without_a_file_is_told_once(root: WorkingRoot) -> None:
    line = root.configure("ghost", "enabled = yes")

    problem = the_problem(root.process())

    assert (problem.kind, problem.file, problem.line) == (
        "section without a file",
        str(root.configuration),
        line,
    )


def test_an_option_nobody_knows_is_told_once_with_its_line(root: WorkingRoot) -> None:
    line = root.configuration.read_text().count("\n") + 1
    body = "return [self.options.known, self.options['typed']]"
    root.add_run("a", body, "enabled = yes\nknown = 1\nunkown = 2\ntyped = no\nplatform =")

    results = root.process()

    assert the_problem(results).line == line + 3
    assert the_problem(results).message == "[a] unkown: a.py knows no such option"
    assert results["a"] == [1, False]


@pytest.mark.parametrize(
    ("platform", "outcome"),
    [("windows", Outcome.COMPLETED), ("Linux", Outcome.DISABLED), ("", Outcome.COMPLETED)],
)
def test_platform_limits_a_module(root: WorkingRoot, platform: str, outcome: Outcome) -> None:
    root.add_run("a", "return 1", "enabled = yes\nplatform = windows")

    results = root.process(task={"category": "file", "platform": platform})

    assert run_of(results, "a").outcome is outcome


def test_a_disabled_file_is_not_even_imported(root: WorkingRoot) -> None:
    root.add("bad", "raise RuntimeError", "enabled = no")

    results = root.process()

    assert run_of(results, "bad").outcome is Outcome.DISABLED
    assert f"[bad] in {root.configuration}:" in run_of(results, "bad").reason
    assert results.problems == ()


def test_a_later_folder_replaces_a_file_of_the_same_name(root: WorkingRoot, tmp_path: Path) -> None:
    first = root.add_run("a", "return 'first'")
    (tmp_path / "more").mkdir()
    second = tmp_path / "more" / "a.py"
    second.write_text(first.read_text().replace("'first'", "'the second'"))

    results = root.process(modules=[tmp_path / "more"])

    assert results["a"] == "the second"
    [left] = [run for run in results.runs if run.file == str(first)]
    assert (left.outcome, left.reason) == (Outcome.DISABLED, f"replaced by {second}")


@pytest.mark.parametrize(
    ("attributes", "words"),
    [("order = 'soon'", "`order` must be a whole number, not 'soon'"), ("order = None", "whole number")],
)
def test_a_class_that_breaks_the_contract_is_told_when_loaded(
    root: WorkingRoot, attributes: str, words: str
) -> None:
    file = root.add_run("a", "return 1", attributes=attributes)

    results = root.process()

    assert run_of(results, "a").outcome is Outcome.UNLOADABLE
    assert words in the_problem(results).message
    assert (the_problem(results).file, the_problem(results).line) == (str(file), 7)


def test_a_class_without_run_is_told(root: WorkingRoot) -> None:
    source = "from lib.cuckoo.common.abstracts import Processing\nclass A(Processing):\n    key = 'a'\n"
    root.add("a", source)

    assert "defines no run()" in the_problem(root.process()).message


def test_a_switch_that_is_neither_yes_nor_no_is_told_and_does_not_run(root: WorkingRoot) -> None:
    root.add_run("a", "return 1", "enabled = nope")

    results = root.process()

    assert run_of(results, "a").outcome is Outcome.DISABLED
    (problem,) = results.problems
    assert (problem.kind, problem.file) == ("bad option", str(root.configuration))
    assert "neither yes nor no" in problem.message
    assert root.configuration.read_text().splitlines()[problem.line - 1] == "enabled = nope"
