"""The calls that a signature marked, resolved: a reader of the report need not look up `cid`."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_CALLS = 50
"""Marked calls resolved per match."""
MOST_CHARACTERS = 512
"""Of one argument's value."""


@dataclass(frozen=True)
class Filters:
    """The filters of a signature: they tell two processes with one id apart."""

    apis: Collection[str] = ()
    categories: Collection[str] = ()
    processes: Collection[str] = ()

    def pass_(self, process: Mapping[str, Any], call: Mapping[str, Any]) -> bool:
        """Tell whether the signature can have heard this call."""
        return (
            (not self.apis or call.get("api") in self.apis)
            and (not self.categories or call.get("category") in self.categories)
            and (not self.processes or process.get("process_name") in self.processes)
        )


def resolve(data: Iterable[Any], processes: Iterable[Mapping[str, Any]], filters: Filters) -> dict[str, Any]:
    """Return `{"calls": […], "omitted": n}` for the marks `{"type": "call", "pid", "cid"}` in a match's data.

    A call: `process`, `pid`, `cid`, `timestamp`, `api`, `category`, `status`, `return`, `repeated` and
    `arguments` (name to value, cut to 512 characters). Each call is there once; beyond 50 they are counted
    only.
    """
    marks = list(dict.fromkeys(_marks(data)))
    by_pid: dict[object, list[Mapping[str, Any]]] = {}
    for process in processes:
        by_pid.setdefault(process.get("process_id"), []).append(process)
    found = (_call(by_pid.get(pid, []), cid, filters) for pid, cid in marks[:MOST_CALLS])
    return {"calls": [call for call in found if call], "omitted": max(0, len(marks) - MOST_CALLS)}


def _marks(data: Iterable[Any]) -> Iterator[tuple[int, int]]:
    for entry in data:
        if isinstance(entry, Mapping) and entry.get("type") == "call":
            pid, cid = entry.get("pid"), entry.get("cid")
            if isinstance(pid, int) and isinstance(cid, int):
                yield pid, cid


def _call(processes: Iterable[Mapping[str, Any]], cid: int, filters: Filters) -> dict[str, Any] | None:
    """Return the marked call; of several processes with its id the first where it passes the filters."""
    holders = [
        (process, process["calls"][cid])
        for process in processes
        if 0 <= cid < len(process.get("calls") or ())
    ]
    if not holders:
        return None
    process, call = next((holder for holder in holders if filters.pass_(*holder)), holders[0])
    record = {"process": process.get("process_name"), "pid": process.get("process_id"), "cid": cid}
    for member in ("timestamp", "api", "category", "status", "return", "repeated"):
        record[member] = call.get(member)
    record["arguments"] = {argument["name"]: _shown(argument) for argument in call.get("arguments") or ()}
    return record


def _shown(argument: Mapping[str, Any]) -> str:
    text = str(argument.get("pretty_value") or argument.get("value"))
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}… ({len(text)} characters)"
