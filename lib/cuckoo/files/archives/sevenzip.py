"""Archives of 7-Zip: their header, unpacked within the budget where it is packed.

The format is 7zFormat.txt of the LZMA SDK, which is in the public domain. Lists in the header claim their lengths; each
is compared with what the header can hold before anything is made of it.
"""

import lzma
from collections.abc import Iterator
from dataclasses import dataclass, field

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.archives.records import Archive, ArchiveMember, archive, member
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.layout import fields, filetime, utf16

SIGNATURE = b"7z\xbc\xaf\x27\x1c"
_END, _HEADER, _PROPERTIES, _EXTRA_STREAMS, _STREAMS, _FILES = 0, 1, 2, 3, 4, 5
_PACK, _UNPACK, _SUBSTREAMS, _SIZE, _DIGEST, _FOLDER, _CODER_SIZE, _COUNTS = 6, 7, 8, 9, 10, 11, 12, 13
_EMPTY_STREAM, _EMPTY_FILE, _NAMES, _MODIFIED, _ATTRIBUTES, _ENCODED = 14, 15, 17, 20, 21, 23
_METHODS = {
    b"\0": "stored",
    b"\x03\x01\x01": "lzma",
    b"\x21": "lzma2",
    b"\x03\x04\x01": "ppmd",
    b"\x04\x01\x08": "deflate",
    b"\x04\x02\x02": "bzip2",
    b"\x06\xf1\x07\x01": "aes",
    b"\x03\x03\x01\x03": "bcj",
    b"\x03\x03\x01\x1b": "bcj2",
    b"\x04": "bcj",
    b"\x03": "delta",
}
_MAXIMUM_DICTIONARY = 64 << 20
_MAXIMUM_LEVELS = 4
"""Headers packed in headers that are followed."""


@dataclass
class _Folder:
    methods: list[tuple[bytes, bytes]]
    outputs: int
    bound: set[int]
    sizes: list[int] = field(default_factory=list)
    digested: bool = False

    @property
    def size(self) -> int:
        """Return the size of the output that no other coder takes."""
        free = (index for index in range(self.outputs) if index not in self.bound)
        return self.sizes[next(free, 0)] if self.sizes else 0


@dataclass
class _Streams:
    offset: int = 0
    packed: list[int] = field(default_factory=list)
    folders: list[_Folder] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    """Of each file with content: its size, and the number of its folder."""


def describe_7z(data: Data, budget: Budget, _: Save) -> Archive:
    """List a 7-Zip archive in the shape `Archive`.

    Raises:
        CuckooProcessingError: the header cannot be found or read.
    """
    if data[:6] != SIGNATURE:
        raise CuckooProcessingError("no 7-Zip archive")
    offset, size = fields("<QQ", data, 12)
    if offset + size + 32 > len(data):
        raise CuckooProcessingError(f"the header at offset {offset + 32} lies behind the end of the file")
    if not size:
        return archive("7z", [], len(data), budget)
    scan = _Scan(data[32 + offset : 32 + offset + size])
    for _level in range(_MAXIMUM_LEVELS):
        kind = scan.byte()
        if kind == _HEADER:
            return archive("7z", _members(scan), len(data), budget)
        if kind != _ENCODED:
            break
        streams = _streams(scan)
        if any(method == "aes" for folder in streams.folders for method in _names(folder)):
            return _hidden(data, budget)
        scan = _Scan(_unpacked_header(data, streams, budget))
    raise CuckooProcessingError("the header is of no known kind")


def _hidden(data: Data, budget: Budget) -> Archive:
    found = archive("7z", [], len(data), budget)
    found["encrypted"] = True
    found["anomalies"].append("the headers are encrypted, so that even the names are hidden")
    return found


