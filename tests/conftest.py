"""Fixtures for the whole suite."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import fledge  # noqa: F401 - binds lib.cuckoo before any test imports from it
from tests.working_root import WorkingRoot

# A busy machine is no failure; and where a change is judged, the same examples are tried each time.
settings.register_profile(
    "suite",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real cases; absent from a user's clone, required where CI=true."""
    if not SHARED_DATA.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the real test data is missing: {SHARED_DATA}")
        pytest.skip(f"the real test data lies outside the repository, at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def root(tmp_path: Path) -> WorkingRoot:
    """A working root with one empty analysis; the shipped modules are disabled in it."""
    return WorkingRoot(tmp_path / "root")
