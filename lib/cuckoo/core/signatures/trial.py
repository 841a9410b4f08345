"""One signature file on calls and results that were written by hand: what `fledge.testing` offers to authors."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lib.cuckoo.core.signatures.loading import load_signature_file
from lib.cuckoo.core.signatures.selection import Definition
from lib.cuckoo.core.signatures.stage import StageResult, run_signatures


def run_signature(
    file: str | os.PathLike[str],
    *,
    calls: Iterable[Mapping[str, Any]] = (),
    results: Mapping[str, Any] | None = None,
    name: str = "",
) -> StageResult:
    """Run the signatures of one file and return what matched and how each ended.

    Args:
        file: the signature file.
        calls: calls of one process, "sample.exe" with the id 1000, that is put in front of those in `results`.
        results: sections of the results; absent ones are empty.
        name: run only the signature of this name.

    Raises:
        LookupError: the file cannot be loaded or defines no such signature; the message says why.
    """
    return run_signatures(definitions_in(Path(file), name), _with_calls(dict(results or {}), calls))


def call(
    api: str, category: str = "", *, status: bool = True, returned: str = "0x00000000", **arguments: object
) -> dict[str, Any]:
    """Return a call in the contract's shape; keyword arguments become its arguments, as text.

    A `repeated` or `timestamp` of its own is set on the dict.
    """
    return {
        "timestamp": "2026-01-31 13:21:44,590",
        "thread_id": "1",
        "caller": "0x00000000",
        "parentcaller": "0x00000000",
        "category": category,
        "api": api,
        "status": status,
        "return": returned,
        "arguments": [{"name": name, "value": str(value)} for name, value in arguments.items()],
        "repeated": 0,
        "id": 0,
    }


def definitions_in(file: Path, name: str = "") -> list[Definition]:
    """Return the signatures of a file, or the one of this name.

    Raises:
        LookupError: there is none.
    """
    loading = load_signature_file(file)
    found = [definition for definition in loading.definitions if name in {"", definition.name}]
    if not found:
        reasons = "; ".join(run.reason for run in loading.runs)
        raise LookupError(reasons or f"{file} defines no signature {name!r}")
    return found


def _with_calls(results: dict[str, Any], calls: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    made = [dict(each) for each in calls]
    if not made:
        return results
    behavior = dict(results.get("behavior") or {})
    process = {
        "process_id": 1000,
        "process_name": "sample.exe",
        "parent_id": 1,
        "module_path": _SAMPLE,
        "calls": made,
    }
    behavior["processes"] = [process, *behavior.get("processes", ())]
    return {**results, "behavior": behavior}


_SAMPLE = "C:\\Users\\user\\AppData\\Local\\Temp\\sample.exe"
