"""Which scanner runs: the compiled one where it was built, else its twin in Python.

`FLEDGE_PURE=1` in the environment asks for the twin.
"""

import importlib
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from lib.cuckoo.behavior import pure
from lib.cuckoo.behavior.columns import Columns
from lib.cuckoo.behavior.kinds import Kind
from lib.cuckoo.behavior.wire import Data

if TYPE_CHECKING:
    from array import array

    from lib.cuckoo.behavior.calls import Calls


INTERFACE = 3
"""Raised with every change to what `Scanner` offers or to what the scanners are given, here and in `_scan.pyx`."""


class GrowingNames(Protocol):
    """Several lists of names while they grow; `pure` says how they are kept."""

    def add(self, name: str, lists: int) -> int:
        """Add a name to each of the lists whose bit is set, unless it is there; return its place."""

    def finish(self) -> tuple[memoryview, list[memoryview]]:
        """Return the buffer of names, and a column of places for each list."""


class Scanner(Protocol):
    """What both scanners offer; `pure` says what each function does."""

    NAME: str
    NameLists: Callable[[int], GrowingNames]

    def scan(self, data: Data, position: int, stop: int, columns: Columns) -> int:
        """Index calls from `position` to `stop`."""

    def call(self, calls: "Calls", row: int, raw: bool) -> dict[str, Any]:
        """Return one call as a new dict."""

    def pick(self, data: Data, offset: int, kind: Kind, positions: Sequence[int]) -> list[str | None]:
        """Return some arguments of one call as texts."""

    def select(self, kinds: Sequence[int], wanted: bytes) -> "array[int]":
        """Return the rows of wanted kinds."""

    def json_calls(self, calls: "Calls", first: int, last: int) -> bytes:
        """Return calls as JSON."""

    def names(self, store: memoryview, places: Sequence[int]) -> list[str]:
        """Return some names."""

    def bytes_of_names(self, store: memoryview, places: Sequence[int]) -> int:
        """Return how long some names are together."""

    def find_name(self, store: memoryview, places: Sequence[int], name: str) -> int:
        """Return the number of the first place that has a name, -1 when none has it."""

    def json_names(self, store: memoryview, places: Sequence[int]) -> bytes:
        """Return some names as JSON."""


def available() -> dict[str, Scanner]:
    """Return the scanners that this installation has, by name.

    A compiled one that was built from other sources, as after an update without a new installation, is passed over.
    """
    scanners = {pure.NAME: cast("Scanner", pure)}
    try:
        scan = importlib.import_module("lib.cuckoo.behavior._scan")
    except ImportError:
        return scanners
    if getattr(scan, "INTERFACE", None) != INTERFACE:
        return scanners
    return {scan.NAME: cast("Scanner", scan)} | scanners


def _choose() -> Scanner:
    scanners = available()
    return scanners[pure.NAME] if os.environ.get("FLEDGE_PURE") == "1" else next(iter(scanners.values()))


_active = _choose()


def active() -> Scanner:
    """Return the scanner in use."""
    return _active
