from typing import Any

from lib.cuckoo.reporting.misp.objects import Attribute, Objects
from lib.cuckoo.reporting.sharing.gather import gather
from lib.cuckoo.reporting.sharing.records import Bounds


def objects(**results: Any) -> Objects:
    return Objects(gather(results, Bounds()))


def test_what_a_template_refuses_costs_itself_and_is_counted() -> None:
    found = objects()

    assert found.add("mutex", "a", [Attribute("name", " ")]) is None
    assert found.add("mutex", "b", [Attribute("colour", "red")]) is None
    assert found.add("mutex", "c", [Attribute("name", "c")]) is not None
    assert [made.name for made in found.event.objects] == ["mutex"]
    assert list(found.refused()) == ["2 objects that the template mutex has no room for"]


def test_an_object_is_there_once() -> None:
    found = objects()
    one, other = (found.add("mutex", "a", [Attribute("name", "a")]) for _ in range(2))

    assert one == other
    assert len(found.event.objects) == 1


def test_a_reference_needs_both_ends() -> None:
    found = objects()
    one = found.add("mutex", "a", [Attribute("name", "a")])
    found.refer(one, "related-to", None)
    found.refer(None, "related-to", one)

    assert found.event.objects[0].references == []


def test_an_indicator_is_flagged_where_it_stands() -> None:
    found = objects(malscore=9, behavior={"summary": {"mutexes": ["held"]}})
    found.add("mutex", "a", [Attribute("name", "held", "mutex"), Attribute("description", "held")])
    found.add("mutex", "b", [Attribute("name", "free", "mutex"), Attribute("description", "x", detect=True)])

    assert [[each.to_ids for each in made.attributes] for made in found.event.objects] == [
        [True, False],
        [False, True],
    ]
