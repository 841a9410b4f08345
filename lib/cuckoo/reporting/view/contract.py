"""Reports of the second family in the words of the contract, for what tells the story of results."""

from collections.abc import Mapping, Sequence
from typing import Any, overload

from lib.cuckoo.reporting.story.values import Record, mapping
from lib.cuckoo.reporting.view.behavior import LISTS, Call, Process
from lib.cuckoo.reporting.view.family import Family
from lib.cuckoo.reporting.view.findings import Evidence, Match
from lib.cuckoo.reporting.view.report import SavedReport

_MOST_EVIDENCE = 1000
"""Of one signature; a story tells less."""


def in_the_contracts_words(results: Record) -> Record:
    """Return what a report holds under the names that the contract has for it.

    Processes, calls, lists of the summary, the frame of the analysis and the evidence of signatures; all else stays.
    A call is put into other words when somebody reads it. Reports of other families, which use these words, are
    returned as they are.
    """
    report = SavedReport(results)
    if report.family is not Family.SECOND:
        return results
    names = {process.process_id: process.process_name for process in report.processes}
    behavior = {
        **mapping(results.get("behavior")),
        "processes": [_process(process) for process in report.processes],
        "summary": {**report.summary.raw, **{name: getattr(report.summary, name) for name in LISTS}},
    }
    return {
        **results,
        "info": _info(report),
        "behavior": behavior,
        "signatures": [_match(match, names) for match in report.signatures],
        "malscore": report.score,
    }


def _info(report: SavedReport) -> dict[str, Any]:
    info = report.info
    return {**info.raw, "started": info.started, "ended": info.ended, "machine": info.machine}


def _process(process: Process) -> dict[str, Any]:
    return {
        **process.raw,
        "process_id": process.process_id,
        "process_name": process.process_name,
        "parent_id": process.parent_id,
        "module_path": process.module_path,
        "command_line": process.command_line,
        "first_seen": process.first_seen,
        "calls": CallsInOtherWords(process.calls),
    }


def _match(match: Match, names: Mapping[int, str]) -> dict[str, Any]:
    found = list(match.evidence[:_MOST_EVIDENCE])
    return {
        **match.raw,
        "ttps": match.attack,
        "data": [{each.kind: each.text} for each in found if each.call is None],
        "evidence": {"calls": [_evidence(each, names) for each in found if each.call is not None]},
    }


def _evidence(each: Evidence, names: Mapping[int, str]) -> dict[str, Any]:
    call = _call(each.call) if each.call is not None else {}
    return {**call, "pid": each.process_id, "process": names.get(each.process_id, "?")}


class CallsInOtherWords(Sequence[dict[str, Any]]):
    """The calls of a process as the contract has them, each made when somebody asks for it."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = calls

    def __len__(self) -> int:
        return len(self._calls)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "CallsInOtherWords": ...
    def __getitem__(self, index: int | slice) -> "dict[str, Any] | CallsInOtherWords":
        """Return one call, or for a slice the calls of a part."""
        if isinstance(index, slice):
            return CallsInOtherWords(self._calls[index])
        return _call(self._calls[index])


def _call(call: Call) -> dict[str, Any]:
    return {
        "timestamp": call.timestamp,
        "thread_id": call.thread_id,
        "category": call.category,
        "api": call.api,
        "status": call.status,
        "return": call.returned,
        "pretty_return": call.meaning,
        "repeated": call.repeated,
        "arguments": [
            {"name": each.name, "value": each.value, "pretty_value": each.meaning} for each in call.arguments
        ],
    }
