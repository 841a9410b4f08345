"""The first calls of each process."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lib.cuckoo.reporting.callfiles import call_file_names
from lib.cuckoo.reporting.story.parts import Limits
from lib.cuckoo.reporting.story.values import Record, mapping, records, sequence, text

_MOST_CALLS = 4000
"""In a report altogether: a browser shows that many rows at once without a pause."""
_LONGEST_ARGUMENT = 200


@dataclass(frozen=True)
class Call:
    """One API call, ready to be shown."""

    time: str
    thread: str
    category: str
    api: str
    failed: bool
    result: str
    repeated: int
    arguments: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Browser:
    """The calls of one process; `total` is how many there are, `file` where all lie if they are written apart."""

    kind: ClassVar[str] = "calls"
    process: str
    pid: str
    calls: Sequence[Call]
    total: int
    file: str


def call_parts(results: Record, limits: Limits) -> Iterator[Any]:
    """Yield the calls, process by process; many processes show fewer calls each."""
    processes = records(mapping(results.get("behavior")).get("processes"))[: limits.entries]
    most = min(limits.calls, max(10, _MOST_CALLS // (len(processes) or 1)))
    for process, file in zip(processes, call_file_names(processes), strict=True):
        calls = sequence(process.get("calls"))
        shown = [call_line(mapping(call), min(limits.text, _LONGEST_ARGUMENT)) for call in calls[:most]]
        if shown:
            name, pid = text(process.get("process_name")), text(process.get("process_id"))
            yield Browser(name, pid, shown, len(calls), file)


def call_line(call: Record, longest: int) -> Call:
    """Return one call with readable values, where the log has them."""
    time = text(call.get("timestamp"))
    repeated = call.get("repeated")
    return Call(
        time=time.partition(" ")[2] or time,
        thread=text(call.get("thread_id")),
        category=text(call.get("category")),
        api=text(call.get("api")),
        failed=call.get("status") in (False, 0, "FAILURE"),
        result=text(call.get("pretty_return") or call.get("return")),
        repeated=repeated if isinstance(repeated, int) else 0,
        arguments=list(_arguments(call.get("arguments"), longest)),
    )


def _arguments(value: object, longest: int) -> Iterator[tuple[str, str]]:
    for each in records(value)[:40]:
        shown = text(each.get("pretty_value") or each.get("value"))
        yield text(each.get("name")), shown if len(shown) <= longest else shown[: longest - 1] + "…"
