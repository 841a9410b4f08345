"""What signatures need from `process["calls"]`: a plain list of dicts, or a log that decodes on demand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

Call = dict[str, Any]
"""One API call in the shape of the contract."""


@runtime_checkable
class FilteredCalls(Protocol):
    """Calls that can be filtered without decoding the ones that are not wanted."""

    def of(self, api: str = "", category: str = "") -> Iterable[Call]:
        """Yield the calls of that API and category, in order; "" passes all."""


def calls_of(
    process: Mapping[str, Any], api: str | None = None, category: str | None = None
) -> Iterator[Call]:
    """Yield a process's calls of that API and category, in order; None or "" passes all."""
    calls = process.get("calls") or ()
    if (api or category) and isinstance(calls, FilteredCalls):
        yield from calls.of(api=api or "", category=category or "")
        return
    for call in calls:
        if (not api or call.get("api") == api) and (not category or call.get("category") == category):
            yield call


def named_arguments(call: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the arguments of a call by name; of two with one name the first counts."""
    arguments: Sequence[Mapping[str, Any]] = call.get("arguments") or ()
    named: dict[str, Mapping[str, Any]] = {}
    for argument in arguments:
        named.setdefault(argument["name"], argument)
    return named
