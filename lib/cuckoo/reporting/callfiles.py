"""Calls in files of their own, `reports/calls/<pid>.ndjson`: written from the log, read on demand.

Rules for whoever edits this file:

- names are ours: a number, or `unknown`, and a number that tells two processes of one name apart
- the folder is ours altogether: it is made beside, and takes the place of whatever was there; no link is followed
- a report names these files, and reports are forged: only a name that `call_file_names` gives is opened
"""

import contextlib
import json
import os
import re
import shutil
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, overload

from lib.cuckoo.common.detach import Lined
from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.text import readable_name, size_text
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.jsonstream import json_chunks
from lib.cuckoo.reporting.story.values import Record, mapping, records, sequence

FOLDER = "calls"
_DRAFT, _FORMER = ".calls", ".calls.former"
_NAME = re.compile(r"calls/(?:\d{1,20}|unknown)(?:-\d{1,9})?\.ndjson")
_LONGEST_LINE = 256 << 20
_LARGEST_PID = 1 << 64


def call_file_names(processes: Sequence[Record]) -> list[str]:
    """Return the file of each process, relative to the reports: "calls/2840.ndjson", of the second with that id "-2".

    What is no process id, as forged logs have it, is "unknown".
    """
    met: Counter[str] = Counter()
    names = []
    for process in processes:
        stem = _stem(process.get("process_id"))
        met[stem] += 1
        number = f"-{met[stem]}" if met[stem] > 1 else ""
        names.append(f"{FOLDER}/{stem}{number}.ndjson")
    return names


def _stem(pid: object) -> str:
    if isinstance(pid, str) and pid.isascii() and pid.isdecimal() and len(pid) <= 20:
        pid = int(pid)
    plain = isinstance(pid, int) and not isinstance(pid, bool) and 0 <= pid < _LARGEST_PID
    return str(pid) if plain else "unknown"


def write_calls(reports: Path, processes: Sequence[Record]) -> list[int]:
    """Write the calls of each process, one a line; return how many, process by process.

    The folder of an earlier run is replaced. A process without calls has no file.

    Raises:
        OSError: something cannot be written; the folder is that of the earlier run then.
    """
    draft = reports / _DRAFT
    _remove(draft)
    draft.mkdir()
    try:
        counts = [
            _write(reports / name.replace(FOLDER, _DRAFT, 1), sequence(process.get("calls")))
            for name, process in zip(call_file_names(processes), processes, strict=True)
        ]
        _replace(reports / FOLDER, draft)
    except BaseException:
        with contextlib.suppress(OSError):
            _remove(draft)
        raise
    return counts


def remove_calls(reports: Path) -> None:
    """Remove what an earlier run wrote, if there is any.

    Raises:
        OSError: it cannot be removed.
    """
    for name in (FOLDER, _DRAFT, _FORMER):
        _remove(reports / name)


def _replace(target: Path, draft: Path) -> None:
    former = target.with_name(_FORMER)
    _remove(former)
    if os.path.lexists(target):
        target.rename(former)
    draft.rename(target)
    _remove(former)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write(target: Path, calls: Sequence[Any]) -> int:
    if not calls:
        return 0
    counted = _Counted(calls)
    write_whole(target, counted)
    return counted.lines


class _Counted:
    """The calls as lines, counted while they are written."""

    def __init__(self, calls: Sequence[Any]) -> None:
        self._calls = calls
        self.lines = 0

    def __iter__(self) -> Iterator[bytes]:
        calls = self._calls
        pieces = calls.json_lines() if isinstance(calls, Lined) else map(_line, calls)
        for piece in pieces:
            self.lines += piece.count(b"\n")
            yield piece


def _line(call: object) -> bytes:
    return b"".join(json_chunks(call)) + b"\n"


def told_elsewhere(results: Record, counts: Sequence[int], files: Sequence[str]) -> dict[str, Any]:
    """Return the results with `calls_count`, and `calls_file` where there is one, in the place of the calls.

    Args:
        results: the sections; they stay as they are.
        counts: calls of each process.
        files: of each process, relative to the reports; empty when the calls were not written at all.
    """
    behavior = results.get("behavior")
    if not isinstance(behavior, Mapping) or not records(behavior.get("processes")):
        return dict(results)
    numbers = iter(range(len(counts)))
    processes = [
        _without_calls(each, counts, files, next(numbers)) if isinstance(each, Mapping) else each
        for each in behavior["processes"]
    ]
    return {**results, "behavior": {**behavior, "processes": processes}}


def _without_calls(
    process: Record, counts: Sequence[int], files: Sequence[str], place: int
) -> dict[str, Any]:
    told: dict[str, Any] = {**process, "calls": [], "calls_count": counts[place]}
    return told | ({"calls_file": files[place]} if files and counts[place] else {})


class SavedCalls(Sequence[Any]):
    """The calls in a file of their own; a call is read when somebody asks for it.

    Raises, when it is read:
        CuckooOperationalError: the file cannot be read, or a line of it is no call; the message names both.
    """

    def __init__(self, folder: AnalysisFolder, path: Path) -> None:
        self._folder = folder
        self._path = path
        self._lines: array[int] | None = None

    def __len__(self) -> int:
        return len(self._offsets())

    def __iter__(self) -> Iterator[Any]:
        return self._read(range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """Return one call, or a list of them."""
        rows = range(len(self))
        return list(self._read(rows[index])) if isinstance(index, slice) else next(self._read([rows[index]]))

    def _offsets(self) -> "array[int]":
        """Return where each line begins; the file is looked through once."""
        if self._lines is None:
            offsets, at = array("Q"), 0
            with self._opened() as stream:
                while line := self._line(stream, len(offsets)):
                    offsets.append(at)
                    at += len(line)
            self._lines = offsets
        return self._lines

    def _read(self, rows: Iterable[int]) -> Iterator[Any]:
        offsets = self._offsets()
        with self._opened() as stream:
            for row in rows:
                if stream.tell() != offsets[row]:
                    stream.seek(offsets[row])
                yield self._call(self._line(stream, row), row)

    def _call(self, line: bytes, row: int) -> Any:
        try:
            return json.loads(line.decode("utf-8", "surrogateescape"))
        except (ValueError, RecursionError) as error:
            raise self._error(row, str(error)) from error

    def _line(self, stream: BinaryIO, row: int) -> bytes:
        try:
            line = stream.readline(_LONGEST_LINE + 1)
        except OSError as error:
            raise self._error(row, str(error)) from error
        if len(line) > _LONGEST_LINE:
            raise self._error(row, f"it is longer than {size_text(_LONGEST_LINE)}")
        return line

    def _error(self, row: int, reason: str) -> CuckooOperationalError:
        return CuckooOperationalError(
            f"cannot read {readable_name(str(self._path))}, line {row + 1}: {reason}"
        )

    def _opened(self) -> BinaryIO:
        return self._folder.open(self._path)


def with_saved_calls(results: dict[str, Any], folder: AnalysisFolder, reports: Path) -> dict[str, Any]:
    """Return the results with the calls that lie in files of their own; they are read when somebody asks for them.

    Args:
        results: what a report.json holds; changed.
        folder: the analysis, out of which no file is opened.
        reports: the folder of the report.
    """
    for process in records(mapping(results.get("behavior")).get("processes")):
        name = process.get("calls_file")
        known = isinstance(name, str) and _NAME.fullmatch(name) and folder.exists(reports / name)
        if known and isinstance(process, dict):
            process["calls"] = SavedCalls(folder, reports / str(name))
    return results
