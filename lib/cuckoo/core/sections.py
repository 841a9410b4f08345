"""The global container: all sections so far, and who owns which key."""

from dataclasses import replace
from typing import Any

from lib.cuckoo.core.ledger import Outcome, Run

RESERVED_KEYS = frozenset({"engine", "statistics"})
"""Sections that the engine writes itself."""


class Sections:
    """Sections by key; what a module gave back is filed here, in the order of the modules.

    `results` is filled in place, for callers that hold it.
    """

    def __init__(self, results: dict[str, Any] | None = None) -> None:
        self.results: dict[str, Any] = {} if results is None else results
        self._owners: dict[str, Run] = {}

    def merge(self, run: Run, messages: list[Any]) -> Run:
        """File what a module gave back under its key, unless the key is taken; return its final line.

        The messages are checked, because the child that wrote them may have been under a sample's control.
        """
        if not run.outcome.is_answer:
            return run
        try:
            data, writes, key = messages[-3]["data"], dict(messages[-2]["writes"]), str(messages[-1]["key"])
        except (IndexError, KeyError, TypeError, ValueError):
            return replace(run, outcome=Outcome.CRASHED, reason="its answer has not the shape of an answer")
        refusal = self._refusal(key)
        if refusal:
            return replace(run, outcome=Outcome.REFUSED, reason=refusal)
        self._owners[key] = run
        allowed = {name: section for name, section in writes.items() if _may_be_written(name)}
        self.results.update(allowed)
        self.results[key] = data
        return run

    def _refusal(self, key: str) -> str:
        if key in RESERVED_KEYS:
            return f"the key {key!r} belongs to the engine"
        owner = self._owners.get(key)
        return f"the key {key!r} belongs to {owner.class_name} in {owner.file}" if owner else ""


def _may_be_written(name: object) -> bool:
    return isinstance(name, str) and name not in RESERVED_KEYS
