"""Mach-O: the programs and libraries of macOS and iOS, by Apple's "loader.h", "fat.h" and "cs_blobs.h".

A universal file holds one image for each kind of processor. An image is a header and load commands, each with its type
and size; what they point to lies at offsets from the beginning of the image.
"""

import struct
import uuid
from collections.abc import Iterator
from typing import TypedDict

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.text import readable_text
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.measure import Parts

ARCHITECTURES = 40
_FAT = {b"\xca\xfe\xba\xbe": ">5I", b"\xca\xfe\xba\xbf": ">IIQQII"}
_THIN = {
    b"\xfe\xed\xfa\xce": (">", 32),
    b"\xfe\xed\xfa\xcf": (">", 64),
    b"\xce\xfa\xed\xfe": ("<", 32),
    b"\xcf\xfa\xed\xfe": ("<", 64),
}
_PROCESSORS = {
    7: "I386", 0x01000007: "X86_64", 12: "ARM", 0x0100000C: "ARM64", 0x0200000C: "ARM64_32", 18: "POWERPC",
    0x01000012: "POWERPC64",
}  # fmt: skip
_TYPES = {
    1: "OBJECT", 2: "EXECUTE", 3: "FVMLIB", 4: "CORE", 5: "PRELOAD", 6: "DYLIB", 7: "DYLINKER", 8: "BUNDLE",
    9: "DYLIB_STUB", 10: "DSYM", 11: "KEXT_BUNDLE", 12: "FILESET",
}  # fmt: skip
_FLAGS = {0x1: "NOUNDEFS", 0x4: "DYLDLINK", 0x80: "TWOLEVEL", 0x20000: "ALLOW_STACK_EXECUTION", 0x200000: "PIE",
          0x1000000: "NO_HEAP_EXECUTION"}  # fmt: skip
_COMMANDS = {
    0x1: "SEGMENT", 0x2: "SYMTAB", 0x4: "THREAD", 0x5: "UNIXTHREAD", 0xB: "DYSYMTAB", 0xC: "LOAD_DYLIB",
    0xD: "ID_DYLIB", 0xE: "LOAD_DYLINKER", 0x19: "SEGMENT_64", 0x1B: "UUID", 0x1D: "CODE_SIGNATURE",
    0x1E: "SEGMENT_SPLIT_INFO", 0x20: "LAZY_LOAD_DYLIB", 0x21: "ENCRYPTION_INFO", 0x22: "DYLD_INFO",
    0x24: "VERSION_MIN_MACOSX", 0x25: "VERSION_MIN_IPHONEOS", 0x26: "FUNCTION_STARTS", 0x29: "DATA_IN_CODE",
    0x2A: "SOURCE_VERSION", 0x2B: "DYLIB_CODE_SIGN_DRS", 0x2C: "ENCRYPTION_INFO_64", 0x32: "BUILD_VERSION",
    0x80000018: "LOAD_WEAK_DYLIB", 0x8000001C: "RPATH", 0x8000001F: "REEXPORT_DYLIB", 0x80000022: "DYLD_INFO_ONLY",
    0x80000023: "LOAD_UPWARD_DYLIB", 0x80000028: "MAIN", 0x80000033: "DYLD_EXPORTS_TRIE",
    0x80000034: "DYLD_CHAINED_FIXUPS",
}  # fmt: skip
_LIBRARIES = {0xC, 0x20, 0x80000018, 0x8000001F, 0x80000023}
_PLATFORMS = {
    1: "macOS",
    2: "iOS",
    3: "tvOS",
    4: "watchOS",
    5: "bridgeOS",
    6: "Mac Catalyst",
    7: "iOS simulator",
}
_CODE_DIRECTORY, _SUPER_BLOB = 0xFADE0C02, 0xFADE0CC0
_EMBEDDED_SIGNATURE = 0x10000


class MachSection(TypedDict):
    """One section of a segment."""

    name: str
    """Of the section."""
    segment: str
    """That it belongs to."""
    address: str
    """In memory, hexadecimal."""
    size: str
    """Bytes, hexadecimal."""


class MachSegment(TypedDict):
    """One segment; `protection` as "RWX"."""

    name: str
    """Of the segment."""
    address: str
    """In memory, hexadecimal."""
    memory_size: str
    """Bytes, hexadecimal."""
    offset: str
    """In the image, hexadecimal."""
    file_size: str
    """Bytes, hexadecimal."""
    protection: str
    """"RWX", as far as they apply."""
    entropy: float | None
    """Bits per byte, 0 to 8; null without data."""
    sections: list[MachSection]
    """In the order of the file."""


class MachLibrary(TypedDict):
    """A library that is loaded, with its version."""

    name: str
    """Path of the library."""
    version: str
    """Three numbers."""
    weak: bool
    """True when it may be missing."""


class MachSignature(TypedDict):
    """The code signature: who the program says it is, and whether a certificate's signature is with it."""

    identifier: str | None
    """Who the program says it is."""
    cms: bool
    """True when a certificate's signature is with it."""


