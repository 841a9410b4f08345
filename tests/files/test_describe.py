import sys
from typing import Any

import pytest

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooProcessingError
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.describe import READERS, Reader, describe_file


def test_a_kind_without_a_reader_is_only_named() -> None:
    assert describe_file(b"", "data", Budget(), lambda name, _: name) == {"kind": "data"}


@pytest.mark.parametrize(
    "error", [CuckooProcessingError("cut short"), CuckooDependencyError("pip install x")]
)
def test_an_error_of_a_reader_is_its_section(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> dict[str, object]:
        raise error

    monkeypatch.setitem(READERS, "odd", Reader("oddity", refuse))
    budget = Budget()

    answer = describe_file(b"", "odd", budget, lambda name, _: name)

    assert answer == {"kind": "odd", "oddity": {"error": str(error)}}
    assert budget.notes == [f"oddity: {error}"]


def test_a_fault_of_a_reader_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> dict[str, object]:
        raise ZeroDivisionError

    monkeypatch.setitem(READERS, "odd", Reader("oddity", fail))

    with pytest.raises(ZeroDivisionError):
        describe_file(b"", "odd", Budget(), lambda name, _: name)


def test_without_pefile_a_program_has_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pefile", None)

    answer: Any = describe_file(b"MZ", "pe", Budget(), lambda name, _: name)

    assert "pip install 'fledge[static]'" in answer["pe"]["error"]
