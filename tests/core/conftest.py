"""Fixtures for the tests of the engine."""

import os
import signal
import threading
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


@pytest.fixture
def interrupt_after_fork(at_fork: dict[str, Callable[[], None]]) -> None:
    """Interrupt this process right after it has forked.

    The signal is for the main thread, where it waits as long as signals are blocked; another thread would take it in
    the middle of the hook, where no exception gets out.
    """
    main, engine = threading.main_thread().ident, os.getpid()
    assert main is not None

    def interrupt() -> None:
        if os.getpid() == engine:
            signal.pthread_kill(main, signal.SIGINT)

    at_fork["after"] = interrupt
