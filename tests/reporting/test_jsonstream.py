import datetime
import json
from collections.abc import Iterator, Sequence
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.reporting.jsonstream import in_report_order, json_chunks

TEXT = st.text(st.characters(exclude_categories=()))
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.binary() | st.datetimes() | st.dates()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(TEXT | st.binary() | st.integers() | st.floats() | st.none() | st.booleans(), inner)
        | st.sets(st.integers() | TEXT | st.binary())
    ),
    max_leaves=15,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def text(value: object, indent: int = 0) -> str:
    return b"".join(json_chunks(value, indent)).decode()


def parsed(value: object, indent: int = 0) -> Any:
    return json.loads(text(value, indent), parse_constant=refuse)


@given(VALUES, st.sampled_from([0, 1, 4]))
def test_any_plain_data_becomes_json_that_every_parser_takes(value: object, indent: int) -> None:
    parsed(value, indent)
    parsed({"section": {"inner": value}}, indent)


@given(JSON, st.sampled_from([0, 2]))
def test_what_json_can_hold_is_unchanged(value: object, indent: int) -> None:
    assert parsed(value, indent) == value


@given(JSON)
def test_indentation_is_that_of_the_standard_library(value: object) -> None:
    assert text({"a": value}, 2) == json.dumps({"a": value}, indent=2, ensure_ascii=False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"a\x00\xff\\", "a\\x00\\xff\\"),
        ({b"\xff": 1, 2: 3, None: 4, (1, 2): 5}, {"\\xff": 1, "2": 3, "null": 4, "[1, 2]": 5}),
        (float("nan"), None),
        ([float("inf"), {"deep": [float("-inf")]}], [None, {"deep": [None]}]),
        ("bad \udcff name", "bad \\udcff name"),
        ({"\ud800": "\udfff"}, {"\\ud800": "\\udfff"}),
        ({"b", "a"}, ["a", "b"]),
        (datetime.datetime.fromisoformat("2026-01-31T13:21:44"), "2026-01-31 13:21:44"),
        (datetime.date(2026, 1, 31), "2026-01-31"),
        ("\x00\x1b[31m\u202e", "\x00\x1b[31m\u202e"),
        (10**5000, hex(10**5000)),
        ({10**5000}, [hex(10**5000)]),
        ({10**5000: 1}, {hex(10**5000): 1}),
        (10**4000, 10**4000),
    ],
    ids=lambda value: str(type(value)),
)
def test_what_json_cannot_hold_becomes_what_it_can(value: object, expected: object) -> None:
    assert parsed(value) == expected
    assert parsed({"a": {"b": {"c": [value]}}}) == {"a": {"b": {"c": [expected]}}}


@pytest.mark.parametrize("indent", [0, 2])
@pytest.mark.parametrize("size", [0, 1, 1024, 1025, 5000])
def test_long_lists_come_out_whole(size: int, indent: int) -> None:
    rows = [{"number": number, "set": {number}} for number in range(size)]

    assert parsed({"rows": rows}, indent) == {"rows": [row | {"set": [row["number"]]} for row in rows]}


def test_pieces_stay_small() -> None:
    value = {"a": {"b": [{"text": "x" * 100}] * 20_000}}

    assert max(map(len, json_chunks(value))) < 200_000


@pytest.mark.parametrize("indent", [0, 2])
@pytest.mark.parametrize("depth", [300, 900, 5000])
def test_deep_nesting_is_cut_where_parsers_give_up(depth: int, indent: int) -> None:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]

    report = parsed({"deep": value, "after": 1}, indent)

    assert report["after"] == 1
    assert report["deep"]


def test_sets_of_sets_come_in_one_order() -> None:
    members = [frozenset({f"{a}", f"{b}"}) for a in range(8) for b in range(8)]

    assert text(set(members)) == text({*members, *members[:5]})


def test_what_is_not_plain_data_is_refused() -> None:
    with pytest.raises(TypeError, match="object is not plain data"):
        text({"a": object()})


class Numbers:
    def __init__(self, values: Sequence[int]) -> None:
        self.values = values

    def detach(self) -> tuple[dict[str, Any], list[memoryview]]:
        return {}, []

    @classmethod
    def attach(cls, description: dict[str, Any], buffers: Sequence[memoryview], analysis_path: str) -> Self:
        raise NotImplementedError

    def json_chunks(self) -> Iterator[bytes]:
        yield b"["
        yield ",".join(map(str, self.values)).encode()
        yield b"]"


@pytest.mark.parametrize("indent", [0, 2])
def test_detached_values_are_streamed_in_their_places(indent: int) -> None:
    calls = [{"pid": pid, "calls": Numbers([pid, pid])} for pid in range(1500)]
    value = {
        "behavior": {"processes": calls},
        "top": Numbers([1]),
        "odd": [Numbers([]), float("nan"), b"\xff"],
    }

    assert parsed(value, indent) == {
        "behavior": {"processes": [{"pid": pid, "calls": [pid, pid]} for pid in range(1500)]},
        "top": [1],
        "odd": [[], None, "\\xff"],
    }


def test_sections_come_in_the_order_of_reports() -> None:
    sections = dict.fromkeys(["engine", "zebra", "debug", "statistics", "alpha", "target", "info"])

    assert list(in_report_order(sections)) == [
        *("info", "target", "debug", "alpha", "zebra", "statistics", "engine"),
    ]
