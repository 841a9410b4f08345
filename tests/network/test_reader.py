"""Which walk runs."""

import sys
from types import SimpleNamespace

import pytest

from lib.cuckoo.network import reader, reader_name


@pytest.mark.parametrize("interface", [None, reader.INTERFACE - 1, reader.INTERFACE + 1])
def test_a_walk_built_from_other_sources_is_passed_over(
    interface: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = SimpleNamespace(NAME="cython", INTERFACE=interface)
    monkeypatch.setitem(sys.modules, "lib.cuckoo.network._walk", build)

    assert list(reader.available()) == ["python"]


def test_the_name_is_that_of_the_walk_in_use() -> None:
    assert reader_name() == reader.active().NAME


def test_the_twin_is_always_there() -> None:
    assert "python" in reader.available()
