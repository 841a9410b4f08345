"""Fixtures for the tests of the engine."""

import os
from collections.abc import Callable, Iterator
from functools import partial

import pytest

_AT_FORK: dict[str, Callable[[], None]] = {}


def _do_at_fork(when: str) -> None:
    if when in _AT_FORK:
        _AT_FORK[when]()


os.register_at_fork(before=partial(_do_at_fork, "before"), after_in_parent=partial(_do_at_fork, "after"))


@pytest.fixture
def at_fork() -> Iterator[dict[str, Callable[[], None]]]:
    """What to do right before and right after a fork, in the process that forks."""
    _AT_FORK.clear()
    yield _AT_FORK
    _AT_FORK.clear()
