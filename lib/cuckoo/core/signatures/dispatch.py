"""The walk over the calls: each call goes to the signatures whose filters it passes, and to no other.

Which signatures want a call depends on its kind (API and category) and on its process alone, so a table from
the kind's number to the listeners is made once per process; the walk then looks up one list per call, and a
call whose list is empty is never decoded.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from time import perf_counter
from typing import Any

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.common.calls import Call
from lib.cuckoo.core.signatures.index import Kind, indexed
from lib.cuckoo.core.signatures.progress import Cells

MOST_KINDS = 10_000
"""Kinds of calls whose listeners are remembered from one process to the next."""
Answer = Any
Ending = Callable[["Listener", Answer, Exception | None], None]
"""Told when a listener matched or raised, with its answer or its error."""


class Listener:
    """An evented signature that still wants calls."""

    __slots__ = ("apis", "categories", "number", "on_call", "processes", "seconds", "signature")

    def __init__(self, number: int, signature: Signature) -> None:
        self.number = number
        """From 1, as `Progress` shows it."""
        self.signature = signature
        self.on_call = signature.on_call
        self.seconds = 0.0
        self.apis = _names(signature.filter_apinames)
        self.categories = _names(signature.filter_categories)
        self.processes = _names(signature.filter_processnames)

    def wants(self, kind: Kind) -> bool:
        """Tell whether calls of this kind pass the filters for API and category."""
        api, category = kind
        return (not self.apis or api in self.apis) and (not self.categories or category in self.categories)

    def wants_process(self, name: object) -> bool:
        """Tell whether the calls of a process of this name pass the filter for processes."""
        return not self.processes or name in self.processes


def _names(given: Collection[str] | None) -> frozenset[str]:
    """Return the names of a filter; one that is bare text is a filter of one name."""
    return frozenset({given} if isinstance(given, str) else given or ())


class Walk:
    """One pass over the calls of every process for a group of listeners."""

    def __init__(self, listeners: Iterable[Listener], cells: Cells, ending: Ending) -> None:
        self._listeners = {listener.number: listener for listener in listeners}
        self._cells = cells
        self._ending = ending
        self._by_kind: dict[Kind, list[Listener]] = {}
        """Those that want calls of a kind, in whatever process."""

    @property
    def listeners(self) -> Collection[Listener]:
        """Those that have neither matched nor raised."""
        return self._listeners.values()

    def over(self, process: Mapping[str, Any]) -> None:
        """Tell the listeners of the calls of one process."""
        name = process.get("process_name")
        interested = {
            number: listener for number, listener in self._listeners.items() if listener.wants_process(name)
        }
        if not interested:
            return
        for listener in interested.values():
            listener.signature.pid = process.get("process_id")
        index = indexed(process.get("calls"))
        wanted = [
            [listener for listener in self._wanting(kind) if listener.number in interested]
            for kind in index.kinds
        ]
        tell, numbers = self._tell, index.numbers
        for row in index.rows_of(number for number, hearers in enumerate(wanted) if hearers):
            hearers = wanted[numbers[row]]
            if hearers and tell(index.call(row), row, process, hearers):
                left = self._listeners
                wanted = [[listener for listener in each if listener.number in left] for each in wanted]

    def _wanting(self, kind: Kind) -> list[Listener]:
        """Return those that want calls of a kind, ended ones among them."""
        found = self._by_kind.get(kind)
        if found is None:
            if len(self._by_kind) >= MOST_KINDS:
                self._by_kind.clear()
            found = self._by_kind[kind] = [each for each in self._listeners.values() if each.wants(kind)]
        return found

    def _tell(self, call: Call, row: int, process: Mapping[str, Any], hearers: list[Listener]) -> bool:
        """Let each hear one call, measuring it; tell whether any of them hears no more."""
        cells = self._cells
        cells[1] = row
        ended: list[tuple[Listener, Answer, Exception | None]] = []
        before = perf_counter()
        for listener in hearers:
            signature = listener.signature
            signature.cid = row
            signature.call = call
            cells[0] = listener.number
            try:
                answer = listener.on_call(call, process)
                if answer:
                    ended.append((listener, answer, None))
            except Exception as raised:  # noqa: BLE001 - a signature may raise anything, and is recorded with it
                ended.append((listener, None, raised))
            now = perf_counter()
            listener.seconds += now - before
            before = now
        cells[0] = 0
        for listener, answer, error in ended:
            del self._listeners[listener.number]
            self._ending(listener, answer, error)
        return bool(ended)
