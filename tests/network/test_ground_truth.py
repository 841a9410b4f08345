"""Holds what we find in real captures against what tshark and Zeek found."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from tests.network.truth import captures, missing

DIFFERENCES = Path(__file__).resolve().parents[1] / "data" / "network" / "differences.tsv"
AGREEMENT = 0.99
"""Of all items that are not theirs alone, the share that we find."""

Row = tuple[str, str, str]


@pytest.fixture(scope="module")
def listed() -> dict[Row, str]:
    """Every known difference and its reason."""
    with DIFFERENCES.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {(row["capture"], row["kind"], row["item"]): row["reason"] for row in rows}


@pytest.fixture(scope="module")
def compared(shared_data: Path) -> tuple[int, set[Row]]:
    """How many items they found in all captures, and which of them we did not."""
    total, rows = 0, set()
    for name, capture, view in captures(shared_data):
        count, absent = missing(name, capture, view)
        total += count
        rows |= set(absent)
    return total, rows


def test_every_difference_is_listed_with_its_reason(
    compared: tuple[int, set[Row]], listed: dict[Row, str]
) -> None:
    assert compared[1] == set(listed)


def test_every_reason_says_whose_the_difference_is(listed: dict[Row, str]) -> None:
    assert {reason.partition(": ")[0] for reason in listed.values()} <= {"theirs", "not read"}


def test_we_find_nearly_all_that_they_find(compared: tuple[int, set[Row]], listed: dict[Row, str]) -> None:
    whose = Counter(reason.partition(": ")[0] for reason in listed.values())
    total = compared[0] - whose["theirs"]

    assert (total - whose["not read"]) / total >= AGREEMENT
    assert compared[0] > 2000
