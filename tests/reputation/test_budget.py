from lib.cuckoo.reputation.budget import Budget
from tests.reputation.clock import Clock


def test_time_that_passes_is_taken_from_what_is_left() -> None:
    clock = Clock()
    budget = Budget(10, clock.time, clock.sleep)

    assert budget.pause(4)
    assert budget.left == 6
    clock.now += 100
    assert budget.left == 0


def test_a_pause_that_would_use_up_everything_is_not_made() -> None:
    clock = Clock()
    budget = Budget(10, clock.time, clock.sleep)

    assert not budget.pause(10)
    assert not budget.pause(float("inf"))
    assert clock.slept == []