class MachImage(TypedDict):
    """The image for one kind of processor."""

    machine: str
    """The processor."""
    bits: int
    """32 or 64."""
    endian: str
    """"little" or "big"."""
    type: str
    """"EXECUTE", "DYLIB", "BUNDLE" and so on."""
    flags: list[str]
    """Names of its flags."""
    offset: str
    """In the file, hexadecimal."""
    size: str
    """Bytes, hexadecimal."""
    commands: list[str]
    """Names of the load commands, in order."""
    segments: list[MachSegment]
    """In the order of the file."""
    libraries: list[MachLibrary]
    """That it needs."""
    run_path: list[str]
    """Where it looks for them."""
    install_name: str | None
    """The name that a library gives itself."""
    uuid: str | None
    """Which each build has anew."""
    entrypoint: str | None
    """Hexadecimal."""
    platform: str | None
    """The system that it is for, with its least version."""
    encrypted: bool
    """True when part of it is encrypted."""
    signed: bool
    """True when it has a code signature."""
    signature: MachSignature | None
    """What the code signature says."""
    anomalies: list[str]
    """What is odd, in words."""


class MachO(TypedDict):
    """The whole section."""

    universal: bool
    """True for a file of several images."""
    architectures: list[MachImage]
    """The images."""


def describe_macho(data: Data, budget: Budget, _save: Save) -> MachO:
    """Describe a Mach-O file or each image of a universal one.

    Raises:
        CuckooProcessingError: there is no image whose header can be read.
    """
    universal = data[:4] in _FAT
    places = list(_images(data)) if universal else [(0, len(data))]
    parts = Parts(data)
    found = [
        Image(data, budget, parts, offset, size)
        for offset, size in places
        if data[offset : offset + 4] in _THIN
    ]
    described = [image.describe() for image in found if image.complete]
    if not described:
        raise CuckooProcessingError("no image in the Mach-O file has a header that can be read")
    return {"universal": universal, "architectures": described}


def _images(data: Data) -> Iterator[tuple[int, int]]:
    """Yield offset and size of the images of a universal file."""
    layout = _FAT[data[:4]]
    width = struct.calcsize(layout)
    for number in range(min(int.from_bytes(data[4:8], "big"), ARCHITECTURES)):
        raw = data[8 + number * width : 8 + (number + 1) * width]
        if len(raw) < width:
            return
        _, _, offset, size, *_ = struct.unpack(layout, raw)
        yield offset, min(size, max(0, len(data) - offset))


