"""Runs to compare, made by code."""

from typing import Any

from lib.cuckoo.reporting.diff.compare import Side, Wanted, compare
from lib.cuckoo.reporting.diff.record import Conduct, Difference


def call(api: str = "NtClose", thread: str = "1", **more: Any) -> dict[str, Any]:
    """Return a call as reports have it; `arguments` is a mapping here."""
    arguments = [{"name": name, "value": value} for name, value in more.pop("arguments", {}).items()]
    return {
        "timestamp": "2026-01-31 13:21:44,000",
        "thread_id": thread,
        "category": "system",
        "api": api,
        "status": True,
        "return": "0x00000000",
        "arguments": arguments,
        "repeated": 0,
        **more,
    }


def calls(text: str, thread: str = "1") -> list[dict[str, Any]]:
    """Return a call for each word."""
    return [call(word, thread) for word in text.split()]


def process(
    pid: int,
    path: str,
    *,
    parent: int = 0,
    command: str = "",
    made: list[dict[str, Any]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a process as reports have it."""
    return {
        "process_id": pid,
        "process_name": path.rpartition("\\")[2],
        "parent_id": parent,
        "module_path": path,
        "environ": {"CommandLine": command},
        "calls": made or [],
        **more,
    }


def report(*processes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return results with these processes."""
    return {"behavior": {"processes": list(processes)}, **more}


def difference(a: dict[str, Any], b: dict[str, Any], *parts: str, **wanted: Any) -> Difference:
    """Compare two results."""
    return compare(Side("a", a), Side("b", b), Wanted(parts, **wanted))


def conduct(a: list[dict[str, Any]], b: list[dict[str, Any]], **wanted: Any) -> Conduct:
    """Compare the calls of one process."""
    path = "C:\\a.exe"
    found = difference(report(process(1, path, made=a)), report(process(2, path, made=b)), **wanted)
    assert found.processes is not None
    answer = found.processes.pairs[0].conduct
    assert answer is not None
    return answer
