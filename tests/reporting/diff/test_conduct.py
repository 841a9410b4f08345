from collections.abc import Sequence
from typing import Any, overload

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.reporting.diff.conduct import MOST_DIVERGENCES
from lib.cuckoo.reporting.diff.record import Count
from lib.cuckoo.reporting.diff.trails import MOST_THREADS
from tests.reporting.diff.runs import call, calls, conduct, difference, process, report


def test_equal_calls_have_no_difference() -> None:
    found = conduct(calls("a b c"), calls("a b c"))

    assert not found
    assert (found.calls_a, found.calls_b, found.threads) == (3, 3, 1)


def test_counts_have_repetitions_and_the_largest_difference_first() -> None:
    one = [call("a", repeated=9), call("b"), call("c", category="file")]
    other = [call("a"), call("b"), call("d", category="file", repeated=2)]

    found = conduct(one, other)

    assert found.apis == [Count("a", 10, 1), Count("d", 0, 3), Count("c", 1, 0)]
    assert found.categories == [Count("system", 11, 2), Count("file", 1, 3)]


@pytest.mark.parametrize("place", [0, 1, 4095, 4096, 4097, 9999])
def test_the_first_divergence_is_found_where_it_is(place: int) -> None:
    one = [call("NtOpenFile", arguments={"FileName": f"C:\\{number}"}) for number in range(10_000)]
    other = [dict(each) for each in one]
    other[place] = call("NtOpenFile", arguments={"FileName": "C:\\other", "FileHandle": "0x1"})

    [divergence] = conduct(one, other).divergences

    assert divergence.index == place
    assert divergence.a is not None
    assert divergence.b is not None
    assert (divergence.a.row, divergence.b.row) == (place, place)
    assert divergence.b.arguments == [("FileName", "C:\\other"), ("FileHandle", "0x1")]
    assert divergence.differs == ["FileHandle", "FileName"]
    assert [each.row for each in divergence.context] == list(range(max(0, place - 3), place))
    assert divergence.rejoins == (None if place == 9999 else (1, 1))


@pytest.mark.parametrize("context", [0, 1, 5])
def test_as_many_calls_before_it_are_told_as_asked_for(context: int) -> None:
    [divergence] = conduct(calls("a b c d"), calls("a b c e"), context=context).divergences

    assert [each.api for each in divergence.context] == ["a", "b", "c"][3 - min(context, 3) :]


def test_a_thread_that_ends_earlier_parts_where_it_ends() -> None:
    [divergence] = conduct(calls("a b c"), calls("a b c d")).divergences

    assert (divergence.index, divergence.a) == (3, None)
    assert divergence.b is not None
    assert divergence.b.api == "d"
    assert divergence.differs == []


def test_calls_that_the_report_does_not_have_are_no_divergence() -> None:
    cut = process(1, "a", made=calls("a b"), truncated={"calls": {"shown": 2, "total": 9}})
    elsewhere = process(1, "a", made=[], calls_count=9)
    whole = process(1, "a", made=calls("a b c"))
    for one in (cut, elsewhere):
        found = difference(report(one), report(whole)).processes
        assert found is not None
        answer = found.pairs[0].conduct
        assert answer is not None
        assert answer.divergences == []
        assert f"A holds the first {len(one['calls'])} of 9 calls" in answer.notes


def test_one_inserted_call_is_told_from_another_way() -> None:
    inserted = conduct(calls("a b c d e f g"), calls("a b x c d e f g")).divergences[0]
    other = conduct(calls("a b c d e f g"), calls("a b t u v w x y")).divergences[0]

    assert (inserted.index, inserted.rejoins) == (2, (0, 1))
    assert other.rejoins is None


def test_of_several_ways_back_the_shortest_is_told() -> None:
    [found] = conduct(calls("a 1 2 3 4 5 6 7 8"), calls("a 5 6 7 8 x x x x x x 1 2 3 4")).divergences

    assert found.rejoins == (4, 0)


