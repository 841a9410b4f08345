"""Behaviour logs: an index over each log, calls read from it on demand, and the sections computed from them."""

from lib.cuckoo.behavior.reader import active


def reader_name() -> str:
    """Return which scanner runs: "cython" or "python"."""
    return active().NAME