class _Scan:
    """Reads a header from its beginning to its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise CuckooProcessingError(f"the header ends within {size} bytes at its offset {self._at}")
        self._at += size
        return self._data[self._at - size : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """Read a number: the leading ones of its first byte count the bytes that follow."""
        first = self.byte()
        value, mask = 0, 0x80
        for shift in range(0, 64, 8):
            if not first & mask:
                return value | (first & (mask - 1)) << shift
            value |= self.byte() << shift
            mask >>= 1
        return value

    def count(self) -> int:
        """Read the length of a list, whose items take a bit each at least."""
        value = self.number()
        if value > 8 * len(self._data):
            raise CuckooProcessingError(f"a list of {value} items in a header of {len(self._data)} bytes")
        return value

    def bits(self, count: int) -> list[bool]:
        raw = self.take((count + 7) // 8)
        return [bool(raw[index >> 3] & 0x80 >> (index & 7)) for index in range(count)]

    def optional_bits(self, count: int) -> list[bool]:
        return [True] * count if self.byte() else self.bits(count)


def _streams(scan: _Scan) -> _Streams:
    streams = _Streams()
    while (kind := scan.byte()) != _END:
        if kind == _PACK:
            _pack_part(scan, streams)
        elif kind == _UNPACK:
            _unpack_part(scan, streams)
        elif kind == _SUBSTREAMS:
            _substreams(scan, streams)
        else:
            raise CuckooProcessingError(f"an unknown part {kind} in the header")
    if not streams.sizes:
        streams.sizes = [(folder.size, index) for index, folder in enumerate(streams.folders)]
    return streams


def _pack_part(scan: _Scan, streams: _Streams) -> None:
    streams.offset = scan.number()
    count = scan.count()
    while (kind := scan.byte()) != _END:
        if kind == _SIZE:
            streams.packed = [scan.number() for _ in range(count)]
        elif kind == _DIGEST:
            scan.take(4 * sum(scan.optional_bits(count)))
        else:
            raise CuckooProcessingError(f"an unknown property {kind} of packed streams")


def _unpack_part(scan: _Scan, streams: _Streams) -> None:
    while (kind := scan.byte()) != _END:
        if kind == _FOLDER:
            count = scan.count()
            if scan.byte():
                raise CuckooProcessingError("folders that stand elsewhere")
            streams.folders = [_folder(scan) for _ in range(count)]
        elif kind == _CODER_SIZE:
            for folder in streams.folders:
                folder.sizes = [scan.number() for _ in range(folder.outputs)]
        elif kind == _DIGEST:
            known = scan.optional_bits(len(streams.folders))
            scan.take(4 * sum(known))
            for folder, digested in zip(streams.folders, known, strict=True):
                folder.digested = digested
        else:
            raise CuckooProcessingError(f"an unknown property {kind} of folders")


def _folder(scan: _Scan) -> _Folder:
    methods = []
    inputs = outputs = 0
    for _ in range(_small(scan.number())):
        flags = scan.byte()
        method = scan.take(flags & 15)
        ins, outs = (_small(scan.number()), _small(scan.number())) if flags & 0x10 else (1, 1)
        settings = scan.take(scan.count()) if flags & 0x20 else b""
        methods.append((method, settings))
        inputs, outputs = inputs + ins, outputs + outs
    bound = set()
    for _ in range(outputs - 1):
        scan.number()
        bound.add(scan.number())
    rest = inputs - outputs + 1
    for _ in range(rest if rest > 1 else 0):
        scan.number()
    return _Folder(methods, outputs, bound)


def _small(value: int) -> int:
    if not 0 < value <= 32:
        raise CuckooProcessingError(f"a folder of {value} coders or streams")
    return value


def _substreams(scan: _Scan, streams: _Streams) -> None:
    counts = [1] * len(streams.folders)
    kind = scan.byte()
    if kind == _COUNTS:
        counts = [scan.count() for _ in streams.folders]
        kind = scan.byte()
    listed = kind == _SIZE
    for index, (folder, count) in enumerate(zip(streams.folders, counts, strict=True)):
        sizes = [scan.number() if listed else 0 for _ in range(count - 1)]
        if count:
            streams.sizes += [(size, index) for size in (*sizes, max(0, folder.size - sum(sizes)))]
    kind = scan.byte() if listed else kind
    while kind != _END:
        if kind != _DIGEST:
            raise CuckooProcessingError(f"an unknown property {kind} of substreams")
        digested = zip(streams.folders, counts, strict=True)
        unknown = sum(count for folder, count in digested if count != 1 or not folder.digested)
        scan.take(4 * sum(scan.optional_bits(unknown)))
        kind = scan.byte()


def _unpacked_header(data: Data, streams: _Streams, budget: Budget) -> bytes:
    """Unpack a header that one coder packed.

    Raises:
        CuckooProcessingError: several coders did, another than LZMA, its data is damaged, or it is too large.
    """
    if len(streams.folders) != 1 or len(streams.folders[0].methods) != 1 or not streams.packed:
        raise CuckooProcessingError("the header is packed in an unusual way")
    method, settings = streams.folders[0].methods[0]
    packed = data[32 + streams.offset : 32 + streams.offset + streams.packed[0]]
    size = streams.folders[0].size
    budget.spend(size)
    name = _METHODS.get(method, method.hex())
    if name == "stored":
        return packed
    try:
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[_filter(name, settings)])
        return decompressor.decompress(packed, size) if size else b""
    except (lzma.LZMAError, ValueError, EOFError) as error:
        raise CuckooProcessingError(f"the header cannot be unpacked: {error}") from error


def _filter(name: str, settings: bytes) -> dict[str, int]:
    if name == "lzma" and len(settings) == 5:
        rest, literal_context = divmod(settings[0], 9)
        position, literal_position = divmod(rest, 5)
        return {
            "id": lzma.FILTER_LZMA1,
            "lc": literal_context,
            "lp": literal_position,
            "pb": position,
            "dict_size": _dictionary(int.from_bytes(settings[1:], "little")),
        }
    if name == "lzma2" and len(settings) == 1:
        return {
            "id": lzma.FILTER_LZMA2,
            "dict_size": _dictionary((2 | settings[0] & 1) << (settings[0] // 2 + 11)),
        }
    raise CuckooProcessingError(f"the header is packed by {name}")


def _dictionary(size: int) -> int:
    if size > _MAXIMUM_DICTIONARY:
        raise CuckooProcessingError(f"the header needs a dictionary of {size} bytes")
    return max(size, 4096)


def _names(folder: _Folder) -> list[str]:
    return [_METHODS.get(method, method.hex()) for method, _ in folder.methods]


@dataclass
class _Files:
    names: list[str] = field(default_factory=list)
    empty: list[bool] = field(default_factory=list)
    empty_files: list[bool] = field(default_factory=list)
    modified: list[str | None] = field(default_factory=list)


def _members(scan: _Scan) -> Iterator[ArchiveMember]:
    streams, files = _Streams(), _Files()
    while (kind := scan.byte()) != _END:
        if kind in {_STREAMS, _EXTRA_STREAMS}:
            streams = _streams(scan)
        elif kind == _FILES:
            files = _files(scan)
        elif kind == _PROPERTIES:
            while scan.byte() != _END:
                scan.take(scan.number())
        else:
            raise CuckooProcessingError(f"an unknown part {kind} in the header")
    contents = iter(streams.sizes)
    empty_files = iter(files.empty_files)
    methods = [_names(folder) for folder in streams.folders]
    for index, name in enumerate(files.names):
        is_empty = index < len(files.empty) and files.empty[index]
        size, folder = (0, -1) if is_empty else next(contents, (0, -1))
        found = member(name, size, None, files.modified[index] if index < len(files.modified) else None)
        found["directory"] = is_empty and not next(empty_files, False)
        if folder >= 0:
            found["encrypted"] = "aes" in methods[folder]
            found["method"] = "+".join(methods[folder])
        yield found


def _files(scan: _Scan) -> _Files:
    count = scan.count()
    files = _Files()
    while (kind := scan.byte()) != _END:
        part = _Scan(scan.take(scan.number()))
        if kind == _EMPTY_STREAM:
            files.empty = part.bits(count)
        elif kind == _EMPTY_FILE:
            files.empty_files = part.bits(sum(files.empty))
        elif kind == _NAMES and not part.byte():
            files.names = list(_file_names(part, count))
        elif kind == _MODIFIED:
            known = part.optional_bits(count)
            if not part.byte():
                files.modified = [
                    filetime(int.from_bytes(part.take(8), "little")) if each else None for each in known
                ]
    return files


def _file_names(part: _Scan, count: int) -> Iterator[str]:
    for _ in range(count):
        raw = bytearray()
        while (unit := part.take(2)) != b"\0\0":
            raw += unit
        yield utf16(bytes(raw))
