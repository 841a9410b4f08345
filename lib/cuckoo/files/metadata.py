"""`files.json`: what the guest said about the files that it sent.

One JSON object a line (second family and successor): `path` in the analysis folder, `filepath` in the guest or
null, `pids` of the processes that touched it, in the successor `ppids`, `metadata` and `category` too.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.paths import INPUTS
from lib.cuckoo.common.text import readable_name

FILES_JSON = INPUTS["files_metadata"]
MAXIMUM_BYTES = 64 << 20
MAXIMUM_LINES = 250_000
MAXIMUM_LINE_BYTES = 1 << 20


@dataclass
class FileMetadata:
    """What is known about one file: its paths in the guest, its processes, and texts, as ordered sets."""

    guest_paths: dict[str, None] = field(default_factory=dict)
    pids: dict[int, None] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)
    """Each `metadata` that is not empty; what it means depends on where the file lies."""


@dataclass(frozen=True)
class Metadata:
    """Metadata by path relative to the folder; `problems` says in sentences what could not be read."""

    files: dict[str, FileMetadata]
    problems: list[str]


def read_metadata(folder: AnalysisFolder) -> Metadata:
    """Read files.json of an analysis; without it there is no metadata.

    Raises:
        CuckooProcessingError: it cannot be read at all.
    """
    if not folder.exists(FILES_JSON):
        return Metadata({}, [])
    raw = folder.read(FILES_JSON, MAXIMUM_BYTES + 1)
    lines = raw[:MAXIMUM_BYTES].splitlines()
    files, bad = parse_metadata(lines[:MAXIMUM_LINES])
    problems = [f"{FILES_JSON}: {bad} lines are no file's metadata"] if bad else []
    if len(raw) > MAXIMUM_BYTES or len(lines) > MAXIMUM_LINES:
        problems.append(f"{FILES_JSON}: only {min(len(lines), MAXIMUM_LINES)} lines are read")
    return Metadata(files, problems)


def parse_metadata(lines: Iterable[bytes]) -> tuple[dict[str, FileMetadata], int]:
    """Return the metadata by path, and how many lines were none; several lines about one file add up."""
    files: dict[str, FileMetadata] = {}
    bad = 0
    for line in filter(bytes.strip, lines):
        entry = _object(line)
        path = entry.get("path")
        if not isinstance(path, str):
            bad += 1
            continue
        known = files.setdefault(readable_name(path), FileMetadata())
        guest_path, pids = entry.get("filepath"), entry.get("pids")
        if isinstance(guest_path, str) and guest_path:
            known.guest_paths[readable_name(guest_path)] = None
        if isinstance(remark := entry.get("metadata"), str) and remark:
            known.remarks[readable_name(remark)] = None
        if isinstance(pids, list):
            known.pids |= dict.fromkeys(pid for pid in pids if type(pid) is int and 0 <= pid < 1 << 32)
    return files, bad


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > MAXIMUM_LINE_BYTES:
        return {}
    try:
        entry = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}
