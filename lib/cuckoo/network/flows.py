"""Flows: packets between two endpoints, found by addresses and ports as their bytes stand in the packet."""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from socket import AF_INET6, inet_ntoa, inet_ntop
from typing import Any, NamedTuple

from lib.cuckoo.network.reader import Flow


class Endpoints(NamedTuple):
    """Who talked to whom, from the client's side."""

    src: str
    sport: int
    dst: str
    dport: int


@lru_cache(maxsize=4096)
def address_text(address: bytes) -> str:
    """Return an address of 4 or 16 bytes as text."""
    return inet_ntoa(address) if len(address) == 4 else inet_ntop(AF_INET6, address)


def endpoints(key: bytes) -> Endpoints:
    """Return the endpoints that a key holds: both addresses, then both ports."""
    middle = (len(key) - 4) // 2
    source, destination = ports(key)
    return Endpoints(address_text(key[:middle]), source, address_text(key[middle:-4]), destination)


def ports(key: bytes) -> tuple[int, int]:
    """Return the source and the destination port of a key."""
    return int.from_bytes(key[-4:-2], "big"), int.from_bytes(key[-2:], "big")


def reversed_key(key: bytes) -> bytes:
    """Return the key of the other direction."""
    middle = (len(key) - 4) // 2
    return key[middle:-4] + key[:middle] + key[-2:] + key[-4:-2]


class FlowTable:
    """The flows at hand, bounded: the one that was quiet for longest goes when there are too many.

    Attributes:
        halves: key of a direction to the direction, oldest flow first; each has `key`, `flow`.
        let_go: flows that went because of the bound.
    """

    def __init__(self, maximum: int, on_end: Callable[[Any], None]) -> None:
        # ordered, because finding the oldest entry of a plain dict walks over all that were deleted before it
        self.halves: OrderedDict[bytes, Any] = OrderedDict()
        self.let_go = 0
        self._maximum = 2 * maximum
        self._on_end = on_end

    def add(self, flow: Flow) -> None:
        """Keep a new flow, at the cost of old ones if need be."""
        while len(self.halves) >= self._maximum:
            self._evict()
        for half in flow.halves:
            self.halves.setdefault(half.key, half)

    def _evict(self) -> None:
        """Look at the oldest flow: if it was used since it was last looked at it stays for another round."""
        flow = next(iter(self.halves.values())).flow
        if flow.last == flow.looked:
            self.let_go += 1
            self.remove(flow)
            return
        flow.looked = flow.last
        for half in flow.halves:
            if half.key in self.halves:
                self.halves.move_to_end(half.key)

    def remove(self, flow: Flow) -> None:
        """End a flow and report it."""
        for half in flow.halves:
            self.halves.pop(half.key, None)
        flow.close("open")
        self._on_end(flow)

    def end(self) -> None:
        """End all flows, in the order in which they are kept."""
        while self.halves:
            self.remove(next(iter(self.halves.values())).flow)
