from itertools import count

import pytest

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget


@pytest.mark.parametrize(("entries", "notes"), [(3, []), (2, ["there are more than 2 things"])])
def test_a_list_is_cut_and_noted(entries: int, notes: list[str]) -> None:
    budget = Budget(entries=entries)

    assert budget.take("things", [0, 1, 2]) == [0, 1, 2][:entries]
    assert budget.notes == notes


def test_a_list_without_end_is_cut() -> None:
    assert Budget(entries=2).take("numbers", count()) == [0, 1]


@pytest.mark.parametrize(("text", "notes"), [(3, []), (2, ["a macro has 3 characters, 2 are kept"])])
def test_a_text_is_cut_and_noted(text: int, notes: list[str]) -> None:
    budget = Budget(text=text)

    assert budget.clip("a macro", "abc") == "abc"[:text]
    assert budget.notes == notes


def test_unpacked_bytes_are_counted_together() -> None:
    budget = Budget(unpacked=10)

    budget.spend(6)
    budget.spend(4)
    with pytest.raises(CuckooProcessingError, match="unpacked"):
        budget.spend(1)


def test_the_same_note_counts_once() -> None:
    budget = Budget()

    budget.note("a")
    budget.note("a")

    assert budget.notes == ["a"]
