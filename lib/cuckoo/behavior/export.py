"""Calls as text for people and as files for other programs."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.common.spreadsheet import cell_text
from lib.cuckoo.common.text import visible

if TYPE_CHECKING:
    import pyarrow

Call = dict[str, Any]
COLUMNS = (
    *("process_id", "process_name", "timestamp", "thread_id", "category", "api"),
    *("status", "return", "repeated", "id", "arguments"),
)
_ROWS_PER_GROUP = 50_000
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_SHOWN = 120


def as_lines(calls: Iterable[Call]) -> Iterator[bytes]:
    """Yield one line a call: time of day, process, name, arguments, and what it returned.

    Long values are cut, and what would break the line or steer a terminal stands as an escape, wherever it stands.
    """
    for call in calls:
        repeated = f" (and {call['repeated']} more)" if call["repeated"] else ""
        shown = (
            f"{call['timestamp'][11:]} {call['process_id']:>5} {call['api']}({_arguments(call, _brief)})"
            f" = {call.get('pretty_return') or call['return']}{repeated}"
        )
        yield f"{visible(shown)}\n".encode()


def as_ndjson(calls: Iterable[Call]) -> Iterator[bytes]:
    """Yield one JSON object a line."""
    for call in calls:
        yield _as_json(call) + b"\n"


def _as_json(call: Call) -> bytes:
    """Return a call as JSON that every parser takes: half a surrogate pair becomes its visible escape."""
    shown = json.dumps(call, ensure_ascii=False, allow_nan=False)
    try:
        return shown.encode()
    except UnicodeEncodeError:
        return _LONE_SURROGATE.sub(lambda match: f"\\\\u{ord(match[0]):04x}", shown).encode()


def as_csv(calls: Iterable[Call]) -> Iterator[bytes]:
    """Yield CSV with a header, its cells fit for spreadsheets: long ones are cut, none is a formula."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for call in calls:
        cells = [*(call[name] for name in COLUMNS[:-1]), _arguments(call)]
        writer.writerow([cell_text(cell) if isinstance(cell, str) else cell for cell in cells])
        yield line.getvalue().encode()
        line.seek(0)
        line.truncate()
    yield line.getvalue().encode()


def write_parquet(calls: Iterable[Call], file: IO[bytes]) -> None:
    """Write a Parquet file: a row a call, arguments as a list of name, value and pretty_value.

    Raises:
        CuckooDependencyError: pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: PLC0415 - an extra, and heavy
        from pyarrow import parquet  # noqa: PLC0415 - an extra, and heavy
    except ImportError as error:
        raise CuckooDependencyError("Parquet needs pyarrow: pip install 'fledge[parquet]'") from error
    schema = _schema(pyarrow)
    rows = iter(calls)
    with parquet.ParquetWriter(file, schema) as writer:
        while group := list(islice(rows, _ROWS_PER_GROUP)):
            writer.write_table(pyarrow.Table.from_pylist(list(map(_row, group)), schema))


TEXT_FORMATS: dict[str, Callable[[Iterable[Call]], Iterator[bytes]]] = {
    "table": as_lines,
    "ndjson": as_ndjson,
    "csv": as_csv,
}


def _schema(pyarrow: Any) -> "pyarrow.Schema":
    text = pyarrow.string()
    argument = pyarrow.struct([("name", text), ("value", text), ("pretty_value", text)])
    kinds = {"process_id": pyarrow.int64(), "status": pyarrow.bool_(), "repeated": pyarrow.int64()}
    kinds |= {"id": pyarrow.int64(), "arguments": pyarrow.list_(argument)}
    return pyarrow.schema([(name, kinds.get(name, text)) for name in COLUMNS])


def _row(call: Call) -> Call:
    arguments = [{**each, "value": _text(each["value"])} for each in call["arguments"]]
    return {**call, "arguments": arguments}


def _arguments(call: Call, show: Callable[[str], str] = str) -> str:
    return ", ".join(f"{each['name']}={show(_shown(each))}" for each in call["arguments"])


def _brief(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _shown(argument: Call) -> str:
    return str(argument.get("pretty_value") or _text(argument["value"]))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
