"""What the tests of look-ups share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reputation.loopback import Loopback, loopback


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Loopback]:
    """A reputation service that knows nothing yet."""
    with loopback(tmp_path / "service") as running:
        yield running
