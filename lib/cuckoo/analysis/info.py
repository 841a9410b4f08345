"""The section `info`: a task as reports show it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

from lib.cuckoo.analysis.shapes import Info
from lib.cuckoo.analysis.task import plain_date
from lib.cuckoo.common.constants import CUCKOO_VERSION

_AsTold = Literal[
    "options", "platform", "route", "tags", "owner", "priority", "memory", "enforce_timeout", "clock",
    "parent_id", "sample_id", "tlp", "user_id", "source_url", "username",
]  # fmt: skip
_AS_THE_TASK_SAYS: tuple[_AsTold, ...] = get_args(_AsTold)


def analysis_info(task: Mapping[str, Any]) -> Info:
    """Return the version of the contract, then the facts of a task.

    `started` and `ended` are text, "2016-08-25 22:44:58", or None; `duration` is in whole seconds or None;
    `machine` is a dict with at least `name`, empty when the task names no machine. Keys after `timeout` are
    those that the task has.
    """
    machine = _machine(task)
    started = plain_date(task.get("started_on") or machine.get("started_on"))
    ended = plain_date(task.get("completed_on") or machine.get("shutdown_on"))
    info: Info = {
        "version": CUCKOO_VERSION,
        "id": task.get("id"),
        "category": str(task.get("category") or "unknown"),
        "package": task.get("package"),
        "started": started,
        "ended": ended,
        "duration": _duration(task.get("duration"), started, ended),
        "custom": task.get("custom"),
        "machine": machine,
        "timeout": task.get("timeout"),
    }
    for name in _AS_THE_TASK_SAYS:
        if name in task:
            info[name] = task[name]
    return info


def _machine(task: Mapping[str, Any]) -> dict[str, Any]:
    """Find the machine: a record under `guest` or `machine`, or just its name."""
    for name in ("guest", "machine"):
        if isinstance(task.get(name), dict) and task[name]:
            return dict(task[name])
    return {"name": task["machine"], "label": task["machine"]} if task.get("machine") else {}


def _duration(told: object, started: str | None, ended: str | None) -> int | None:
    if isinstance(told, int) and told >= 0:
        return told
    try:
        seconds = (
            datetime.fromisoformat(ended or "") - datetime.fromisoformat(started or "")
        ).total_seconds()
    except (ValueError, TypeError):
        return None
    return int(seconds) if seconds >= 0 else None
