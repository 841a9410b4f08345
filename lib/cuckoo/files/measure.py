"""Entropy and digests of parts of a file, within an allowance, because parts may overlap a thousandfold."""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache

from lib.cuckoo.files.budget import Data

ALLOWANCE_BYTES = 64 << 20
"""Measured beyond twice the size of the file before `Parts` stops."""
_BLOCK = 4 << 20


def entropy(data: bytes | memoryview) -> float:
    """Return Shannon's entropy in bits per byte, 0 to 8, to four decimals; 0 for no data."""
    size = len(data)
    if not size:
        return 0.0
    bits = sum(count * math.log2(size / count) for count in _counter()(data) if count)
    return round(bits / size, 4)


@cache
def _counter() -> Callable[[bytes | memoryview], Sequence[int]]:
    try:
        from lib.cuckoo.files._bytecount import byte_counts  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: PLC0415 - optional
    except ImportError:
        return _plain_counts
    counts: Callable[[bytes | memoryview], Sequence[int]] = byte_counts
    return counts


def _plain_counts(data: bytes | memoryview) -> list[int]:
    counts: Counter[int] = Counter()
    for start in range(0, len(data), _BLOCK):
        counts.update(bytes(data[start : start + _BLOCK]))
    return list(counts.values())


class Parts:
    """Measures parts of one file; `refused` counts those for which there was no allowance left."""

    def __init__(self, data: Data) -> None:
        self._view = memoryview(data)
        self._left = 2 * len(data) + ALLOWANCE_BYTES
        self._known: dict[tuple[int, int], tuple[float, str, str]] = {}
        self.refused = 0

    def measure(self, offset: int, size: int) -> tuple[float, str, str] | None:
        """Return entropy, MD5 and SHA-256 of what the file holds of a part; None when the allowance is used up."""
        part = self._view[max(offset, 0) : max(offset, 0) + max(size, 0)]
        place = (offset, len(part))
        if place not in self._known:
            if len(part) > self._left:
                self.refused += 1
                return None
            self._left -= len(part)
            self._known[place] = (
                entropy(part),
                hashlib.md5(part, usedforsecurity=False).hexdigest(),
                hashlib.sha256(part).hexdigest(),
            )
        return self._known[place]
