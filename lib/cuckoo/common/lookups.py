"""What `Signature` looks up elsewhere: processes, YARA and Suricata hits, earlier matches."""
# ruff: noqa: A002 - `all` is the contract's name

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lib.cuckoo.common.view import ResultsView

Process = Mapping[str, Any]
YaraHit = tuple[str, str, dict[str, Any], Mapping[str, Any]]
"""Where ("sample", "dropped", …), the path of the file, the rule's match, and the record that holds it."""


class ProcessLookups:
    """Processes of `results["behavior"]`."""

    results: ResultsView

    def check_process_name(self, pattern: str, all: bool = False) -> str | set[str] | None:
        """Search process names for a regular expression, anywhere in the name, ignoring case.

        Gives the first name, with `all` the set of names, None when there is none.
        """
        names = (str(process.get("process_name", "")) for process in self.results["behavior"]["processes"])
        hits = (name for name in names if re.search(pattern, name, re.IGNORECASE))
        return (set(hits) or None) if all else next(hits, None)

    def get_initial_process(self) -> Process | None:
        """Return the process that was analysed first, or None."""
        return next(iter(self.results["behavior"]["processes"]), None)

    def get_name_from_pid(self, pid: int | str | None) -> str | None:
        """Return the name of the process with this id, given as a number or as decimal text, or None."""
        if isinstance(pid, str):
            pid = int(pid) if pid.isdecimal() else None
        if pid is None:
            return None
        processes = self.results["behavior"]["processes"]
        return next(
            (process["process_name"] for process in processes if process.get("process_id") == pid), None
        )

    def get_environ_entry(self, process: Process | None, name: str) -> Any:
        """Return one entry of a process's `environ`, or None."""
        return ((process or {}).get("environ") or {}).get(name)

    def get_pids(self) -> list[int]:
        """Return the ids of all processes, first seen first, each once."""
        return list(dict.fromkeys(process["process_id"] for process in self.results["behavior"]["processes"]))


class SectionLookups:
    """Other sections, and the signatures that matched before."""

    results: ResultsView
    banned_suricata_sids: Iterable[int] = ()

    def yara_detected(self, name: str) -> Iterator[YaraHit]:
        """Yield each match of a rule whose name fits the regular expression, anywhere in it, ignoring case.

        Looks at the target ("sample"), dropped files, process dumps and memory, the successor's payloads
        ("CAPE") and files extracted from others ("extracted").
        """
        for source, record in self._yara_records():
            for rule in [*(record.get("cape_yara") or ()), *(record.get("yara") or ())]:
                if isinstance(rule, dict) and re.search(name, str(rule.get("name", "")), re.IGNORECASE):
                    yield source, str(record.get("path", record.get("file", ""))), rule, record

    def _yara_records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        yield "sample", self.results["target"]["file"]
        for source in ("dropped", "procdump", "procmemory"):
            yield from ((source, record) for record in _records(self.results[source]))
        payloads = self.results["CAPE"]
        yield from (
            ("CAPE", record)
            for record in _records(payloads["payloads"] if isinstance(payloads, dict) else payloads)
        )
        yield from (("extracted", record) for record in _records(self.results["extracted"]))
        yield from (("extracted", record) for record in _extracted_from(self.results["target"]["file"]))

    def check_suricata_alerts(self, pattern: str) -> bool:
        """Tell whether an alert's text fits the regular expression, anywhere in it, ignoring case.

        Alerts whose `sid` is in `banned_suricata_sids` do not count.
        """
        banned = set(self.banned_suricata_sids)
        alerts = (
            alert for alert in _records(self.results["suricata"]["alerts"]) if alert.get("sid") not in banned
        )
        return any(re.search(pattern, str(alert.get("signature", "")), re.IGNORECASE) for alert in alerts)

    def signature_matched(self, name: str) -> bool:
        """Tell whether the signature of this name has matched before this one ran; see `order`."""
        return any(match["name"] == name for match in self.results["signatures"])

    def get_signature_data(self, name: str) -> list[Any]:
        """Return the `data` of a signature that matched before, [] when it did not."""
        return next((match["data"] for match in self.results["signatures"] if match["name"] == name), [])


def _records(values: Iterable[Any] | None) -> Iterator[Mapping[str, Any]]:
    return (value for value in values or () if isinstance(value, Mapping))


def _extracted_from(file: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what unpackers took out of a file, from the successor's `selfextract` table."""
    tools = file.get("selfextract")
    for tool in tools.values() if isinstance(tools, Mapping) else ():
        if isinstance(tool, Mapping):
            yield from _records(tool.get("extracted_files"))
