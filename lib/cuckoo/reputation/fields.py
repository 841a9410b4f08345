"""Taking values of a known type out of a service's answer; what has another type counts as absent."""

import time
from collections.abc import Iterator
from typing import Any

TEXT_LENGTH = 1000
_LATEST = 253_402_300_799  # the last second of the year 9999


def text(record: dict[str, Any], name: str) -> str | None:
    """Return a text of at most 1000 characters, without what is no Unicode."""
    value = record.get(name)
    return clean(value) if isinstance(value, str) else None


def clean(value: str) -> str:
    """Cut a text, and replace lone surrogates."""
    return value[:TEXT_LENGTH].encode(errors="replace").decode()


def number(record: dict[str, Any], name: str) -> int | None:
    """Return a whole number of at most 63 bits."""
    value = record.get(name)
    return value if type(value) is int and abs(value) < 1 << 63 else None


def moment(record: dict[str, Any], name: str) -> str | None:
    """Return seconds since 1970 as "YYYY-MM-DD HH:MM:SS" (UTC)."""
    value = number(record, name)
    if value is None or not 0 <= value <= _LATEST:
        return None
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(value))


def table(record: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object, empty if there is none."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def texts(record: dict[str, Any], name: str) -> Iterator[str]:
    """Yield the texts of a list."""
    value = record.get(name)
    yield from (
        clean(member) for member in (value if isinstance(value, list) else []) if isinstance(member, str)
    )