class Image:
    """One image: its header, and what its load commands say."""

    def __init__(self, data: Data, budget: Budget, parts: Parts, offset: int, size: int) -> None:
        self._data, self._budget, self._parts, self._offset, self._size = data, budget, parts, offset, size
        self._order, self._bits = _THIN[data[offset : offset + 4]]
        self._anomalies: list[str] = []
        raw = self._at(0, 28)
        self.complete = len(raw) == 28
        if self.complete:
            numbers = struct.unpack(self._order + "7I", raw)
            _, self._machine, _, self._type, self._count, _, self._flags = numbers
            self._commands = budget.take("load commands", self._read_commands())

    def describe(self) -> MachImage:
        """Return the record."""
        signature = self._signature()
        return {
            "machine": _PROCESSORS.get(self._machine, f"0x{self._machine:x}"),
            "bits": self._bits,
            "endian": "little" if self._order == "<" else "big",
            "type": _TYPES.get(self._type, str(self._type)),
            "flags": [name for bit, name in _FLAGS.items() if self._flags & bit],
            "offset": f"0x{self._offset:x}",
            "size": f"0x{self._size:x}",
            "commands": [_COMMANDS.get(kind, f"0x{kind:x}") for kind, _ in self._commands],
            "segments": [segment for kind, raw in self._commands for segment in self._segments(kind, raw)],
            "libraries": [self._library(kind, raw) for kind, raw in self._commands if kind in _LIBRARIES],
            "run_path": [self._text(raw) for kind, raw in self._commands if kind == 0x8000001C],
            "install_name": next((self._text(raw) for kind, raw in self._commands if kind == 0xD), None),
            "uuid": next(
                (_uuid(raw) for kind, raw in self._commands if kind == 0x1B and len(raw) >= 24), None
            ),
            "entrypoint": self._entry(),
            "platform": self._platform(),
            "encrypted": any(self._number(raw, 16) for kind, raw in self._commands if kind in {0x21, 0x2C}),
            "signed": signature is not None,
            "signature": signature,
            "anomalies": self._anomalies,
        }

    def _at(self, offset: int, size: int) -> bytes:
        start = self._offset + offset
        return (
            self._data[start : min(start + size, self._offset + self._size)] if offset < self._size else b""
        )

    def _read_commands(self) -> Iterator[tuple[int, bytes]]:
        at = 32 if self._bits == 64 else 28
        for number in range(self._count):
            raw = self._at(at, 8)
            kind, size = struct.unpack(self._order + "II", raw) if len(raw) == 8 else (0, 0)
            if size < 8:
                self._anomalies.append(f"the header counts {self._count} load commands, {number} can be read")
                return
            yield kind, self._at(at, min(size, 1 << 20))
            at += size

    def _number(self, raw: bytes, at: int) -> int:
        return int.from_bytes(raw[at : at + 4], "little" if self._order == "<" else "big")

    def _text(self, raw: bytes) -> str:
        """Return the text of a command; its place in the command stands behind type and size."""
        return readable_text(raw[self._number(raw, 8) :][:4096].partition(b"\0")[0])

    def _segments(self, kind: int, raw: bytes) -> Iterator[MachSegment]:
        if kind not in {0x1, 0x19}:
            return
        layout = self._order + ("16sQQQQIIII" if kind == 0x19 else "16sIIIIIIII")
        head = struct.calcsize(layout)
        if len(raw) < 8 + head:
            self._anomalies.append("a segment is cut short")
            return
        name, address, memory_size, offset, file_size, _, protection, count, _ = struct.unpack_from(
            layout, raw, 8
        )
        if offset + file_size > self._size:
            self._anomalies.append(f"the segment {_name(name)} ends behind the end of the image")
        if protection & 6 == 6:
            self._anomalies.append(f"the segment {_name(name)} is writable and executable")
        held = max(0, min(file_size, self._size - offset))
        measured = self._parts.measure(self._offset + offset, held) if held else None
        yield {
            "name": _name(name),
            "address": f"0x{address:x}",
            "memory_size": f"0x{memory_size:x}",
            "offset": f"0x{offset:x}",
            "file_size": f"0x{file_size:x}",
            "protection": "".join(
                letter for bit, letter in ((1, "R"), (2, "W"), (4, "X")) if protection & bit
            ),
            "entropy": measured[0] if measured else None,
            "sections": self._budget.take("sections", self._sections(kind, raw[8 + head :], count)),
        }

    def _sections(self, kind: int, raw: bytes, count: int) -> Iterator[MachSection]:
        layout = self._order + ("16s16sQQ32x" if kind == 0x19 else "16s16sII28x")
        width = struct.calcsize(layout)
        for number in range(min(count, len(raw) // width)):
            name, segment, address, size = struct.unpack_from(layout, raw, number * width)
            yield {
                "name": _name(name),
                "segment": _name(segment),
                "address": f"0x{address:x}",
                "size": f"0x{size:x}",
            }

    def _library(self, kind: int, raw: bytes) -> MachLibrary:
        version = self._number(raw, 16)
        return {
            "name": self._text(raw),
            "version": f"{version >> 16}.{version >> 8 & 255}.{version & 255}",
            "weak": kind == 0x80000018,
        }

    def _entry(self) -> str | None:
        """Return where the program begins: an offset in the image; older programs hold a state of the processor."""
        for kind, raw in self._commands:
            if kind == 0x80000028 and len(raw) >= 16:
                return f"0x{self._number(raw, 8):x}"
        return None

    def _platform(self) -> str | None:
        for kind, raw in self._commands:
            if kind == 0x32:
                return f"{_PLATFORMS.get(self._number(raw, 8), self._number(raw, 8))} {_version(self._number(raw, 12))}"
            if kind in {0x24, 0x25}:
                return f"{'macOS' if kind == 0x24 else 'iOS'} {_version(self._number(raw, 8))}"
        return None

    def _signature(self) -> MachSignature | None:
        """Return what the code signature says; its numbers are big endian whatever the processor."""
        for kind, raw in self._commands:
            if kind == 0x1D:
                return _code_signature(self._at(self._number(raw, 8), min(self._number(raw, 12), 4 << 20)))
        return None


def _name(raw: bytes) -> str:
    return readable_text(raw.partition(b"\0")[0])


def _uuid(raw: bytes) -> str:
    return str(uuid.UUID(bytes=raw[8:24])).upper()


def _version(number: int) -> str:
    return f"{number >> 16}.{number >> 8 & 255}"


def _code_signature(raw: bytes) -> MachSignature:
    """Read the index of blobs: the code directory holds the identifier, another blob the CMS signature."""
    signature: MachSignature = {"identifier": None, "cms": False}
    magic, count = int.from_bytes(raw[:4], "big"), int.from_bytes(raw[8:12], "big")
    for number in range(min(count, 64) if magic == _SUPER_BLOB else 0):
        kind, offset = (
            int.from_bytes(raw[12 + 8 * number :][:4], "big"),
            int.from_bytes(raw[16 + 8 * number :][:4], "big"),
        )
        blob = raw[offset : offset + 4096]
        if int.from_bytes(blob[:4], "big") == _CODE_DIRECTORY:
            identifier = int.from_bytes(blob[20:24], "big")
            signature["identifier"] = readable_text(blob[identifier:].partition(b"\0")[0])
        elif kind == _EMBEDDED_SIGNATURE:
            signature["cms"] = int.from_bytes(blob[4:8], "big") > 8
    return signature
