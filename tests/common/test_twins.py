"""Which of two twins runs."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib.cuckoo import behavior, network
from lib.cuckoo.common.twins import preferred, twins

ROOT = Path(__file__).resolve().parents[2]
PURE, BUILD = SimpleNamespace(NAME="python"), SimpleNamespace(NAME="cython", INTERFACE=3)
TELL = "import fledge; from lib.cuckoo import behavior, network; print(behavior.reader_name(), network.reader_name())"


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What stands in the place of a compiled module."""
    build = SimpleNamespace(**vars(BUILD))
    monkeypatch.setitem(sys.modules, "built_for_a_test", build)
    return build


def test_the_compiled_one_comes_first(build: SimpleNamespace) -> None:
    assert list(twins(PURE, "built_for_a_test", 3).items()) == [("cython", build), ("python", PURE)]


@pytest.mark.parametrize("interface", [None, 2, 4])
def test_one_that_was_built_from_other_sources_is_passed_over(
    build: SimpleNamespace, interface: int | None
) -> None:
    build.INTERFACE = interface

    assert twins(PURE, "built_for_a_test", 3) == {"python": PURE}


def test_where_none_was_built_there_is_one_in_python() -> None:
    assert twins(PURE, "never_built", 3) == {"python": PURE}


@pytest.mark.parametrize(("asked", "first"), [(None, BUILD), ("", BUILD), ("0", BUILD), ("1", PURE)])
def test_the_environment_may_ask_for_python(
    asked: str | None, first: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLEDGE_PURE", raising=False)
    if asked is not None:
        monkeypatch.setenv("FLEDGE_PURE", asked)

    assert preferred({"cython": BUILD, "python": PURE}) is first
    assert preferred({"python": PURE}) is PURE


@pytest.mark.parametrize("asked", ["0", "1"])
def test_the_environment_means_all_that_is_written_twice(asked: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", TELL],
        check=True,
        env=os.environ | {"FLEDGE_PURE": asked},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    names = [next(iter(each.reader.available())) for each in (behavior, network)]
    assert (told.stdout.split(), told.stderr) == (names if asked == "0" else ["python"] * 2, "")
