"""UDP: datagrams to flows. RFC 768."""

from collections.abc import Callable
from typing import Any

from lib.cuckoo.network.conversation import CLIENT, SERVER
from lib.cuckoo.network.flows import FlowTable, ports, reversed_key
from lib.cuckoo.network.questions import FAMILIES
from lib.cuckoo.network.reader import Direction, Flow

Reader = Callable[[Direction, bytes, float], None]
"""What takes the datagrams of a flow: side, payload, time."""


class Exchange(Flow):
    """The datagrams between two endpoints; `halves` are those of client and server.

    Attributes:
        reader: what reads them; None when nothing does.
        state: what the reader keeps for this flow.
    """

    __slots__ = ("reader", "state")

    def __init__(self, key: bytes, time: float, offset: int) -> None:
        super().__init__(time, offset)
        self.halves = (Direction(self, CLIENT, key), Direction(self, SERVER, reversed_key(key)))
        self.reader: Reader | None = None
        self.state: Any = None


class Exchanges(FlowTable):
    """All UDP flows of a capture."""

    def __init__(
        self, maximum: int, on_open: Callable[[Exchange], None], on_end: Callable[[Exchange], None]
    ) -> None:
        super().__init__(maximum, on_end)
        self._on_open = on_open

    def side(self, key: bytes, time: float, offset: int) -> Direction:
        """Return the direction that a datagram belongs to, of a new flow if need be."""
        side: Direction | None = self.halves.get(key)
        if side is None:
            flow = Exchange(reversed_key(key) if _sent_by_server(key) else key, time, offset)
            self._on_open(flow)
            self.add(flow)
            side = self.halves[key]
        side.flow.last = time
        return side


def _sent_by_server(key: bytes) -> bool:
    source, destination = ports(key)
    return source < 1024 <= destination or (source in FAMILIES and destination not in FAMILIES)
