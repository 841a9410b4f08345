"""Tape archives, and files packed by gzip, bzip2 or xz, which often hold one.

The formats are POSIX pax and GNU tar, RFC 1952 for gzip. Packed files are unpacked as far as the budget allows.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.archives.records import Archive, ArchiveMember, archive, member
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.layout import fields, narrow, unix_time

_BLOCK = 512
_LONG_NAME, _LONG_LINK, _PAX = b"L", b"K", b"x"
_LINKS = {b"1", b"2"}
_DIRECTORY = b"5"
_HEADERS = {b"g", b"S", b"V"}
_LONGEST_HEADER = 1 << 20
_PIECE = 1 << 16
_XZ_MEMORY = 128 << 20
_GZIP_EXTRA, _GZIP_NAME = 4, 8
_BROKEN = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


def describe_tar(data: Data, budget: Budget, _: Save) -> Archive:
    """List a tape archive in the shape `Archive`; damage stands in `anomalies`."""
    return archive("tar", _members(data), len(data), budget)


def _members(data: Data) -> Iterator[ArchiveMember]:
    at = 0
    name = link = ""
    while header := data[at : at + _BLOCK].rstrip(b"\0"):
        size, kind = _size(data[at : at + _BLOCK], at), header[156:157]
        body = at + _BLOCK
        at = body + (size + _BLOCK - 1) // _BLOCK * _BLOCK
        if kind in {_LONG_NAME, _LONG_LINK, _PAX}:
            text = data[body : body + min(size, _LONGEST_HEADER)]
            name, link = _long(kind, text, name, link)
        elif kind not in _HEADERS:
            yield _member(header, size, name, link)
            name = link = ""
    if at > len(data):
        raise CuckooProcessingError(f"the archive ends within its last member, at offset {len(data)}")


def _member(header: bytes, size: int, name: str, link: str) -> ArchiveMember:
    prefix = narrow(header[345:500], "utf-8") if header[257:263] == b"ustar\0" else ""
    plain = narrow(header[:100], "utf-8")
    found = member(name or (f"{prefix}/{plain}" if prefix else plain), size, size, None)
    found["modified"] = unix_time(_octal(header[136:148]))
    found["directory"] = header[156:157] == _DIRECTORY
    if header[156:157] in _LINKS:
        found["link"] = (link or narrow(header[157:257], "utf-8"))[:1024]
    return found


def _size(header: bytes, at: int) -> int:
    """Return the size of a member, octal, or binary where the highest bit is set."""
    if len(header) < _BLOCK:
        raise CuckooProcessingError(f"the archive ends within the header at offset {at}")
    if _octal(header[148:156]) != sum(header) - sum(header[148:156]) + 8 * 32:
        raise CuckooProcessingError(f"the checksum of the header at offset {at} is wrong")
    raw = header[124:136]
    return int.from_bytes(raw[4:], "big") if raw[0] & 0x80 else _octal(raw)


def _octal(raw: bytes) -> int:
    digits = raw.strip(b"\0 ")
    return int(digits, 8) if digits and not digits.strip(b"01234567") else 0


def _long(kind: bytes, text: bytes, name: str, link: str) -> tuple[str, str]:
    """Return name and link of the next member as this header sets them."""
    if kind == _LONG_NAME:
        return narrow(text, "utf-8"), link
    if kind == _LONG_LINK:
        return name, narrow(text, "utf-8")
    records = dict(_pax_records(text))
    return records.get(b"path", name), records.get(b"linkpath", link)


def _pax_records(text: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield the records "length key=value" of a pax header."""
    at = 0
    while (blank := text.find(b" ", at, at + 10) - at) > 0:
        digits = text[at : at + blank]
        size = int(digits) if digits.isdigit() else 0
        if size <= blank:
            return
        key, _, value = text[at + blank + 1 : at + size].rstrip(b"\n").partition(b"=")
        yield key, narrow(value, "utf-8")
        at += size


def describe_packed(data: Data, budget: Budget, save: Save) -> Archive:
    """Describe a file packed by gzip, bzip2 or xz, in the shape `Archive`.

    A tape archive inside is listed; anything else is the one member.

    Raises:
        CuckooProcessingError: nothing of it can be unpacked.
    """
    form, unpack = _unpacking(data)
    content, problem = _unpacked(data, unpack, budget)
    if content[257:262] == b"ustar":
        found = describe_tar(content, budget, save)
        found["format"] = f"tar.{form}"
        # what a member takes of the packed file is not known
        for each in found["members"]:
            each["packed"] = None
        found["anomalies"] = [each for each in found["anomalies"] if "in a file of" not in each]
    else:
        found = archive(form, [_single(data, form, len(content))], len(data), budget)
    if problem:
        found["anomalies"].append(problem)
    return found


def _unpacking(data: Data) -> tuple[str, Callable[[bytes, int], tuple[bytes, Any]]]:
    if data[:2] == b"\x1f\x8b":
        gzip = zlib.decompressobj(31)

        def inflate(raw: bytes, maximum: int) -> tuple[bytes, Any]:
            return gzip.decompress(gzip.unconsumed_tail + raw, maximum), gzip

        return "gz", inflate
    if data[:3] == b"BZh":
        bzip2 = bz2.BZ2Decompressor()
        return "bz2", lambda raw, maximum: (bzip2.decompress(raw, maximum), bzip2)
    if data[:6] != b"\xfd7zXZ\0":
        raise CuckooProcessingError("packed by neither gzip nor bzip2 nor xz")
    xz = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    return "xz", lambda raw, maximum: (xz.decompress(raw, maximum), xz)


def _unpacked(
    data: Data, unpack: Callable[[bytes, int], tuple[bytes, Any]], budget: Budget
) -> tuple[bytes, str]:
    """Unpack the first stream as far as the budget allows; return the content and what went wrong."""
    budget.spend(1)
    parts = []
    left = max(1, budget.unpacked)
    at = 0
    try:
        while left > 0:
            piece = data[at : at + _PIECE]
            part, state = unpack(piece, left)
            at += len(piece)
            parts.append(part)
            left -= len(part)
            if state.eof or not (piece or part):
                break
    except _BROKEN as error:
        if not parts:
            raise CuckooProcessingError(f"cannot be unpacked: {error}") from error
        return b"".join(parts), f"damaged: {error}"
    budget.spend(budget.unpacked - left)
    if left <= 0:
        return b"".join(
            parts
        ), "unpacks to more than the option unpacked allows: the list is of its beginning"
    return b"".join(parts), "" if state.eof else "the packed data ends too early"


def _single(data: Data, form: str, size: int) -> ArchiveMember:
    name, modified = "", None
    if form == "gz":
        flags, seconds = fields("<BI", data, 3)
        modified = unix_time(seconds)
        at = 10 + (2 + fields("<H", data, 10)[0] if flags & _GZIP_EXTRA else 0)
        name = narrow(data[at : at + 1024], "latin-1") if flags & _GZIP_NAME else ""
    found = member(name, size, len(data), modified)
    found["method"] = form
    return found
