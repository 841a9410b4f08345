from pathlib import Path

import pytest

from fledge.testing import Outcome, run_module
from lib.cuckoo.core.limits import Limits
from tests.working_root import WorkingRoot

EXAMPLE = Path(__file__).parent.parent / "modules" / "processing" / "_example.py"


def test_a_module_runs_with_options_and_the_folders_own_task(root: WorkingRoot) -> None:
    (root.analysis / "binary").write_bytes(b"aab")

    results, run = run_module(EXAMPLE, root.analysis, maximum=2)

    assert results == {"example": {"61": 2}}
    assert (run.outcome, run.error) == (Outcome.COMPLETED, "")


def test_a_failure_says_what_the_data_lacks(root: WorkingRoot) -> None:
    results, run = run_module(EXAMPLE, root.analysis, task={"category": "file"})

    assert run.outcome is Outcome.FAILED
    assert str(root.analysis / "binary") in run.error
    assert "example" not in results


def test_earlier_results_are_seen_and_those_given_stay_as_they_were(root: WorkingRoot) -> None:
    file = root.add_run("a", "self.results['given'].append(2); return 1", attributes="")
    given = {"given": [1]}

    results, _ = run_module(file, root.analysis, results=given)

    assert results == {"given": [1, 2], "a": 1}
    assert given == {"given": [1]}


def test_a_child_process_is_held_to_limits(root: WorkingRoot) -> None:
    file = root.add_run("a", "return bytearray(4 << 30)")

    _, run = run_module(file, root.analysis, in_process=False, limits=Limits(memory_mb=100))

    assert run.outcome is Outcome.OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("source", "words"), [("1 / 0", "ZeroDivisionError"), ("", "defines no class derived from Processing")]
)
def test_a_file_that_defines_no_module_is_a_lookup_error(root: WorkingRoot, source: str, words: str) -> None:
    with pytest.raises(LookupError, match=words):
        run_module(root.add("a", source), root.analysis)
