"""Parts of a module's work with lines of their own in the ledger."""

from typing import Any

import pytest

from lib.cuckoo.core.ledger import Outcome
from tests.working_root import WorkingRoot, run_of

TWO_PARTS = """
self.unit("first", seconds=1.5, notes=["5 rows more"])
self.unit("second", "TIMED_OUT", "ended after 3 s", traceback="where")
return {"first": []}
"""


def test_each_unit_has_a_line_in_the_ledger_before_that_of_its_module(root: WorkingRoot) -> None:
    root.add_run("parts", TWO_PARTS)

    results = root.process()

    assert [run.module for run in results.runs[:3]] == ["parts.first", "parts.second", "parts"]
    first, second = run_of(results, "parts.first"), run_of(results, "parts.second")
    assert (first.outcome, first.wall_seconds, first.notes) == (Outcome.COMPLETED, 1.5, ("5 rows more",))
    assert (second.outcome, second.reason) == (Outcome.TIMED_OUT, "ended after 3 s")
    assert second.error == "ended after 3 s\nwhere"
    assert (second.key, second.class_name) == ("parts", None)


def test_a_unit_that_failed_counts_as_a_failure_and_costs_nothing_else(root: WorkingRoot) -> None:
    root.add_run("parts", TWO_PARTS)

    results = root.process()

    assert results["parts"] == {"first": []}
    assert run_of(results, "parts").outcome is Outcome.COMPLETED
    assert [run.module for run in results.runs if run.outcome.is_failure] == ["parts.second"]


def test_the_times_of_units_do_not_differ_in_deterministic_results(root: WorkingRoot) -> None:
    root.add_run("parts", TWO_PARTS)

    assert run_of(root.process(deterministic=True), "parts.first").wall_seconds == 0.0


def test_units_are_shown_in_the_engine_section_but_not_among_the_times_of_modules(root: WorkingRoot) -> None:
    root.add_run("parts", TWO_PARTS)

    results = root.process()

    records = {record["module"]: record for record in results["engine"]["modules"]}
    assert records["parts.second"]["outcome"] == "TIMED_OUT"
    assert "units" not in records["parts"]
    assert [each["name"] for each in results["statistics"]["processing"]] == ["Parts"]


@pytest.mark.parametrize(
    "forged",
    [
        "5",
        "[5]",
        '[{"name": "x"}]',
        '[{"name": 1, "outcome": "COMPLETED", "reason": "", "seconds": 1.0, "notes": [], "traceback": ""}]',
        '[{"name": "x", "outcome": "FINE", "reason": "", "seconds": 1.0, "notes": [], "traceback": ""}]',
        '[{"name": "x", "outcome": "COMPLETED", "reason": "", "seconds": "1", "notes": [], "traceback": ""}]',
    ],
)
def test_a_module_that_uses_the_name_for_something_else_keeps_its_answer(
    root: WorkingRoot, forged: str
) -> None:
    root.add_run("odd", f"self.units = {forged}\nreturn 1")

    results = root.process()

    assert results["odd"] == 1
    assert [run.module for run in results.runs if run.module.startswith("odd")] == ["odd"]


def test_what_a_unit_says_is_cut_to_size(root: WorkingRoot) -> None:
    body = 'self.unit("n" * 1000, reason="r" * 100_000, seconds=float("inf"), notes=["t"] * 1000 + [5])\nreturn 1'
    root.add_run("long", body)

    results: Any = root.process()

    (unit,) = [run for run in results.runs if run.module.startswith("long.")]
    assert (len(unit.module), len(unit.reason), len(unit.notes)) == (105, 20_000, 100)
    assert unit.wall_seconds == 0.0
