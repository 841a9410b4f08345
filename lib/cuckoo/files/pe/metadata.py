"""The tables in the metadata of a .NET assembly, by ECMA-335, partition II, chapters 22 and 24.

Rows have no fixed size: an index takes four bytes instead of two when what it points into is large. The width of every
column of every table is therefore worked out first; a row is then found by arithmetic, so that only the few tables of
interest are ever read.
"""

import struct
import uuid
from collections.abc import Iterator

from lib.cuckoo.common.text import readable_text

MODULE, TYPE_DEF, METHOD_DEF, ASSEMBLY, ASSEMBLY_REF, MANIFEST_RESOURCE = 0x00, 0x02, 0x06, 0x20, 0x23, 0x28
_MAXIMUM_STREAMS = 32
_CODED = {
    "TypeDefOrRef": (2, (0x02, 0x01, 0x1B)),
    "HasConstant": (2, (0x04, 0x08, 0x17)),
    "HasCustomAttribute": (
        5,
        (0x06, 0x04, 0x01, 0x02, 0x08, 0x09, 0x0A, 0x00, 0x0E, 0x17, 0x14, 0x11, 0x1A, 0x1B, 0x20, 0x23, 0x26, 0x27,
         0x28, 0x2A, 0x2C, 0x2B),
    ),
    "HasFieldMarshal": (1, (0x04, 0x08)),
    "HasDeclSecurity": (2, (0x02, 0x06, 0x20)),
    "MemberRefParent": (3, (0x02, 0x01, 0x1A, 0x06, 0x1B)),
    "HasSemantics": (1, (0x14, 0x17)),
    "MethodDefOrRef": (1, (0x06, 0x0A)),
    "MemberForwarded": (1, (0x04, 0x06)),
    "Implementation": (2, (0x26, 0x23, 0x27)),
    "CustomAttributeType": (3, (0x06, 0x0A)),
    "ResolutionScope": (2, (0x00, 0x1A, 0x23, 0x01)),
    "TypeOrMethodDef": (1, (0x02, 0x06)),
}  # fmt: skip
"""Indexes into one of several tables: how many bits say which, and the tables."""
_TABLES = {
    0x00: ("Module", "2 string guid guid guid"),
    0x01: ("TypeRef", "ResolutionScope string string"),
    0x02: ("TypeDef", "4 string string TypeDefOrRef #04 #06"),
    0x03: ("FieldPtr", "#04"),
    0x04: ("Field", "2 string blob"),
    0x05: ("MethodPtr", "#06"),
    0x06: ("MethodDef", "4 2 2 string blob #08"),
    0x07: ("ParamPtr", "#08"),
    0x08: ("Param", "2 2 string"),
    0x09: ("InterfaceImpl", "#02 TypeDefOrRef"),
    0x0A: ("MemberRef", "MemberRefParent string blob"),
    0x0B: ("Constant", "2 HasConstant blob"),
    0x0C: ("CustomAttribute", "HasCustomAttribute CustomAttributeType blob"),
    0x0D: ("FieldMarshal", "HasFieldMarshal blob"),
    0x0E: ("DeclSecurity", "2 HasDeclSecurity blob"),
    0x0F: ("ClassLayout", "2 4 #02"),
    0x10: ("FieldLayout", "4 #04"),
    0x11: ("StandAloneSig", "blob"),
    0x12: ("EventMap", "#02 #14"),
    0x13: ("EventPtr", "#14"),
    0x14: ("Event", "2 string TypeDefOrRef"),
    0x15: ("PropertyMap", "#02 #17"),
    0x16: ("PropertyPtr", "#17"),
    0x17: ("Property", "2 string blob"),
    0x18: ("MethodSemantics", "2 #06 HasSemantics"),
    0x19: ("MethodImpl", "#02 MethodDefOrRef MethodDefOrRef"),
    0x1A: ("ModuleRef", "string"),
    0x1B: ("TypeSpec", "blob"),
    0x1C: ("ImplMap", "2 MemberForwarded string #1A"),
    0x1D: ("FieldRVA", "4 #04"),
    0x1E: ("EncLog", "4 4"),
    0x1F: ("EncMap", "4"),
    0x20: ("Assembly", "4 2 2 2 2 4 blob string string"),
    0x21: ("AssemblyProcessor", "4"),
    0x22: ("AssemblyOS", "4 4 4"),
    0x23: ("AssemblyRef", "2 2 2 2 4 blob string string blob"),
    0x24: ("AssemblyRefProcessor", "4 #23"),
    0x25: ("AssemblyRefOS", "4 4 4 #23"),
    0x26: ("File", "4 string blob"),
    0x27: ("ExportedType", "4 4 string string Implementation"),
    0x28: ("ManifestResource", "4 4 string Implementation"),
    0x29: ("NestedClass", "#02 #02"),
    0x2A: ("GenericParam", "2 2 TypeOrMethodDef string"),
    0x2B: ("MethodSpec", "MethodDefOrRef blob"),
    0x2C: ("GenericParamConstraint", "#2A TypeDefOrRef"),
}
_HEAP_BITS = {"string": 1, "guid": 2, "blob": 4}
_LARGE_TABLE = 1 << 16


