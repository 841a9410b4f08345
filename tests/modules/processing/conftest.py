"""What the tests of the shipped modules share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fledge.testing import Outcome, run_module
from tests.shape import assert_fits

MODULES = Path(__file__).resolve().parents[3] / "modules" / "processing"


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    folder = tmp_path / "analyses" / "7"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def answer() -> Callable[..., tuple[Any, list[str]]]:
    """Run a module that is to succeed; `answer("strings", folder, **options)` gives its section and its notes.

    The section is judged by the published schema.
    """

    def run(module: str, folder: Path, **options: Any) -> tuple[Any, list[str]]:
        results, ran = run_module(MODULES / f"{module}.py", folder, **options)
        assert ran.outcome is Outcome.COMPLETED, ran.error
        assert_fits({str(ran.key): results[str(ran.key)]})
        return results[str(ran.key)], list(ran.notes)

    return run


@pytest.fixture
def failure() -> Callable[..., str]:
    """Run a module that is to fail; `failure("strings", folder, **options)` gives the reason."""

    def run(module: str, folder: Path, **options: Any) -> str:
        results, ran = run_module(MODULES / f"{module}.py", folder, **options)
        assert ran.outcome is Outcome.FAILED, ran.error
        assert ran.key not in results
        return ran.reason

    return run
