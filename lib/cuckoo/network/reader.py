"""Which walk over packets runs: the compiled one where it was built, else its twin in Python.

What flows consist of comes with the walk, because other classes are made of it: that choice is for the life of the
process.
"""

from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from lib.cuckoo.common.twins import preferred, twins
from lib.cuckoo.network import pure

INTERFACE = 4
"""Raised with every change to what `Walker` and `Backend` offer or are given, here and in `_walk.pyx`."""


class Walker(Protocol):
    """What both walks offer; `pure.Walk` says what each method does."""

    second: float
    untimed: int

    def timeline(self) -> list[list[int]]:
        """Return packets by second."""

    def tick(self, time: float) -> None:
        """Count a packet."""

    def records(self, data: bytes, position: int, written: pure.Format, link: int, base: int) -> int:
        """Take records of a pcap."""

    def blocks(
        self, data: bytes, position: int, order: str, interfaces: list[pure.Interface], base: int
    ) -> int:
        """Take blocks of a pcapng."""

    def packet(self, time: float, link: int, data: bytes, length: int) -> bool:
        """Take a packet."""


class Backend(Protocol):
    """A module with a walk, and with the classes whose objects it walks over."""

    NAME: str
    Flow: type[pure.Flow]
    Direction: type[pure.Direction]
    Stream: type[pure.Stream]

    def Walk(  # noqa: N802 - a class
        self,
        segments: MutableMapping[bytes, Any],
        datagrams: MutableMapping[bytes, Any],
        count_icmp: Callable[[bytes, int], bool],
        on_segment: pure.OnSegment,
        most_seconds: int,
    ) -> Walker:
        """Make a walk."""


def available() -> dict[str, Backend]:
    """Return the walks that this installation has, by name."""
    return twins(cast("Backend", pure), "lib.cuckoo.network._walk", INTERFACE)


_active = preferred(available())

if TYPE_CHECKING:
    Direction = pure.Direction
    Flow = pure.Flow
    Stream = pure.Stream
else:
    Direction, Flow, Stream = _active.Direction, _active.Flow, _active.Stream


def active() -> Backend:
    """Return the walk in use."""
    return _active