class Metadata:
    """The heaps and tables of one assembly.

    Raises:
        ValueError: what is given is no metadata, or is cut short.
    """

    def __init__(self, raw: bytes) -> None:
        if raw[:4] != b"BSJB" or len(raw) < 20:
            raise ValueError("the metadata do not begin with BSJB")
        length = int.from_bytes(raw[12:16], "little")
        self.runtime = readable_text(raw[16 : 16 + min(length, 256)].partition(b"\0")[0])
        streams = dict(_streams(raw, 16 + length))
        self._strings = streams.get("#Strings", b"")
        self._blobs = streams.get("#Blob", b"")
        self._guids = streams.get("#GUID", b"")
        self._read_tables(streams.get("#~", streams.get("#-", b"")))

    def _read_tables(self, raw: bytes) -> None:
        if len(raw) < 24:
            raise ValueError("the metadata have no tables")
        self._heap_sizes = raw[6]
        present = [number for number in range(64) if int.from_bytes(raw[8:16], "little") >> number & 1]
        counts = raw[24 : 24 + 4 * len(present)]
        if len(counts) < 4 * len(present):
            raise ValueError("the table of rows is cut short")
        self.rows = dict(zip(present, struct.unpack(f"<{len(present)}I", counts), strict=True))
        self._raw, self._starts = raw, {}
        at = 24 + 4 * len(present) + (4 if self._heap_sizes & 0x40 else 0)
        for number in present:
            if number not in _TABLES:
                break  # nothing after a table of unknown width can be found; the tables of interest come before
            self._starts[number] = at
            at += self.rows[number] * sum(self._widths(number))

    def counts(self) -> dict[str, int]:
        """Return how many rows each table has."""
        return {_TABLES[number][0]: count for number, count in self.rows.items() if number in _TABLES}

    def table(self, number: int) -> Iterator[tuple[int, ...]]:
        """Yield the rows of a table as far as the file holds them."""
        for place in range(1, self.rows.get(number, 0) + 1):
            row = self.row(number, place)
            if row is None:
                return
            yield row

    def row(self, number: int, place: int) -> tuple[int, ...] | None:
        """Return the columns of one row, counted from 1; None where there is none."""
        if number not in self._starts or not 0 < place <= self.rows[number]:
            return None
        widths = self._widths(number)
        at = self._starts[number] + (place - 1) * sum(widths)
        if at + sum(widths) > len(self._raw):
            return None
        return struct.unpack_from(
            "<" + "".join("I" if width == 4 else "H" for width in widths), self._raw, at
        )

    def string(self, place: int) -> str:
        """Return the text at a place of the heap of names."""
        end = self._strings.find(b"\0", place, place + 4096)
        return readable_text(self._strings[place : end if end >= 0 else place + 4096])

    def guid(self, place: int) -> str | None:
        """Return the identity at a place of its heap, counted from 1; None for 0, which means there is none."""
        raw = self._guids[16 * (place - 1) : 16 * place] if place else b""
        return str(uuid.UUID(bytes_le=raw)).upper() if len(raw) == 16 else None

    def blob(self, place: int) -> bytes:
        """Return the bytes at a place of their heap; before them stands their number, in one, two or four bytes."""
        first = self._blobs[place] if place < len(self._blobs) else 0
        width, mask = (1, 0x7F) if first < 0x80 else (2, 0x3FFF) if first < 0xC0 else (4, 0x1FFFFFFF)
        size = int.from_bytes(self._blobs[place : place + width], "big") & mask
        return self._blobs[place + width : place + width + size]

    def _widths(self, number: int) -> list[int]:
        return [self._width(column) for column in _TABLES[number][1].split()]

    def _width(self, column: str) -> int:
        if column in {"2", "4"}:
            return int(column)
        if column in _HEAP_BITS:
            return 4 if self._heap_sizes & _HEAP_BITS[column] else 2
        if column.startswith("#"):
            return 4 if self.rows.get(int(column[1:], 16), 0) >= _LARGE_TABLE else 2
        bits, tables = _CODED[column]
        return 4 if max(self.rows.get(table, 0) for table in tables) >= _LARGE_TABLE >> bits else 2


def _streams(raw: bytes, at: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the streams; the first of a name counts, as it does for the runtime."""
    count = int.from_bytes(raw[at + 2 : at + 4], "little")
    at += 4
    seen = set()
    for _ in range(min(count, _MAXIMUM_STREAMS)):
        end = raw.find(b"\0", at + 8, at + 41)
        if end < 0:
            return
        offset, size = struct.unpack_from("<II", raw, at)
        name = raw[at + 8 : end].decode("ascii", "backslashreplace")
        if name not in seen:
            seen.add(name)
            yield name, raw[offset : offset + size]
        at += 8 + (end - at - 8) // 4 * 4 + 4
