r"""Values as SQLite takes them: text that is valid Unicode, numbers of 64 bits, everything else as JSON.

NUL would end a text for many functions and tools, which then show less than there is, so it stands as `\x00`; lone
surrogates stand as their escapes.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from lib.cuckoo.common.text import readable_name
from lib.cuckoo.reporting.jsonstream import json_chunks
from lib.cuckoo.reporting.story.values import number, text

Cell = int | float | str | None
_QUICK = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_LARGEST = 1 << 63


def integer(value: object) -> int | None:
    """Return a whole number, also one that stands there as decimal text; None for anything else or beyond 64 bits."""
    if (
        isinstance(value, str)
        and len(value) <= 20
        and value.isascii()
        and value.removeprefix("-").isdecimal()
    ):
        value = int(value)
    return int(value) if isinstance(value, int) and -_LARGEST <= value < _LARGEST else None


def real(value: object) -> float | None:
    """Return a finite number, None for anything else."""
    return None if value is None or isinstance(value, Mapping | list) else number(value)


def words(value: object) -> str | None:
    """Return text: of a list its members with commas, None where there is nothing."""
    return None if value is None else storable(text(value))


def as_json(value: object) -> str | None:
    """Return a value as JSON, None where there is nothing."""
    if value is None:
        return None
    try:
        return _encodable(_QUICK(value))
    except (TypeError, ValueError, RecursionError):
        return b"".join(json_chunks(value)).decode()


def storable(value: str) -> str:
    """Return text that SQLite stores and its functions see whole."""
    if not value.isascii():
        value = readable_name(value)
    return value.replace("\0", "\\x00") if "\0" in value else value


def _encodable(value: str) -> str:
    """Return JSON text whose lone surrogates are escaped, as in report.json."""
    if not value.isascii():
        value.encode()
    return value


CELLS: Mapping[str, Callable[[Any], Cell]] = {
    "INTEGER": integer,
    "REAL": real,
    "TEXT": words,
    "JSON": as_json,
}
"""By the kind of a column; SQLite knows JSON as text."""
