"""Reads captures with each of the walks, and with none, for comparison."""

import contextlib
import gzip
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.network import pure, reader
from tests.network.wire import sections


class NoWalk(pure.Walk):
    """Leaves every packet to the layers."""

    def records(self, data: bytes, position: int, written: pure.Format, link: int, base: int) -> int:
        return position

    def blocks(
        self, data: bytes, position: int, order: str, interfaces: list[pure.Interface], base: int
    ) -> int:
        return position

    def packet(self, time: float, link: int, data: bytes, length: int) -> bool:
        return False


WALKS: dict[str, Any] = {"layers": SimpleNamespace(NAME="layers", Walk=NoWalk), **reader.available()}


@contextlib.contextmanager
def walking(name: str) -> Iterator[None]:
    """Let one of the walks read."""
    before = reader.active()
    reader._active = cast("reader.Backend", WALKS[name])
    try:
        yield
    finally:
        reader._active = before


def told(content: bytes) -> str:
    """Return all that a capture tells, or what is wrong with it, as text."""
    try:
        return json.dumps(sections(content))
    except CuckooProcessingError as error:
        return str(error)


def told_by_each(content: bytes) -> dict[str, str]:
    """Return what a capture tells to each of the walks."""
    answers = {}
    for name in WALKS:
        with walking(name):
            answers[name] = told(content)
    return answers


def unpacked(content: bytes) -> bytes:
    """Return a capture without its compression, if it has one."""
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
