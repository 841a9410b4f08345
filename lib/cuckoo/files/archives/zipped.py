"""Zip archives: their members, by the directory at the end or, where that is damaged, by the headers before each.

The format is PKWARE's APPNOTE.TXT. Members are unpacked only by those who ask, within a budget.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.text import readable_text
from lib.cuckoo.files.budget import Budget, Data
from lib.cuckoo.files.layout import dos_time, fields

_END = b"PK\x05\x06"
_END_BYTES = 22
_LONGEST_COMMENT = 0xFFFF
_MEMBER, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"
_STORED, _DEFLATED = 0, 8
_ZIP64_SIZE = 0xFFFFFFFF
METHODS = {
    0: "stored",
    1: "shrunk",
    6: "imploded",
    8: "deflated",
    9: "deflate64",
    12: "bzip2",
    14: "lzma",
    93: "zstd",
    95: "xz",
    98: "ppmd",
    99: "aes",
}


@dataclass(frozen=True)
class Member:
    """One member; `offset` is that of its local header."""

    name: str
    offset: int
    packed: int
    size: int
    crc: int
    method: int
    flags: int
    modified: str | None
    attributes: int = 0

    @property
    def encrypted(self) -> bool:
        """Tell whether a password is needed."""
        return bool(self.flags & 1)

    @property
    def is_directory(self) -> bool:
        """Tell whether it is a folder, which zip marks by the last character of the name."""
        return self.name.endswith("/")

    @property
    def is_link(self) -> bool:
        """Tell whether Unix attributes call it a symbolic link."""
        return self.attributes >> 28 == 0xA


@dataclass(frozen=True)
class Directory:
    """The directory at the end; `shift` is the size of whatever stands before the archive."""

    offset: int
    size: int
    count: int
    shift: int
    comment: bytes


def directory(data: Data) -> Directory | None:
    """Find the directory; None where the archive has no end."""
    start = max(0, len(data) - _END_BYTES - _LONGEST_COMMENT)
    tail = data[start:]
    at = tail.rfind(_END)
    if at < 0 or at + _END_BYTES > len(tail):
        return None
    count, size, offset, length = fields("<HIIH", tail, at + 10)
    end = start + at
    if _ZIP64_SIZE in {size, offset} or count == 0xFFFF:
        count, size, offset, end = _zip64(data, end) or (count, size, offset, end)
    shift = max(0, end - size - offset)
    return Directory(offset + shift, size, count, shift, tail[at + _END_BYTES : at + _END_BYTES + length])


def _zip64(data: Data, end: int) -> tuple[int, int, int, int] | None:
    if data[max(0, end - 20) : max(0, end - 16)] != b"PK\x06\x07":
        return None
    place: int = fields("<Q", data, end - 12)[0]
    if data[place : place + 4] != b"PK\x06\x06":
        return None
    count, size, offset = fields("<QQQ", data, place + 32)
    return count, size, offset, place


def members(data: Data) -> Iterator[Member]:
    """Yield the members as the directory lists them; without a directory, as their own headers give them.

    Raises:
        CuckooProcessingError: the directory is damaged, after the members before the damage.
    """
    place = directory(data)
    if place is None:
        yield from _recovered(data)
        return
    at = place.offset
    while data[at : at + 4] == _MEMBER and at < place.offset + place.size:
        member, at = _listed(data, at, place.shift)
        yield member
    if at != place.offset + place.size:
        raise CuckooProcessingError(f"the directory of the archive is damaged at offset {at}")


def _listed(data: Data, at: int, shift: int) -> tuple[Member, int]:
    flags, method, time, date, crc, packed, size = fields("<HHHHIII", data, at + 8)
    name_size, extra_size, comment_size, _, _, attributes, offset = fields("<HHHHHII", data, at + 28)
    name_at = at + 46
    raw = data[name_at : name_at + name_size]
    extra = data[name_at + name_size : name_at + name_size + extra_size]
    size, packed, offset = _wide(extra, size, packed, offset)
    following = name_at + name_size + extra_size + comment_size
    member = Member(
        _name(raw, flags), offset + shift, packed, size, crc, method, flags, dos_time(date, time), attributes
    )
    return member, following


def _wide(extra: bytes, *values: int) -> tuple[int, ...]:
    """Replace sizes that do not fit into four bytes by those of the extra field 1."""
    at = 0
    while at + 4 <= len(extra):
        key, size = fields("<HH", extra, at)
        if key == 1:
            wide = [extra[at + 4 + i : at + 12 + i] for i in range(0, size, 8)]
            numbers = iter([int.from_bytes(each, "little") for each in wide if len(each) == 8])
            return tuple(next(numbers, value) if value == _ZIP64_SIZE else value for value in values)
        at += 4 + size
    return values


def _recovered(data: Data) -> Iterator[Member]:
    at = data.find(_LOCAL)
    while 0 <= at <= len(data) - 30:
        flags, method, time, date, crc, packed, size, name_size, extra_size = fields(
            "<HHHHIIIHH", data, at + 6
        )
        name = _name(data[at + 30 : at + 30 + name_size], flags)
        yield Member(name, at, packed, size, crc, method, flags, dos_time(date, time))
        at = data.find(_LOCAL, at + 30 + name_size + extra_size + (packed if packed != _ZIP64_SIZE else 0))


def _name(raw: bytes, flags: int) -> str:
    if flags & 0x800:
        return readable_text(raw)
    return raw.decode("cp437")


def content(data: Data, member: Member, budget: Budget) -> bytes:
    """Unpack a member, at most as many bytes as its header claims.

    Raises:
        CuckooProcessingError: it is encrypted, packed by another method, damaged, or more than the budget allows.
    """
    if member.encrypted or member.method not in {_STORED, _DEFLATED}:
        raise CuckooProcessingError(f"{member.name} is {_state(member)}")
    signature, name_size, extra_size = fields("<4s22xHH", data, member.offset)
    if signature != _LOCAL:
        raise CuckooProcessingError(f"{member.name} has no header at offset {member.offset}")
    start = member.offset + 30 + name_size + extra_size
    packed = data[start : start + member.packed]
    if member.method == _STORED:
        budget.spend(len(packed))
        return packed
    allowed = max(0, min(member.size, budget.unpacked))
    try:
        unpacked = zlib.decompressobj(-15).decompress(packed, allowed) if allowed else b""
    except zlib.error as error:
        raise CuckooProcessingError(f"{member.name} cannot be unpacked: {error}") from error
    budget.spend(member.size if len(unpacked) == allowed < member.size else len(unpacked))
    return unpacked


def _state(member: Member) -> str:
    method = METHODS.get(member.method, f"method {member.method}")
    return "encrypted" if member.encrypted else f"packed by {method}"


def without_signature(name: str) -> str:
    """Return a name as the parts of a zipped document refer to it: no leading slash, slashes for backslashes."""
    return re.sub(r"^/+", "", name.replace("\\", "/"))
