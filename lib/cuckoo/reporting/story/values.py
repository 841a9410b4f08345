"""Reading values of unknown shape: whatever stands there, each function returns what its name says.

Sections come from modules of any age and from reports of other engines, and every text in them from malware.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

Record = Mapping[str, Any]
_BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001 - the guest's clock has no zone, and only differences count


def mapping(value: object) -> Record:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    """Return the value if it is a sequence and no text, else an empty one; nothing of it is read."""
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray) else ()


def records(value: object) -> list[Record]:
    """Return the members of a sequence that are mappings."""
    return [member for member in sequence(value) if isinstance(member, Mapping)]


def number(value: object) -> float:
    """Return a finite number, also one that stands there as text; else 0."""
    try:
        found = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return found if math.isfinite(found) else 0.0


def text(value: object) -> str:
    """Return one line of text: "" for None, the members of a list after one another."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return ", ".join(f"{text(key)}: {_scalar(member)}" for key, member in value.items())
    if isinstance(value, Sequence):
        return ", ".join(_scalar(member) for member in value)
    return _scalar(value)


def _scalar(value: object) -> str:
    try:
        return str(value)
    except (
        ValueError,
        RecursionError,
    ):  # numbers of more digits than Python prints, values nested too deeply
        return f"({type(value).__name__})"


def first(value: object) -> str:
    """Return a text, of a list its first member."""
    members = sequence(value)
    return text(members[0]) if members else text(value)


def moment(value: object) -> float | None:
    """Return a time such as "2026-01-31 13:21:44,590" in seconds, or None; only differences have a meaning."""
    try:
        found = datetime.fromisoformat(text(value).replace(",", "."))
    except ValueError:
        return None
    return (found.replace(tzinfo=None) - _BEGINNING).total_seconds()


def pairs(value: object) -> Iterator[tuple[str, Any]]:
    """Yield the members of a mapping, names as text."""
    for name, member in mapping(value).items():
        yield text(name), member
