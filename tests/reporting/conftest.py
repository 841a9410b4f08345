"""Processed analyses, what is written of one elsewhere, and a browser, for the tests of reports."""

import os
import shutil
import subprocess
import sys
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

WRITE = """
import sys, json, fledge
from lib.cuckoo.reporting.sharing.gather import gather
from lib.cuckoo.reporting.sharing.records import Bounds
from {module} import {name} as chunks
sys.stdout.buffer.write(b"".join(chunks(gather(json.load(open(sys.argv[1])), Bounds()))))
"""

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


@pytest.fixture
def written_anywhere(example: tuple[Path, dict[str, Any]]) -> Callable[[Callable[..., Any]], bytes]:
    """Have a function say what the example has to share, in two places that hash and tell the time differently."""

    def written(chunks: Callable[..., Any]) -> bytes:
        source = WRITE.format(module=chunks.__module__, name=chunks.__name__)
        first, second = (
            subprocess.run(
                [sys.executable, "-c", source, str(example[0] / "reports" / "report.json")],
                check=True,
                capture_output=True,
                cwd=ROOT,
                env=os.environ | {"PYTHONHASHSEED": seed, "TZ": zone},
            ).stdout
            for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
        )
        assert first == second
        return first

    return written


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
