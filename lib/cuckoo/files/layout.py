"""Numbers and texts at given places of a file, where the file may end anywhere."""

import struct
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.text import readable_name
from lib.cuckoo.files.budget import Data

_EPOCH_1601 = datetime(1601, 1, 1, tzinfo=UTC)
_EPOCH_1970 = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def _layout(layout: str) -> struct.Struct:
    return struct.Struct(layout)


def fields(layout: str, data: Data, offset: int = 0) -> tuple[Any, ...]:
    """Read the fields of a `struct` layout at `offset`.

    Raises:
        CuckooProcessingError: they do not lie within the data.
    """
    known = _layout(layout)
    if offset < 0 or offset + known.size > len(data):
        raise CuckooProcessingError(f"the file ends within the {known.size} bytes at offset {offset}")
    return known.unpack(data[offset : offset + known.size])


def number(data: Data, offset: int, size: int) -> int:
    """Read an unsigned little-endian number of `size` bytes.

    Raises:
        CuckooProcessingError: it does not lie within the data.
    """
    if offset < 0 or offset + size > len(data):
        raise CuckooProcessingError(f"the file ends within the {size} bytes at offset {offset}")
    return int.from_bytes(data[offset : offset + size], "little")


def utf16(raw: bytes) -> str:
    """Decode UTF-16LE up to its first null; lone surrogates become escapes, a last odd byte is dropped."""
    text = raw[: len(raw) & ~1].decode("utf-16-le", "surrogatepass").partition("\0")[0]
    return readable_name(text)


def narrow(raw: bytes, encoding: str = "cp1252") -> str:
    """Decode bytes up to their first null; an encoding that Python does not know is read as Windows-1252."""
    raw = raw.partition(b"\0")[0]
    try:
        return readable_name(raw.decode(encoding, "backslashreplace"))
    except (LookupError, ValueError):
        return raw.decode("cp1252", "backslashreplace")


def filetime(ticks: int) -> str | None:
    """Return a FILETIME (100 ns since 1601) as "2026-01-31 13:21:44"; None for 0 and for years beyond 9999."""
    return _moment(_EPOCH_1601, ticks // 10_000_000)


def unix_time(seconds: int) -> str | None:
    """Return seconds since 1970 as "2026-01-31 13:21:44"; None for 0 and for years beyond 9999."""
    return _moment(_EPOCH_1970, seconds)


def dos_time(date: int, time: int) -> str | None:
    """Return the date and time of MS-DOS as "2026-01-31 13:21:44", of no time zone; None where they are none."""
    try:
        moment = datetime(
            1980 + (date >> 9),
            date >> 5 & 15,
            date & 31,
            time >> 11,
            time >> 5 & 63,
            (time & 31) * 2,
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _moment(epoch: datetime, seconds: int) -> str | None:
    if not seconds:
        return None
    try:
        moment = epoch + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return moment.isoformat(" ", "seconds")[:19]
