import pytest

from lib.cuckoo.analysis.info import analysis_info


def test_the_times_of_the_machine_stand_in_for_those_of_the_task() -> None:
    machine = {"name": "w", "started_on": "2023-01-06 22:11:04", "shutdown_on": "2023-01-06T22:11:05.500"}

    info = analysis_info({"machine": machine})

    assert (info["started"], info["ended"], info["duration"]) == (
        "2023-01-06 22:11:04",
        "2023-01-06 22:11:05",
        1,
    )


@pytest.mark.parametrize(
    ("started", "ended"),
    [
        ("2023-01-06 22:11:04", "2023-01-06 22:11:03"),
        ("2023-01-06 22:11:04", "late"),
        ("2023-01-06 22:11:04", "2023-01-06 22:11:03+02:00x"),
        ("2023-01-06 22:11:04", None),
        (5, "2023-01-06 22:11:04"),
    ],
)
def test_a_duration_that_makes_no_sense_is_unknown(started: object, ended: object) -> None:
    assert analysis_info({"started_on": started, "completed_on": ended})["duration"] is None


@pytest.mark.parametrize(("told", "expected"), [(0, 0), (66, 66), (-1, None), ("66", None), (None, None)])
def test_a_duration_that_is_told_is_taken_when_it_can_be(told: object, expected: int | None) -> None:
    assert analysis_info({"duration": told})["duration"] == expected


def test_only_what_the_task_says_is_added() -> None:
    info = analysis_info({"route": "tor", "guesses": 1})

    assert info["route"] == "tor"
    assert "platform" not in info
    assert "guesses" not in info
