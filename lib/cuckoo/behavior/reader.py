"""Which scanner runs: the compiled one where it was built, else its twin in Python."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from lib.cuckoo.behavior import pure
from lib.cuckoo.behavior.columns import Columns
from lib.cuckoo.behavior.kinds import Kind
from lib.cuckoo.behavior.wire import Data
from lib.cuckoo.common.twins import preferred, twins

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
    """Return the scanners that this installation has, by name."""
    return twins(cast("Scanner", pure), "lib.cuckoo.behavior._scan", INTERFACE)


_active = preferred(available())


def active() -> Scanner:
    """Return the scanner in use."""
    return _active
