"""Bases for signatures that come down to a table: expressions over the summary, or arguments of calls."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lib.cuckoo.common.lookups import Process
from lib.cuckoo.common.signature import Signature

OWN_PROCESS = frozenset({"0xffffffff", "0xffffffffffffffff", "4294967295", "18446744073709551615", "-1"})
"""The handle by which a process means itself."""
MOST_HITS = 100
"""Values that become evidence; the others are counted."""
MOST_CHARACTERS = 4096
"""Of a value are looked at: a sample chooses its command lines, and expressions take their time on long ones."""
_EVIDENCE = {
    "files": "file",
    "read_files": "file_read",
    "write_files": "file_written",
    "delete_files": "file_deleted",
    "keys": "key",
    "read_keys": "key_read",
    "write_keys": "key_written",
    "delete_keys": "key_deleted",
    "executed_commands": "command",
    "resolved_apis": "api_resolved",
    "mutexes": "mutex",
    "created_services": "service_created",
    "started_services": "service_started",
}


class SummaryPatterns(Signature):
    """Matches when the summary holds values that an expression fits; each is evidence.

    Expressions are searched for anywhere in a value, ignoring case.
    """

    patterns: Mapping[str, Sequence[str]] = {}
    """List of the summary to the expressions looked for in it."""
    exceptions: Sequence[str] = ()
    """Values that one of these fits do not count."""
    least_hits: int = 1
    """Different values that it takes."""

    def run(self) -> bool:
        """Collect the values that fit, and count those beyond the first hundred."""
        found = 0
        for name in self.patterns:
            for value in self.hits(name):
                found += 1
                if found <= MOST_HITS:
                    self.data.append({_EVIDENCE[name]: value})
        if found > MOST_HITS:
            self.data.append({"omitted": found - MOST_HITS})
        return found >= self.least_hits

    def hits(self, name: str) -> Iterator[str]:
        """Yield the values of one list that fit."""
        wanted, unwanted = alternatives(self.patterns[name]), alternatives(self.exceptions)
        for value in self.results["behavior"]["summary"][name]:
            if isinstance(value, str):
                start = value[:MOST_CHARACTERS]
                if wanted.search(start) and not (self.exceptions and unwanted.search(start)):
                    yield value


class CallSignature(Signature):
    """An evented signature, with what its kind needs: arguments of either family, handles of other processes."""

    evented = True

    def mark_call(self, *_args: object, **_details: object) -> None:
        """Add the call to `data`, up to a hundred: a process can repeat itself for hours."""
        if len(self.data) < MOST_HITS:
            super().mark_call()

    def argument(self, call: Mapping[str, Any], *names: str) -> str:
        """Return the first argument that the call has under one of the names, as text; "" when it has none.

        The successor writes `ProcessHandle` where the second family writes `process_handle`.
        """
        values = (self.get_argument(call, name) for name in names)
        return next((str(value) for value in values if value is not None), "")

    def number(self, call: Mapping[str, Any], *names: str) -> int:
        """Return such an argument as a number, 0 when there is none."""
        return as_number(self.argument(call, *names))

    def other_process(self, call: Mapping[str, Any], process: Process) -> str:
        """Return the handle of the other process that a call acts on, "" when it acts on its own."""
        handle = self.argument(call, "ProcessHandle", "process_handle")
        pid = self.number(call, "ProcessId", "ProcessIdentifier", "process_identifier")
        if not handle or handle.lower() in OWN_PROCESS or as_number(handle) == 0:
            return ""
        return "" if pid and pid == process.get("process_id") else handle


def alternatives(expressions: Iterable[str]) -> re.Pattern[str]:
    """Return one expression, ignoring case, that fits where any of several does."""
    return re.compile("|".join(f"(?:{expression})" for expression in expressions), re.IGNORECASE)


def as_number(text: str) -> int:
    """Return what `0x…` or decimal digits stand for, 0 for anything else."""
    try:
        return int(text, 16 if text.lower().startswith("0x") else 10)
    except ValueError:
        return 0
