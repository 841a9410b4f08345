import re
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.behavior.listing import Wanted, matching_calls
from lib.cuckoo.common.exceptions import CuckooProcessingError

EXAMPLE = Path(__file__).resolve().parents[2] / "storage" / "analyses" / "1"


def found(**conditions: Any) -> list[dict[str, Any]]:
    return list(matching_calls(EXAMPLE, Wanted(**conditions)))


def test_without_conditions_every_call_of_every_process_comes_in_order() -> None:
    calls = found()

    assert len(calls) == 748
    assert list(dict.fromkeys(call["process_id"] for call in calls)) == [2840, 3124, 3388]
    assert list(calls[0])[:2] == ["process_id", "process_name"]


def test_conditions_are_joined_by_and() -> None:
    calls = found(
        pids=frozenset({3388}), apis=frozenset({"NtWriteFile"}), pattern=re.compile("README_RESTORE")
    )

    assert {call["process_name"] for call in calls} == {"explorer.exe"}
    assert {call["api"] for call in calls} == {"NtWriteFile"}
    assert all(any("README_RESTORE" in each["value"] for each in call["arguments"]) for call in calls)


@pytest.mark.parametrize("since", ["09:15:03,250", "2026-03-17 09:15:03,250"])
def test_since_takes_the_time_of_day_with_and_without_the_date(since: str) -> None:
    calls = found(since=since)

    assert calls
    assert min(call["timestamp"] for call in calls) == "2026-03-17 09:15:03,250"
    assert not found(since="2026-03-18")


def test_a_category_that_nobody_has_finds_nothing() -> None:
    assert found(categories=frozenset({"no such"})) == []


def test_an_analysis_without_logs_is_an_error_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(CuckooProcessingError, match=re.escape(str(tmp_path / "logs"))):
        list(matching_calls(tmp_path, Wanted()))


def test_a_link_in_the_place_of_the_logs_is_told(tmp_path: Path) -> None:
    (tmp_path / "logs").symlink_to(tmp_path)

    with pytest.raises(CuckooProcessingError, match="holds no behaviour log; logs is a link: refused"):
        list(matching_calls(tmp_path, Wanted()))
