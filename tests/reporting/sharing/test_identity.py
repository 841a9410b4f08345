from uuid import UUID

from lib.cuckoo.reporting.sharing.identity import named


def test_an_id_is_the_same_each_time_and_of_version_5() -> None:
    assert named("a", 1) == named("a", "1") == str(UUID(named("a", 1)))
    assert UUID(named("a")).version == 5


def test_parts_never_run_into_one_another() -> None:
    assert len({named("a", "b"), named("ab"), named("a\0b"), named("a", "", "b")}) == 4
