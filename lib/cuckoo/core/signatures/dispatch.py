"""The walk over the calls: each call goes to the signatures whose filters it passes, and to no other.

Which signatures want a call depends on its kind (API and category) and on its process alone, so a table from
the kind's number to the listeners is made once per process; the walk then looks up one list per call, and a
call whose list is empty is never decoded.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, MutableSequence, Sequence
from time import perf_counter
from typing import Any, NamedTuple, Protocol, runtime_checkable

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.common.calls import Call, Kind

Answer = Any
Ending = Callable[["Listener", Answer, Exception | None], None]
"""Told when a listener matched or raised, with its answer or its error."""


@runtime_checkable
class NumberedCalls(Protocol):
    """A log that knows each call's kind without decoding it."""

    def numbered_kinds(self) -> tuple[Sequence[Kind], Sequence[int]]:
        """Return the kinds, and for each call the position of its kind among them."""

    def __getitem__(self, position: int, /) -> Call:
        """Decode one call."""


class Numbered(NamedTuple):
    """The calls of one process with their kinds in numbers."""

    calls: Any
    kinds: Sequence[Kind]
    numbers: Sequence[int]


class Listener:
    """An evented signature that still wants calls."""

    __slots__ = ("apis", "categories", "number", "on_call", "processes", "seconds", "signature")

    def __init__(self, number: int, signature: Signature) -> None:
        self.number = number
        """From 1, as `Progress` shows it."""
        self.signature = signature
        self.on_call = signature.on_call
        self.seconds = 0.0
        self.apis = frozenset(signature.filter_apinames or ())
        self.categories = frozenset(signature.filter_categories or ())
        self.processes = frozenset(signature.filter_processnames or ())

    def wants(self, kind: Kind) -> bool:
        """Tell whether calls of this kind pass the filters for API and category."""
        api, category = kind
        return (not self.apis or api in self.apis) and (not self.categories or category in self.categories)

    def wants_process(self, name: object) -> bool:
        """Tell whether the calls of a process of this name pass the filter for processes."""
        return not self.processes or name in self.processes


def numbered(calls: object) -> Numbered:
    """Number the kinds of a process's calls; a log in columns has done so already."""
    if isinstance(calls, NumberedCalls):
        return Numbered(calls, *calls.numbered_kinds())
    plain: Sequence[Mapping[str, Any]] = calls if isinstance(calls, Sequence) else ()
    kinds: dict[Kind, int] = {}
    numbers = [
        kinds.setdefault((call.get("api", ""), call.get("category", "")), len(kinds)) for call in plain
    ]
    return Numbered(plain, list(kinds), numbers)


class Walk:
    """One pass over the calls of every process for a group of listeners."""

    def __init__(self, listeners: Iterable[Listener], cells: MutableSequence[int], ending: Ending) -> None:
        self._listeners = {listener.number: listener for listener in listeners}
        self._cells = cells
        self._ending = ending

    @property
    def listeners(self) -> Collection[Listener]:
        """Those that have neither matched nor raised."""
        return self._listeners.values()

    def over(self, process: Mapping[str, Any]) -> None:
        """Tell the listeners of the calls of one process."""
        name = process.get("process_name")
        interested = [listener for listener in self._listeners.values() if listener.wants_process(name)]
        if not interested:
            return
        for listener in interested:
            listener.signature.pid = process.get("process_id")
        calls, kinds, numbers = numbered(process.get("calls"))
        wanted = [[listener for listener in interested if listener.wants(kind)] for kind in kinds]
        if any(wanted):
            self._walk(process, calls, numbers, wanted)

    def _walk(
        self, process: Mapping[str, Any], calls: Any, numbers: Sequence[int], wanted: list[list[Listener]]
    ) -> None:
        tell = self._tell
        for position, number in enumerate(numbers):
            hearers = wanted[number]
            if hearers and tell(calls[position], position, process, hearers):
                left = self._listeners
                wanted[:] = [[listener for listener in each if listener.number in left] for each in wanted]
                if not any(wanted):
                    return

    def _tell(self, call: Call, position: int, process: Mapping[str, Any], hearers: list[Listener]) -> bool:
        """Let each hear one call, measuring it; tell whether any of them hears no more."""
        cells = self._cells
        cells[1] = position
        ended = []
        before = perf_counter()
        for listener in hearers:
            signature = listener.signature
            signature.cid = position
            signature.call = call
            cells[0] = listener.number
            error = None
            try:
                answer = listener.on_call(call, process)
            except Exception as raised:  # noqa: BLE001 - a signature may raise anything, and is recorded with it
                answer, error = None, raised
            now = perf_counter()
            listener.seconds += now - before
            before = now
            if answer or error is not None:
                ended.append((listener, answer, error))
        cells[0] = 0
        for listener, answer, error in ended:
            del self._listeners[listener.number]
            self._ending(listener, answer, error)
        return bool(ended)
