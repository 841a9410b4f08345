from datetime import UTC, datetime
from uuid import UUID

import pytest

from lib.cuckoo.reporting.sharing.gather import gather
from lib.cuckoo.reporting.sharing.records import Bounds
from lib.cuckoo.reporting.stix.objects import Objects


def objects() -> Objects:
    return Objects(gather({"info": {"started": "2026-01-31 13:21:44"}}, Bounds()).analysis)


def test_what_the_library_refuses_costs_itself_and_is_counted() -> None:
    found = objects()

    assert found.observable("IPv4Address", value=["no text"]) is not None
    assert found.observable("NetworkTraffic", protocols=["tcp"]) is None
    assert found.observable("NetworkTraffic", protocols=["tcp"], src_ref="file--x") is None
    assert list(found.refused()) == ["2 objects of the type network-traffic that the format has no room for"]


def test_an_object_is_there_once() -> None:
    found = objects()
    one, other = (found.observable("DomainName", value="a.example") for _ in range(2))

    assert one == other
    assert [each["type"] for each in found] == ["identity", "domain-name"]


@pytest.mark.parametrize("answers_first", [True, False])
def test_the_fuller_of_two_observables_stays(answers_first: bool) -> None:
    found = objects()
    address = found.observable("IPv4Address", value="198.51.100.1")
    for answers in ([address], []) if answers_first else ([], [address]):
        found.observable("DomainName", value="a.example", resolves_to_refs=answers)

    (name,) = [each for each in found if each["type"] == "domain-name"]
    assert name["resolves_to_refs"] == [address]


def test_a_relationship_needs_both_ends() -> None:
    found = objects()
    found.relation(None, "uses", "malware--x")
    found.relation("malware--x", "uses", None)

    assert [each["type"] for each in found] == ["identity"]


def test_the_times_are_those_of_the_analysis() -> None:
    found = objects()
    found.object("Malware", "sample", name="a", is_family=False)
    (malware,) = [each for each in found if each["type"] == "malware"]

    assert malware["created"] == malware["modified"] == datetime(2026, 1, 31, 13, 21, 44, tzinfo=UTC)


def test_the_id_of_a_process_is_of_version_4_and_the_same_each_time() -> None:
    one, again, other = (objects().process_id(place) for place in (0, 0, 1))

    assert one == again != other
    assert UUID(one.removeprefix("process--")).version == 4