def test_threads_are_compared_apart_however_they_interleave() -> None:
    first, second = calls("a b c d e f g h i", "1"), calls("k l m n o p q r s", "2")
    in_turn = [each for pair in zip(first, second, strict=True) for each in pair]

    assert not conduct(first + second, in_turn)
    assert not conduct(second + first, in_turn)


def test_threads_that_begin_alike_belong_together_whoever_comes_first() -> None:
    one = calls("a b c", "10") + calls("x y z", "11")
    other = calls("x y z", "20") + calls("a b d", "21")

    found = conduct(one, other)

    assert found.threads == 2
    assert [(each.thread_a, each.thread_b, each.index) for each in found.divergences] == [("10", "21", 2)]


def test_threads_of_one_run_only_are_counted() -> None:
    found = conduct(calls("a", "1") + calls("b", "2") + calls("c", "3"), calls("a", "1"))

    assert (found.threads, found.threads_only_a, found.threads_only_b) == (1, 2, 0)
    assert found


def test_divergences_stand_in_the_order_in_which_they_happened() -> None:
    one = calls("a", "1") + calls("b c", "2") + calls("x", "1")
    other = calls("a", "1") + calls("b d", "2") + calls("y", "1")

    assert [each.thread_a for each in conduct(one, other).divergences] == ["2", "1"]


NAMED = {"FileName": "C:\\a", "FileHandle": "0x1"}


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        (call("NtOpenFile", arguments=NAMED | {"FileName": "b", "FileHandle": "0x2"}), ["FileName"]),
        (call("NtOpenFile", arguments=NAMED | {"More": "1"}), ["More"]),
        (call("NtOpenFile", arguments=NAMED, status=False), ["status", "return"]),
        (call("NtClose"), ["api"]),
    ],
)
def test_what_differs_is_named(other: dict[str, Any], differs: list[str]) -> None:
    [divergence] = conduct([call("NtOpenFile", arguments=NAMED)], [other]).divergences

    assert divergence.differs == differs


def test_many_divergences_and_many_threads_are_bounded() -> None:
    def run(api: str) -> list[dict[str, Any]]:
        return [call(f"{api}{number}", str(number)) for number in range(MOST_THREADS + 10)]

    found = conduct(run("a"), run("b"))

    assert len(found.divergences) == MOST_DIVERGENCES
    assert found.parted == found.threads == MOST_THREADS
    assert found.notes == [f"only the first {MOST_THREADS:,} threads are compared"]


class Counted(Sequence[Any]):
    """Calls that count how often they are read through."""

    def __init__(self, made: list[dict[str, Any]]) -> None:
        self.made, self.passes, self.picked = made, 0, 0

    def __len__(self) -> int:
        return len(self.made)

    def __iter__(self) -> Any:
        self.passes += 1
        return iter(self.made)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Any: ...
    def __getitem__(self, index: int | slice) -> Any:
        self.picked += 1
        return self.made[index]


def test_calls_are_read_once_and_a_few_of_them_again() -> None:
    one = Counted([call(str(number)) for number in range(1000)])
    other = Counted([*one.made[:500], call("x"), *one.made[500:]])

    conduct(one, other)  # type: ignore[arg-type]

    assert (one.passes, other.passes) == (1, 1)
    assert one.picked + other.picked < 10


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_the_divergence_is_the_end_of_what_both_have_in_common(one: list[str], other: list[str]) -> None:
    common = next(
        (place for place, (x, y) in enumerate(zip(one, other, strict=False)) if x != y),
        min(len(one), len(other)),
    )

    found = conduct(calls(" ".join(one)), calls(" ".join(other)))

    if one == other:
        assert not found
    elif one and other:
        assert [each.index for each in found.divergences] == [common]
    else:
        assert found.threads_only_a + found.threads_only_b == 1
