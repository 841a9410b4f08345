"""Runs that are asked for some of the modules."""

import pytest

from fledge import Results
from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.core.ledger import Outcome
from tests.working_root import WorkingRoot, run_of


@pytest.fixture
def three(root: WorkingRoot) -> WorkingRoot:
    for name in ("first", "second", "third"):
        root.add_run(name, f'return "{name}"')
    return root


def processed(root: WorkingRoot, **choice: list[str]) -> Results:
    return root.process(**choice)


def test_only_the_named_modules_run(three: WorkingRoot) -> None:
    results = processed(three, only=["second"])

    assert {"first", "second", "third"} & set(results) == {"second"}
    assert run_of(results, "first").outcome is Outcome.DISABLED
    assert run_of(results, "first").reason == "left out by --only"


def test_skipped_modules_do_not_run(three: WorkingRoot) -> None:
    results = processed(three, skip=["second"])

    assert {"first", "second", "third"} & set(results) == {"first", "third"}
    assert run_of(results, "second").reason == "left out by --skip"
    assert not results.failures


def test_naming_a_report_leaves_the_processing_modules_alone(three: WorkingRoot) -> None:
    results = processed(three, only=["jsondump"])

    assert {"first", "second", "third"} <= set(results)


@pytest.mark.parametrize("option", ["only", "skip"])
def test_an_unknown_name_is_an_error_that_tells_the_known_ones(three: WorkingRoot, option: str) -> None:
    with pytest.raises(CuckooStartupError, match=r"no module 'secnod'.*first.*jsondump.*second, third"):
        processed(three, **{option: ["first", "secnod"]})


def test_only_a_module_that_cannot_run_is_an_error_that_tells_why(three: WorkingRoot) -> None:
    three.add_run("fourth", "return 4", section="enabled = no")

    with pytest.raises(CuckooStartupError, match=r"fourth cannot run: not enabled by \[fourth\]"):
        processed(three, only=["fourth"])


def test_to_skip_a_module_that_would_not_run_is_no_error(three: WorkingRoot) -> None:
    three.add_run("fourth", "return 4", section="enabled = no")

    assert not processed(three, skip=["fourth"]).failures
