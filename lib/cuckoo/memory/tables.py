"""One plugin's table and how it ended, from what arrived of its child."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from lib.cuckoo.memory.apart import Arrived
from lib.cuckoo.memory.settings import PluginSettings
from lib.cuckoo.memory.shapes import Column, DumpedRegion

Row = dict[str, Any]
NO_PROCESSES = "gave no process, and every system that runs has some: the image is cut short or damaged"


@dataclass
class Table:
    """What a plugin gave: columns and rows, also those of one that did not come to its end."""

    columns: list[Column] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    beyond: int = 0
    """Rows that were not kept because there were too many."""
    regions: list[DumpedRegion] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Ending:
    """How a plugin ended, in the words of the ledger."""

    outcome: str
    reason: str = ""
    traceback: str = ""


def table_of(records: Sequence[Any]) -> Table:
    """Sort the records of a child into a table; what has not the shape of a record is left out.

    `depth` stays in the rows of trees only.
    """
    table = Table()
    for record in records:
        if isinstance(record, list) and len(record) == 2:
            _file(table, record[0], record[1])
    if not any(row.get("depth") for row in table.rows):
        for row in table.rows:
            row.pop("depth", None)
    return table


def _file(table: Table, name: object, value: Any) -> None:
    if name == "row" and isinstance(value, dict):
        table.rows.append(value)
    elif name == "columns" and isinstance(value, list):
        table.columns = value
    elif name == "beyond" and isinstance(value, int):
        table.beyond = value
    elif name == "region" and isinstance(value, dict):
        table.regions.append(cast("DumpedRegion", value))
    elif name == "problem" and isinstance(value, str):
        table.problems.append(value)


def ending_of(arrived: Arrived, settings: PluginSettings, seconds: float, rows: int) -> Ending:
    """Say how a plugin ended that had so many seconds and gave so many rows."""
    kept = f"; the {rows:,} rows it had given are kept" if rows else ""
    if arrived.ending == "time":
        return Ending("TIMED_OUT", f"ended at its limit of {seconds:.0f} s{kept}")
    if arrived.ending == "size":
        return Ending("TOO_LARGE", f"its table is larger than what is left for tables{kept}")
    if arrived.ending:
        return Ending("CRASHED", f"its process ended with {arrived.ending}{kept}")
    if arrived.error:
        return _ending_of_error(arrived.error, settings, kept)
    if settings.key == "pslist" and not rows and not settings.filters:
        return Ending("FAILED", NO_PROCESSES)
    return Ending("COMPLETED")


def _ending_of_error(error: dict[str, str], settings: PluginSettings, kept: str) -> Ending:
    kind, text, trace = (error.get(name, "") for name in ("type", "text", "traceback"))
    bases = error.get("bases", "").split()
    if kind == "UnknownPluginError":
        return Ending("UNAVAILABLE", text)
    if kind == "UnsatisfiedError":
        return Ending("FAILED", f"needs what is not there: {text}")
    if kind == "MemoryError":
        return Ending("OUT_OF_MEMORY", f"needs more than {settings.memory_mb:,} MiB of memory{kept}")
    if kind == "NotImplementedError":
        return Ending("UNAVAILABLE", f"does not know this version of the system: {text}")
    if "VolatilityException" in bases or "CuckooProcessingError" in bases:
        return Ending("FAILED", f"{kind}: {text}{kept}", trace)
    return Ending("CRASHED", f"{kind}: {text}{kept}", trace)
