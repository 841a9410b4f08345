"""Shapes of the section `static["archive"]`; nothing is extracted to fill them.

Times are "2026-01-31 13:21:44": UTC in tar, 7z, rar 5 and iso, the local time of whoever packed in zip, rar 4 and cab.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypedDict

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.content import shown_name

MAXIMUM_MEMBERS = 250_000
"""Members counted."""
BOMB_RATIO = 200
BOMB_BYTES = 1 << 30
_DRIVE = re.compile(r"[A-Za-z]:")
_SEPARATORS = re.compile(r"[\\/]")


class ArchiveMember(TypedDict):
    """One member of an archive.

    `size` and `packed` are in bytes, None where the format does not give them for one member alone. `warnings` says
    what is odd about its name: "absolute path", "leads to a parent folder", "control characters", "reversed text".
    """

    name: str
    """With its folders."""
    size: int | None
    """Bytes; null where the format does not give them for one member alone."""
    packed: int | None
    """Bytes in the archive; null where the format does not give them for one member alone."""
    modified: str | None
    """"2026-01-31 13:21:44"; UTC or local time by format."""
    directory: bool
    """True for a folder."""
    link: str | None
    """Where a link leads."""
    encrypted: bool
    """True when it takes a password."""
    method: str | None
    """How it is packed."""
    warnings: list[str]
    """What is odd about its name: "absolute path", "leads to a parent folder", "control characters", "reversed
    text"."""


class Archive(TypedDict):
    """An archive: `members` are the first of `count`; `comment` is its text. `anomalies` says in words what is odd."""

    format: str
    """"zip", "rar", "tar.gz" and so on."""
    count: int
    """Members."""
    size: int
    """Bytes of all members, unpacked."""
    encrypted: bool
    """True when a member takes a password."""
    comment: str | None
    """Text that is stored with it."""
    volume: bool
    """True for one part of several."""
    members: list[ArchiveMember]
    """The first of `count`."""
    anomalies: list[str]
    """What is odd, in words."""


def member(name: str, size: int | None, packed: int | None, modified: str | None) -> ArchiveMember:
    """Return the record of a plain file; the rest is for the reader to set."""
    return {
        "name": shown_name(name),
        "size": size,
        "packed": packed,
        "modified": modified,
        "directory": False,
        "link": None,
        "encrypted": False,
        "method": None,
        "warnings": list(_name_warnings(name)),
    }


def _name_warnings(name: str) -> Iterator[str]:
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        yield "absolute path"
    if ".." in _SEPARATORS.split(name):
        yield "leads to a parent folder"
    if any(ord(character) < 32 for character in name):
        yield "control characters"
    if "\u202e" in name:
        yield "reversed text"


def archive(
    form: str, members: Iterable[ArchiveMember], stored: int, budget: Budget, comment: str | None = None
) -> Archive:
    """Return the record of an archive of `stored` bytes; damage ends the list and stands in `anomalies`."""
    kept: list[ArchiveMember] = []
    anomalies: dict[str, None] = {}
    count = size = 0
    encrypted = False
    try:
        for each in members:
            count += 1
            size += each["size"] or 0
            encrypted |= each["encrypted"]
            anomalies |= dict.fromkeys(f"a name is odd: {warning}" for warning in each["warnings"])
            if count == MAXIMUM_MEMBERS:
                raise CuckooProcessingError(f"there are {MAXIMUM_MEMBERS} members or more")  # noqa: TRY301 - as damage
            if len(kept) < budget.entries:
                kept.append(each)
    except CuckooProcessingError as error:
        anomalies[str(error)] = None
    if count > len(kept):
        budget.note(f"there are {count} members, {len(kept)} are listed")
    anomalies |= dict.fromkeys(_size_anomalies(kept, size, stored))
    return {
        "format": form,
        "count": count,
        "size": size,
        "encrypted": encrypted,
        "comment": budget.clip("the comment", comment) if comment else None,
        "volume": False,
        "members": kept,
        "anomalies": list(anomalies),
    }


def _size_anomalies(members: list[ArchiveMember], size: int, stored: int) -> Iterator[str]:
    if size > BOMB_BYTES and size > BOMB_RATIO * stored:
        yield f"unpacks to {size} bytes, {size // max(stored, 1)} times its own size: a bomb?"
    packed = sum(each["packed"] or 0 for each in members)
    if packed > stored:
        yield f"members claim {packed} packed bytes in a file of {stored}: they overlap, or the file is cut"
    repeated = sum(number - 1 for number in Counter(each["name"] for each in members).values())
    if repeated:
        yield f"{repeated} names occur more than once"
