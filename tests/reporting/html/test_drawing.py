import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.reporting.html.drawing import arc, curve, host_y, map_height, process_y, ticks
from lib.cuckoo.reporting.story.network import Link, Map


def test_a_scale_has_round_numbers() -> None:
    found = ticks(45.6)

    assert [label for _, label in found] == ["0 s", "10 s", "20 s", "30 s", "40 s"]
    assert [at for at, _ in found] == pytest.approx([place / 45.6 for place in (0, 10, 20, 30, 40)])
    assert ticks(0) == [(0.0, "0 s")]


@given(st.floats(0.001, 3e11))
def test_a_scale_of_any_length_has_few_places_within_it(seconds: float) -> None:
    places = [at for at, _ in ticks(seconds)]

    assert 2 <= len(places) <= 8
    assert all(0 <= at <= 1.000001 for at in places)


def test_the_map_spreads_boxes_over_its_height() -> None:
    link = Link(process=0, host=1, size_bytes=1, weight=1.0, protocols="")
    found = Map(["a.exe"], [("192.0.2.1", ""), ("192.0.2.2", "")], [link], 0)

    assert map_height(found) == 88
    assert process_y(found, 0) == 44
    assert [host_y(found, place) for place in (0, 1)] == [22, 66]
    assert curve(found, link) == "M270 44.0C480.0 44.0 480.0 66.0 690 66.0"


def test_an_arc_is_a_share_of_the_circle() -> None:
    assert arc(0.5, 50) == "157.1 314.2"
    assert arc(7, 50) == arc(1, 50)
