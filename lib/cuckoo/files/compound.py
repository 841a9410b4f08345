"""OLE compound files: the containers of old Office documents, installer packages and Outlook messages.

The format is [MS-CFB]: sectors, chained by a table (FAT); small streams in a stream of their own (mini stream),
chained by a second table; a directory of 128-byte entries that form a tree.

Rules for whoever edits this file:

- every link in the file may lead anywhere: chains and trees are followed with a set of what was seen
- streams may share sectors; whoever reads many of them accounts for each in a budget
"""

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.text import readable_name
from lib.cuckoo.files.budget import Data
from lib.cuckoo.files.layout import fields, number

SIGNATURE = bytes.fromhex("d0cf11e0a1b11ae1")
MAXIMUM_DEPTH = 32
"""Storages within storages that are followed; what lies deeper stands under the last of them."""
MAXIMUM_ENTRIES = 100_000
_LAST = 0xFFFFFFFA
"""Numbers from here on are marks, such as the end of a chain, and no sectors."""
_NOBODY = 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5


@dataclass(frozen=True)
class Entry:
    """One stream or storage; `path` holds the names from the root, which itself has the empty path."""

    path: tuple[str, ...]
    is_stream: bool
    start: int
    size: int
    clsid: bytes
    created: int
    modified: int

    @property
    def name(self) -> str:
        """Return the last name of the path, empty for the root."""
        return self.path[-1] if self.path else ""


@dataclass(frozen=True)
class _Raw:
    name: str
    kind: int
    left: int
    right: int
    child: int
    entry: tuple[int, int, bytes, int, int]


class CompoundFile:
    """A compound file; `entries` lists its streams and storages, without the root.

    Raises:
        CuckooProcessingError: the header or the directory cannot be read.
    """

    def __init__(self, data: Data) -> None:
        if data[:8] != SIGNATURE:
            raise CuckooProcessingError("no compound file")
        shift, self._mini_shift = fields("<HH", data, 30)
        if not 7 <= shift <= 16 or not 2 <= self._mini_shift <= shift:
            raise CuckooProcessingError(f"sectors of 2**{shift} and 2**{self._mini_shift} bytes")
        self._data = data
        self._sector = 1 << shift
        self._cutoff, first_mini = fields("<II", data, 56)
        self._fat = self._table(_fat_sectors(data, self._sector))
        self._mini_fat = self._table(self._chain(first_mini))
        listing = self._read(number(data, 48, 4), MAXIMUM_ENTRIES * 128)
        raw = [_directory_entry(listing, at) for at in range(0, len(listing) - 127, 128)]
        if not raw:
            raise CuckooProcessingError("the compound file has no directory")
        self._mini_start, self._mini_size = raw[0].entry[0], raw[0].entry[1]
        self._mini: bytes | None = None
        self.clsid = raw[0].entry[2]
        self.entries = list(_tree(raw))

    def streams(self) -> Iterator[Entry]:
        """Yield the streams, each storage's before those of storages inside it."""
        return (entry for entry in self.entries if entry.is_stream)

    def find(self, *path: str) -> Entry | None:
        """Return the stream of a path, in any case of letters."""
        wanted = tuple(name.lower() for name in path)
        return next((e for e in self.streams() if tuple(map(str.lower, e.path)) == wanted), None)

    def read(self, entry: Entry, maximum: int) -> bytes:
        """Return the first `maximum` bytes of a stream, fewer where its chain ends early."""
        size = min(entry.size, maximum)
        if entry.size < self._cutoff:
            return self._read_mini(entry.start, size)
        return self._read(entry.start, size)

    def _read(self, start: int, size: int) -> bytes:
        parts = []
        left = size
        for sector in self._chain(start):
            if left <= 0:
                break
            at = (sector + 1) * self._sector
            parts.append(self._data[at : at + self._sector])
            left -= self._sector
        return b"".join(parts)[:size]

    def _read_mini(self, start: int, size: int) -> bytes:
        if self._mini is None:
            self._mini = self._read(self._mini_start, min(self._mini_size, len(self._data)))
        unit = 1 << self._mini_shift
        seen: set[int] = set()
        parts = []
        while size > len(seen) * unit and start < len(self._mini_fat) and start not in seen:
            seen.add(start)
            parts.append(self._mini[start * unit : (start + 1) * unit])
            start = self._mini_fat[start]
        return b"".join(parts)[:size]

    def _chain(self, start: int) -> Iterator[int]:
        seen: set[int] = set()
        while start < len(self._fat) and start not in seen:
            seen.add(start)
            yield start
            start = self._fat[start]

    def _table(self, sectors: Iterator[int]) -> "array[int]":
        table = array("I")
        for sector in sectors:
            at = (sector + 1) * self._sector
            whole = self._data[at : at + self._sector]
            table.frombytes(whole[: len(whole) & ~3])
        return table


def _fat_sectors(data: Data, size: int) -> Iterator[int]:
    """Yield the sectors of the FAT, as the header and the sectors chained to it list them, each once."""
    seen: set[int] = set()
    for sector in _fat_list(data, size):
        if sector < _LAST and sector not in seen and (sector + 1) * size < len(data):
            seen.add(sector)
            yield sector


def _fat_list(data: Data, size: int) -> Iterator[int]:
    yield from fields("<109I", data, 76)
    following = number(data, 68, 4)
    seen: set[int] = set()
    while following not in seen and (following + 2) * size <= len(data):
        seen.add(following)
        at = (following + 1) * size
        numbers = struct.unpack(f"<{size // 4}I", data[at : at + size])
        yield from numbers[:-1]
        following = numbers[-1]


def _directory_entry(listing: bytes, at: int) -> _Raw:
    length, kind = fields("<HB", listing, at + 64)
    name = listing[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "surrogatepass")
    left, right, child, clsid = fields("<III16s", listing, at + 68)
    created, modified, start, size = fields("<QQIQ", listing, at + 100)
    return _Raw(
        readable_name(name), kind, left, right, child, (start, size & 0xFFFFFFFF, clsid, created, modified)
    )


def _tree(raw: list[_Raw]) -> Iterator[Entry]:
    """Yield the entries of the tree below the root; those that no parent names come last, under the root."""
    seen = {0}
    waiting: list[tuple[int, tuple[str, ...]]] = [(raw[0].child, ())]
    while waiting:
        index, parents = waiting.pop()
        if index >= len(raw) or index in seen:
            continue
        seen.add(index)
        item = raw[index]
        inside = parents if len(parents) >= MAXIMUM_DEPTH else (*parents, item.name)
        waiting += [(item.child, inside), (item.right, parents), (item.left, parents)]
        if item.kind in {_STORAGE, _STREAM}:
            yield _entry(item, parents)
    for index, item in enumerate(raw):
        if index not in seen and item.kind in {_STORAGE, _STREAM}:
            yield _entry(item, ())


def _entry(item: _Raw, parents: tuple[str, ...]) -> Entry:
    start, size, clsid, created, modified = item.entry
    return Entry((*parents, item.name), item.kind == _STREAM, start, size, clsid, created, modified)
