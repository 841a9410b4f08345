"""Results that remember what was looked at: whatever shows keys counts as a look at all of them."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from lib.cuckoo.core.tracking import TrackedResults


@pytest.mark.parametrize(
    "look",
    [
        dict,
        list,
        len,
        bool,
        repr,
        str,
        json.dumps,
        copy.copy,
        copy.deepcopy,
        lambda results: {**results},
        lambda results: results | {},
        lambda results: {} | results,
        lambda results: list(reversed(results)),
        lambda results: results == {"a": 1},
        lambda results: results != {"a": 1},
        lambda results: results.popitem(),
        {}.update,
    ],
)
def test_every_way_to_see_all_sections_counts_as_a_look_at_all(look: Callable[[Any], Any]) -> None:
    results = TrackedResults({"a": 1, "b": 2})

    look(results)

    assert results.taken() is None


@pytest.mark.parametrize(
    "look", [lambda results: results["a"], lambda results: results.get("a"), lambda results: "a" in results]
)
def test_a_look_at_one_section_counts_as_that(look: Callable[[Any], Any]) -> None:
    results = TrackedResults({"a": 1, "b": 2})

    look(results)

    assert results.taken() == ["a"]
