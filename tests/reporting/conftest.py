"""Processed analyses and a browser, for the tests of reports."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fledge
from tools.browser import PACKAGES, browser, install

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "storage" / "analyses" / "1"

Processed = Callable[[Path], tuple[Path, dict[str, Any]]]


@pytest.fixture(scope="session")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Processed:
    """Process a copy of an analysis, once; returns the copy and its sections."""
    done: dict[Path, tuple[Path, dict[str, Any]]] = {}

    def process(source: Path) -> tuple[Path, dict[str, Any]]:
        if source not in done:
            copy = tmp_path_factory.mktemp("analysis") / source.name
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("reports"))
            done[source] = copy, dict(fledge.process(copy, root=ROOT, reports=True))
        return done[source]

    return process


@pytest.fixture(scope="session")
def example(processed: Processed) -> tuple[Path, dict[str, Any]]:
    """The example analysis, processed."""
    return processed(EXAMPLE)


@pytest.fixture(scope="session")
def chromium() -> Iterator["WebDriver"]:
    """A headless Chromium; installed from Debian's packages where that is possible, required where CI=true."""
    if not install():
        wanted = f"the report is opened in a browser, which is missing: apt-get install {' '.join(PACKAGES)}"
        if os.environ.get("CI") == "true":
            pytest.fail(wanted)
        pytest.skip(wanted)
    with browser() as driver:
        yield driver
