"""Shapes that sections of several kinds have in common, as they stand in reports.

A record is a `TypedDict`; the text below a field says what it holds and in which unit. From these records, and those
beside the readers, the published schema and its page are made.
"""

from typing import Any, TypedDict


class YaraMatch(TypedDict):
    """A rule of YARA that matched."""

    name: str
    """Name of the rule."""
    meta: dict[str, Any]
    """What the rule says of itself."""
    strings: list[str]
    """What was found, each once, one character for a byte; at most 64 of 256 bytes."""
    addresses: dict[str, int]
    """First place of each string of the rule, named without its `$`: offset in a file, address in a process."""


class FileRecord(TypedDict):
    """A file, as `File(path).get_all()` describes it."""

    name: str
    """In the guest as far as it is known, else here."""
    path: str
    """Where it lies on the machine that processed the analysis."""
    guest_paths: list[str]
    """Where it lay in the guest."""
    size: int
    """Bytes."""
    crc32: str
    """Eight upper-case digits."""
    md5: str
    """Lower-case digits, as those of the next three."""
    sha1: str
    """SHA-1."""
    sha256: str
    """SHA-256."""
    sha512: str
    """SHA-512."""
    ssdeep: str | None
    """Fuzzy hash; null without the extra `fuzzy`, and for files that are too large."""
    tlsh: str | None
    """Fuzzy hash; null without the extra `fuzzy`, for files that are too large, and where it cannot be made."""
    type: str
    """In libmagic's words."""
    yara: list[YaraMatch]
    """Matches of the rules of the group."""


class Measure(TypedDict):
    """How long something took."""

    name: str
    """Of the class or signature."""
    time: float
    """Seconds."""
