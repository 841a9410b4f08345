"""Times of a log: milliseconds since 1601, the epoch of Windows' FILETIME, as the contract's text."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
LATEST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


def filetime_ms(low: int, high: int) -> int:
    """Return the milliseconds of a FILETIME given in two halves, signed or not."""
    return ((high & 0xFFFFFFFF) << 32 | low & 0xFFFFFFFF) // 10_000


def timestamp(milliseconds: int) -> str:
    """Return `2026-01-31 13:21:44,590`; what no calendar holds is the first or last moment of it."""
    seconds, rest = divmod(min(max(milliseconds, 0), LATEST_MS), 1000)
    return f"{_second(seconds)},{rest:03d}"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(" ")[:19]
