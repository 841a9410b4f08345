"""The task: what the sandbox was asked to do, from whatever the folder still holds of it.

Three sources, the first that can be read wins: `task.json` (second family, with dates as `{"$dt": …}`, and
successor, with plain strings), the section `[analysis]` of `analysis.conf` (classic), the folder itself.
"""

import configparser
import json
import math
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from lib.cuckoo.analysis.sample import SAMPLE, original_name, sample_name
from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.text import readable_name

MAXIMUM_BYTES = 1 << 20
"""Real tasks take some kilobytes."""
MAXIMUM_DEPTH = 20
DEFAULTS: dict[str, Any] = {
    "id": None,
    "category": "unknown",
    "target": "",
    "package": "",
    "options": "",
    "custom": "",
    "machine": "",
    "platform": "",
    "timeout": None,
    "started_on": None,
    "completed_on": None,
}
"""What modules may rely on finding in every task."""
_DATES = ("added_on", "started_on", "completed_on", "clock")
_NUMBERS = ("id", "timeout")


class Task(NamedTuple):
    """A task, and in sentences what was wrong with the sources it was read from."""

    fields: dict[str, Any]
    problems: list[str]


def load_task(path: str | os.PathLike[str]) -> Task:
    """Return the task of an analysis folder, with what can be known when its sources are bad or absent.

    Dates are text, "2016-08-25 22:44:58". `id` is a number or None, `category` is "file", "url", another word
    of the sandbox, or "unknown"; the other keys of `DEFAULTS` are present, and all else that the source says.
    """
    folder = AnalysisFolder(path)
    problems: list[str] = []
    task = dict(DEFAULTS)
    for name, read in _SOURCES.items():
        if folder.exists(name):
            try:
                task |= _known(read(_text(folder, name, problems)))
                break
            except CuckooProcessingError as error:
                problems.append(_about(name, error))
    return Task(task | _from_folder(folder, task), problems)


def _about(name: str, error: CuckooProcessingError) -> str:
    message = str(error)
    return message if name in message else f"{name}: {message}"


def _text(folder: AnalysisFolder, name: str, problems: list[str]) -> str:
    raw = folder.read(name, MAXIMUM_BYTES + 1)
    if len(raw) > MAXIMUM_BYTES:
        raise CuckooProcessingError(f"larger than the {MAXIMUM_BYTES} bytes that a task may take")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.append(f"{name}: byte {error.start} is not UTF-8; read as Latin-1")
        return raw.decode("latin-1")


def _from_json(text: str) -> dict[str, Any]:
    try:
        task = _plain(json.loads(text))
    except RecursionError as error:
        raise CuckooProcessingError("nested too deeply") from error
    except ValueError as error:
        raise CuckooProcessingError(f"no JSON: {error}" if text.strip() else "empty") from error
    if not isinstance(task, dict):
        raise CuckooProcessingError(f"holds a {type(task).__name__}, not an object")
    return task


def _plain(value: Any, depth: int = 0) -> Any:
    """Replace what JSON text can say and reports cannot hold: dates, lone surrogates, infinities, endless integers."""
    if depth > MAXIMUM_DEPTH:
        raise CuckooProcessingError(f"nested more than {MAXIMUM_DEPTH} deep")
    if isinstance(value, str):
        return readable_name(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return str(value)
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        if value.keys() == {"$dt"}:
            return plain_date(value["$dt"])
        return {readable_name(key): _plain(item, depth + 1) for key, item in value.items()}
    return value


def _from_conf(text: str) -> dict[str, Any]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.MissingSectionHeaderError as error:
        raise CuckooProcessingError(f"line {error.lineno} stands before any section") from error
    except configparser.ParsingError:
        pass  # it has read the other lines
    except configparser.Error as error:
        raise CuckooProcessingError(str(error).replace("\n", " ")) from error
    if not parser.has_section("analysis"):
        raise CuckooProcessingError("has no section [analysis]")
    return {key: None if value == "None" else value for key, value in parser.items("analysis")}


_SOURCES: dict[str, Callable[[str], dict[str, Any]]] = {"task.json": _from_json, "analysis.conf": _from_conf}


def _known(task: dict[str, Any]) -> dict[str, Any]:
    """Give the values that modules rely on their types; what cannot have its type counts as unknown."""
    task = {key: value for key, value in task.items() if value is not None or key not in DEFAULTS}
    for key in _DATES:
        if key in task:
            task[key] = plain_date(task[key])
    for key in _NUMBERS:
        if key in task:
            task[key] = _number(task[key])
    for key in ("category", "target"):
        if not isinstance(task.get(key, ""), str) or not task.get(key):
            task.pop(key, None)
    return task


def plain_date(value: object) -> str | None:
    """Return a date as reports show it, "2016-08-25 22:44:58"; text in an unknown form stays as it is."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return readable_name(value)


def _number(value: object) -> int | bool | None:
    if isinstance(value, int):
        return value
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _from_folder(folder: AnalysisFolder, task: dict[str, Any]) -> dict[str, Any]:
    """Tell what the folder knows of what the task does not say."""
    known: dict[str, Any] = {}
    if task["id"] is None:
        known["id"] = _number(Path(folder.path).name)
    sample = sample_name(folder)
    if task["category"] == "unknown" and folder.exists(sample):
        known["category"] = "file"
    if not task["target"] and sample != SAMPLE:
        known["target"] = readable_name(original_name(sample, ""))
    return known
