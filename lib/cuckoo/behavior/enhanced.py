"""`behavior["enhanced"]`: the meaningful events of all processes, read from the logs when somebody asks for them."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Self, overload

from lib.cuckoo.behavior.calls import UNKNOWN_KIND, Calls, columns_of, encode, inside, natural
from lib.cuckoo.behavior.clock import timestamp
from lib.cuckoo.behavior.columns import MOST_KINDS
from lib.cuckoo.behavior.events import EventPlan, event_number
from lib.cuckoo.behavior.kinds import Kind
from lib.cuckoo.behavior.reader import active
from lib.cuckoo.behavior.scene import Followed
from lib.cuckoo.behavior.source import LogSource

Event = dict[str, Any]
TYPECODES = "QqHI"
_EVENTS_PER_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """The events of one process."""

    source: LogSource
    log_name: str
    kinds: Sequence[Kind]
    first_seen_ms: int
    count: int


class EventColumns:
    """Collects the index of the events: where the call lies, when, of what kind, and the followed name."""

    def __init__(self) -> None:
        self.columns = [array(code) for code in TYPECODES]
        self.parts: list[Part] = []
        self._named = False

    def add(self, calls: Calls, named: Followed) -> None:
        """Add the events of a process, with the names that were followed."""
        wanted = bytearray(MOST_KINDS)
        for number, kind in enumerate(calls.kinds):
            wanted[number] = event_number(kind.api) is not None
        rows = active().select(calls.kind_numbers, bytes(wanted))
        if not rows:
            return
        self.parts.append(Part(calls.source, calls.log_name, calls.kinds, calls.first_seen_ms, len(rows)))
        offsets, times, kinds, followed = self.columns
        offsets.extend(map(calls.offsets.__getitem__, rows))
        times.extend(map(calls.times.__getitem__, rows))
        kinds.extend(map(calls.kind_numbers.__getitem__, rows))
        first = len(followed)
        followed.frombytes(bytes(followed.itemsize * len(rows)))
        self._named = self._named or bool(named.rows)
        at = 0
        for row, place in zip(named.rows, named.places, strict=True):
            at = bisect_left(rows, row, at)
            followed[first + at] = place

    def events(self, names: memoryview, shown: int) -> "Enhanced":
        """Return the events so far, whose names lie in a buffer; the report shows `shown` of them, 0 for all."""
        columns = [memoryview(column) for column in self.columns]
        return Enhanced(self.parts, columns, names if self._named else memoryview(b""), shown)


class Enhanced(Sequence[Event]):
    """Events in the order of processes, then of calls; `eid` counts them from 1. Each is a fresh dict.

    An index of 22 bytes an event; the logs stay the store of what the events tell.
    """

    def __init__(
        self, parts: Sequence[Part], columns: Sequence[memoryview], names: memoryview, shown: int = 0
    ) -> None:
        self.parts = parts
        self.columns = columns
        self.names = names
        self.shown = shown
        self._starts = [0, *accumulate(part.count for part in parts)]
        self._plans: dict[int, EventPlan] = {}

    def __len__(self) -> int:
        return self._starts[-1]

    def __repr__(self) -> str:
        return f"<{len(self)} events>"

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        rows = range(len(self))[index]
        return self.event(rows) if isinstance(rows, int) else list(map(self.event, rows))

    def __iter__(self) -> Iterator[Event]:
        return map(self.event, range(len(self)))

    def event(self, row: int) -> Event:
        """Return one event."""
        offsets, times, numbers, followed = self.columns
        part = self.parts[bisect_right(self._starts, row) - 1]
        number = numbers[row]
        kind = part.kinds[number] if number < len(part.kinds) else UNKNOWN_KIND
        plan = self._plan(kind)
        texts = active().pick(part.source.data(), offsets[row], kind, plan.positions)
        name = active().names(self.names, followed[row : row + 1])[0] if followed[row] else None
        return {
            "event": plan.event.event,
            "object": plan.event.object,
            "timestamp": timestamp(part.first_seen_ms + times[row]),
            "eid": row + 1,
            "data": plan.data(texts, name or None),
        }

    def _plan(self, kind: Kind) -> EventPlan:
        """Return the plan of a kind; kinds live as long as the parts, so their identity is their key."""
        plan = self._plans.get(id(kind))
        if plan is None:
            plan = self._plans[id(kind)] = EventPlan(kind)
        return plan

    def json_chunks(self) -> Iterator[bytes]:
        """Yield the events as JSON text: no blanks, characters beyond ASCII as they are, UTF-8."""
        shown = min(len(self), self.shown or len(self))
        yield b"["
        for part, (start, stop) in zip(self.parts, pairwise(self._starts), strict=True):
            for first in range(start, min(stop, shown), _EVENTS_PER_CHUNK):
                events = self[first : min(first + _EVENTS_PER_CHUNK, stop, shown)]
                yield (b"," if first else b"") + encode(events)[1:-1].encode()
                part.source.passed(self.columns[0][first])
            part.source.left()
        yield b"]"

    def detach(self) -> tuple[dict[str, Any], list[memoryview]]:
        """Return the description, the four columns, and the buffer of names."""
        parts = [
            {
                "log_name": part.log_name,
                "unpacked_bytes": part.source.unpacked_bytes,
                "kinds": [kind.as_plain() for kind in part.kinds],
                "first_seen_ms": part.first_seen_ms,
                "count": part.count,
            }
            for part in self.parts
        ]
        description = {"parts": parts, "shown": self.shown}
        return description, [*(column.cast("B") for column in self.columns), self.names]

    @classmethod
    def attach(cls, description: dict[str, Any], buffers: Sequence[memoryview], analysis_path: str) -> Self:
        """Build the events again from what `detach` gave.

        Raises:
            ValueError: the description is not one, leads out of the analysis, or does not fit the columns.
        """
        try:
            parts = [_part(plain, analysis_path) for plain in description["parts"]]
            *columns, names = buffers
            events = cls(parts, columns_of(columns, TYPECODES), names, natural(description["shown"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a description of events: {error!r}") from error
        if len(events) != len(events.columns[0]):
            raise ValueError(f"{len(events)} events in columns of {len(events.columns[0])} rows")
        return events


def _part(plain: dict[str, Any], analysis_path: str) -> Part:
    name = str(plain["log_name"])
    return Part(
        source=LogSource(inside(analysis_path, name), natural(plain["unpacked_bytes"])),
        log_name=name,
        kinds=[Kind.from_plain(kind) for kind in plain["kinds"]],
        first_seen_ms=natural(plain["first_seen_ms"]),
        count=natural(plain["count"]),
    )
