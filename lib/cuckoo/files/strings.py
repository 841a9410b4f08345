"""Printable strings in binary data of any size, in memory that does not grow with it.

Rules for whoever edits this file:

- data comes in windows; a string that crosses a border is found whole, as if there were no windows
- time is linear: searching is left to `bytes.find` on a translated copy of the window, in which every
  printable byte is an `A` and every zero a `Z`, so that text is a run `AAAA…` in ASCII and `AZAZ…` in UTF-16
- a cursor only ever moves forward
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from lib.cuckoo.common.exceptions import CuckooProcessingError

ENCODINGS = ("ascii", "utf-16le", "utf-16be")
WINDOW_BYTES = 4 << 20
LONGEST = 8192
"""Characters; a longer string comes in pieces of this length."""
_CLASSES = bytes(65 if 0x20 <= byte < 0x7F else 90 if byte == 0 else 46 for byte in range(256))
# possessive: a run can fill a window, and backtracking would remember each step of it
_NARROW = re.compile(b"A++")
_WIDE = re.compile(b"(?:AZ)++A?|(?:ZA)++Z?|[AZ]")


@dataclass(frozen=True)
class String:
    """One string: its text, the offset of its first byte, and its encoding, one of `ENCODINGS`."""

    text: str
    offset: int
    encoding: str


def windows(stream: BinaryIO, size: int = WINDOW_BYTES) -> Iterator[bytes]:
    """Read a file in windows.

    Raises:
        CuckooProcessingError: reading failed.
    """
    try:
        while window := stream.read(size):
            yield window
    except OSError as error:
        raise CuckooProcessingError(f"cannot read {stream.name}: {error.strerror}") from error


def ascii_strings(data: Iterable[bytes], minlength: int) -> Iterator[String]:
    """Yield runs of at least `minlength` printable ASCII characters, space to tilde, by offset."""
    for window, base, start, end in _runs(data, (b"A" * minlength,), _NARROW, max(LONGEST, minlength)):
        yield String(window[start:end].decode("ascii"), base + start, "ascii")


def utf16_strings(data: Iterable[bytes], minlength: int) -> Iterator[String]:
    """Yield runs of at least `minlength` printable ASCII characters in UTF-16, either order, by offset."""
    needles = (b"AZ" * minlength, b"ZA" * minlength)
    for window, base, start, end in _runs(data, needles, _WIDE, 2 * max(LONGEST, minlength)):
        first, encoding = _byte_order(window, base, start, end)
        length = (end - first) & ~1
        yield String(
            window[first : first + length].replace(b"\0", b"").decode("ascii"), base + first, encoding
        )


def first_strings(stream: BinaryIO, minlength: int, maximum: int | None) -> tuple[list[String], list[str]]:
    """Return the first `maximum` strings of each encoding, by encoding, then offset.

    The second value names the encodings that have more strings than that. None keeps all.

    Raises:
        CuckooProcessingError: reading failed.
    """
    strings: list[String] = []
    more: list[str] = []
    for find, encodings in ((ascii_strings, ENCODINGS[:1]), (utf16_strings, ENCODINGS[1:])):
        stream.seek(0)
        kept, full = _first_of_each(find(windows(stream), minlength), encodings, maximum)
        strings += chain.from_iterable(kept.values())
        more += [encoding for encoding in encodings if encoding in full]
    return strings, more


def _first_of_each(
    strings: Iterable[String], encodings: tuple[str, ...], maximum: int | None
) -> tuple[dict[str, list[String]], set[str]]:
    """Sort strings by encoding until each has more than `maximum`."""
    kept: dict[str, list[String]] = {encoding: [] for encoding in encodings}
    full: set[str] = set()
    for string in strings:
        if maximum is None or len(kept[string.encoding]) < maximum:
            kept[string.encoding].append(string)
        else:
            full.add(string.encoding)
            if len(full) == len(encodings):
                break
    return kept, full


def _byte_order(window: bytes, base: int, start: int, end: int) -> tuple[int, str]:
    """Tell where in a run `AZAZ…` or `ZAZA…` the text begins, and in which byte order.

    A run that begins with a character and ends with a zero is little endian, the opposite big endian. The
    others can be read either way; there, text stands at even offsets.
    """
    little = start + (window[start] == 0)
    big = start + (window[start] != 0)
    if (end - start) % 2 == 0:
        return (start, "utf-16le") if little == start else (start, "utf-16be")
    return (little, "utf-16le") if (base + little) % 2 == 0 else (big, "utf-16be")


def _runs(
    data: Iterable[bytes], needles: tuple[bytes, ...], pattern: re.Pattern[bytes], longest: int
) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield (window, offset of the window, start, end) for each run of the classes that begins with a needle.

    `pattern` matches a whole run, forwards and backwards. A run that may go on in the next window waits for
    it. Runs above `longest` bytes are cut into pieces, counted from where the run begins, so that the cuts do
    not depend on the windows.
    """
    rest, base = b"", 0
    for fresh in chain(filter(None, data), (b"",)):
        window = rest + fresh
        classes = window.translate(_CLASSES)
        limit = _settled(classes, pattern, longest) if fresh else len(classes)
        for start, end in _found(classes, limit, needles, pattern):
            for piece in range(start, end, longest):
                if end - piece >= len(needles[0]):
                    yield window, base, piece, min(piece + longest, end)
        rest, base = window[limit:], base + limit


def _settled(classes: bytes, pattern: re.Pattern[bytes], longest: int) -> int:
    """Return how much of a window is final: all before its last run, and whole pieces of that."""
    tail = pattern.match(classes[::-1])
    return len(classes) - (tail.end() % longest if tail else 0)


def _found(
    classes: bytes, limit: int, needles: tuple[bytes, ...], pattern: re.Pattern[bytes]
) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the runs below `limit` that begin with a needle."""
    if b"A" not in classes:  # spares a sparse file the needles' slow search through zeros
        return
    places = [classes.find(needle, 0, limit) for needle in needles]
    while max(places) >= 0:
        start = min(place for place in places if place >= 0)
        run = pattern.match(classes, start, limit)
        assert run is not None  # the needle itself matches
        end = run.end()
        yield start, end
        places = [
            classes.find(needle, end, limit) if 0 <= place < end else place
            for needle, place in zip(needles, places, strict=True)
        ]
