"""Fixtures for the whole suite."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import fledge  # noqa: F401 - binds lib.cuckoo before any test imports from it
from tests.shape import assert_fits, own_reports
from tests.working_root import WorkingRoot

# A busy machine is no failure; and where a change is judged, the same examples are tried each time.
settings.register_profile(
    "suite",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real cases; absent from a user's clone, required where CI=true."""
    if not SHARED_DATA.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the real test data is missing: {SHARED_DATA}")
        pytest.skip(f"the real test data lies outside the repository, at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def _reports_fit_the_schema(request: pytest.FixtureRequest) -> Iterator[None]:
    """Judge every report of ours that a test leaves in its folder by the published schema."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    for report in own_reports(folder) if folder is not None else ():
        assert_fits(report)


@pytest.fixture
def root(tmp_path: Path) -> WorkingRoot:
    """A working root with one empty analysis; the shipped modules are disabled in it."""
    return WorkingRoot(tmp_path / "root")
