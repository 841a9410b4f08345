"""Indicators as a table for people and as lines for programs."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from lib.cuckoo.common.spreadsheet import cell_text
from lib.cuckoo.reporting.iocs.indicator import Indicator
from lib.cuckoo.reporting.jsonstream import json_chunks

COLUMNS = ("type", "value", "sources", "first_seen", "allowed", "process_ids", "process_names")


def as_record(indicator: Indicator) -> dict[str, Any]:
    """Return an indicator under the names of `COLUMNS`; what there may be several of is a list."""
    return {
        "type": indicator.kind,
        "value": indicator.value,
        "sources": list(indicator.sources),
        "first_seen": indicator.first_seen or None,
        "allowed": indicator.allowed,
        "process_ids": list(indicator.process_ids),
        "process_names": list(indicator.process_names),
    }


def as_ndjson(indicators: Iterable[Indicator]) -> Iterator[bytes]:
    """Yield one JSON object a line, values as they are."""
    for indicator in indicators:
        yield b"".join(json_chunks(as_record(indicator))) + b"\n"


def as_csv(indicators: Iterable[Indicator]) -> Iterator[bytes]:
    """Yield CSV (RFC 4180) with a header, every cell quoted.

    What cannot be seen stands as an escape, what a spreadsheet would take for a formula begins with an apostrophe,
    and what is longer than a cell can be is cut: a value of `as_ndjson` may differ from its cell.
    """
    line = io.StringIO()
    writer = csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for indicator in indicators:
        writer.writerow([cell_text(_cell(value)) for value in as_record(indicator).values()])
        yield line.getvalue().encode()
        line.seek(0)
        line.truncate()
    yield line.getvalue().encode()


def _cell(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
