import enum
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.view import SectionView
from lib.cuckoo.core.signatures.plain import MOST_LEVELS, plain


class Colour(enum.IntEnum):
    RED = 1


class Opaque:
    def __repr__(self) -> str:
        return "<opaque>"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b", "a"}, ["a", "b"]),
        ((1, (2,)), [1, [2]]),
        (b"ok\xff", "ok\\xff"),
        (SectionView({"a": {1}}, {}), {"a": [1]}),
        ({1: None, b"k": True}, {"1": None, "k": True}),
        (Colour.RED, 1),
        (Opaque(), "<opaque>"),
        ([Opaque()], ["<opaque>"]),
    ],
)
def test_values_become_plain(value: object, expected: object) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


def test_a_structure_without_end_ends_at_the_limit() -> None:
    endless: list[Any] = []
    endless.append(endless)
    levels, inner = 0, plain(endless)
    while isinstance(inner, list):
        levels, inner = levels + 1, inner[0]

    assert levels == MOST_LEVELS


_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.frozensets(st.integers()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=10,
)


@given(_ANYTHING)
def test_whatever_it_is_json_takes_it_and_a_second_pass_changes_nothing(value: object) -> None:
    once = plain(value)

    assert json.loads(json.dumps(once)) == once
    assert plain(once) == once
