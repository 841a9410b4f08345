"""Which scanner runs."""

import sys
from types import SimpleNamespace

import pytest

from lib.cuckoo.behavior import reader, reader_name


@pytest.mark.parametrize("interface", [None, reader.INTERFACE - 1, reader.INTERFACE + 1])
def test_a_scanner_built_from_other_sources_is_passed_over(
    interface: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = SimpleNamespace(NAME="cython", INTERFACE=interface)
    monkeypatch.setitem(sys.modules, "lib.cuckoo.behavior._scan", build)

    assert list(reader.available()) == ["python"]


def test_the_name_is_that_of_the_scanner_in_use(scanner: str) -> None:
    assert reader_name() == scanner


def test_the_twin_is_always_there() -> None:
    assert "python" in reader.available()
