"""Build a small, valid PE32 file for i386 that does nothing but exit.

The layout follows Microsoft's "PE Format" and, for the version resource, "VS_VERSIONINFO". Sections: .text
(the code), .rdata (import table and strings), .rsrc (version information). The checksum is right.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

IMAGE_BASE = 0x00400000
_FILE_ALIGNMENT, _SECTION_ALIGNMENT = 0x200, 0x1000
_TEXT, _RDATA = 0x1000, 0x2000
_HEADERS_SIZE = 0x200
_DOS_HEADER = struct.pack("<2s13H32x", b"MZ", 0x90, 3, 0, 4, 0, 0xFFFF, 0, 0xB8, 0, 0, 0, 0x40, 0)
_DOS_PROGRAM = bytes.fromhex("0e1fba0e00b409cd21b8014ccd21")
"""Prints the message that follows."""
_DOS_MESSAGE = b"This program cannot be run in DOS mode.\r\r\n$"


@dataclass(frozen=True)
class Program:
    """What distinguishes one built file from another; `built` is in seconds since 1970."""

    imports: Mapping[str, Sequence[str]]
    strings: Sequence[str] = ()
    wide_strings: Sequence[str] = ()
    version: Mapping[str, str] = field(default_factory=dict)
    padding: bytes = b""
    built: int = 0
    is_library: bool = False


def build_pe(program: Program) -> bytes:
    """The file; its entry point calls the first function of the first library with the argument 0."""
    rdata, import_size = _import_section(program)
    resources_at = _RDATA + _aligned(len(rdata), _SECTION_ALIGNMENT)
    sections = [
        (b".text", _TEXT, _code(), 0x60000020),
        (b".rdata", _RDATA, rdata, 0x40000040),
        (b".rsrc", resources_at, _resource_section(program.version, resources_at), 0x40000040),
    ]
    image = _headers(program, sections, import_size) + b"".join(_padded(data) for _, _, data, _ in sections)
    return _with_checksum(image)


def _code() -> bytes:
    """Instructions: push 0; call [first import]; ret, then filler between functions as compilers leave it."""
    slot = IMAGE_BASE + _RDATA
    return b"\x6a\x00\xff\x15" + struct.pack("<I", slot) + b"\xc3" + b"\xcc" * 7


def _aligned(size: int, step: int) -> int:
    return -(-size // step) * step


def _padded(data: bytes) -> bytes:
    return data.ljust(_aligned(len(data), _FILE_ALIGNMENT), b"\0")


def _import_section(program: Program) -> tuple[bytes, int]:
    """Address table, directory, lookup tables, names, then the strings; and the size of the address table."""
    libraries = list(program.imports.items())
    table_size = sum(4 * (len(functions) + 1) for _, functions in libraries)
    directory_size = 20 * (len(libraries) + 1)
    names_at = _RDATA + 2 * table_size + directory_size
    names, thunks, library_names = _import_names(libraries, names_at)
    directory = _import_directory(libraries, library_names, table_size, directory_size)
    return thunks + directory + thunks + names + _string_pool(program), table_size


def _import_names(libraries: Sequence[tuple[str, Sequence[str]]], at: int) -> tuple[bytes, bytes, list[int]]:
    names, thunks, library_names = bytearray(), bytearray(), []
    for library, functions in libraries:
        for function in functions:
            thunks += struct.pack("<I", at + len(names))
            names += _even(b"\0\0" + function.encode() + b"\0")
        thunks += bytes(4)
        library_names.append(at + len(names))
        names += _even(library.encode() + b"\0")
    return bytes(names), bytes(thunks), library_names


def _even(data: bytes) -> bytes:
    return data + bytes(len(data) % 2)


def _import_directory(
    libraries: Sequence[tuple[str, Sequence[str]]],
    names: Sequence[int],
    table_size: int,
    directory_size: int,
) -> bytes:
    directory, offset = b"", 0
    for (_, functions), name in zip(libraries, names, strict=True):
        lookup = _RDATA + table_size + directory_size + offset
        directory += struct.pack("<5I", lookup, 0, 0, name, _RDATA + offset)
        offset += 4 * (len(functions) + 1)
    return directory + bytes(20)


def _string_pool(program: Program) -> bytes:
    narrow = b"".join(text.encode() + b"\0" for text in program.strings)
    wide = b"".join(text.encode("utf-16-le") + b"\0\0" for text in program.wide_strings)
    return _even(narrow) + wide + program.padding


def _resource_section(version: Mapping[str, str], at: int) -> bytes:
    """One resource: type 16 (version), name 1, language US English."""
    data_at = 3 * 24 + 16
    content = _version_info(version)
    levels = ((16, 24 | 1 << 31), (1, 48 | 1 << 31), (1033, 72))
    tree = b"".join(struct.pack("<IIHHHHII", 0, 0, 0, 0, 0, 1, *level) for level in levels)
    return tree + struct.pack("<4I", at + data_at, len(content), 0, 0) + content


def _version_info(version: Mapping[str, str]) -> bytes:
    fixed = struct.pack("<13I", 0xFEEF04BD, 0x10000, 0x20001, 0, 0x20001, 0, 0x3F, 0, 0x40004, 1, 0, 0, 0)
    strings = b"".join(_version_string(name, value) for name, value in version.items())
    table = _version_block("StringFileInfo", _version_block("040904b0", strings))
    translation = _version_block(
        "VarFileInfo", _version_block("Translation", struct.pack("<HH", 0x409, 1200), value_size=4, kind=0)
    )
    return _version_block("VS_VERSION_INFO", fixed + _word(table) + translation, value_size=52, kind=0)


def _word(data: bytes) -> bytes:
    return data.ljust(_aligned(len(data), 4), b"\0")


def _version_string(name: str, value: str) -> bytes:
    text = value.encode("utf-16-le") + b"\0\0"
    return _word(_version_block(name, text, value_size=len(text) // 2))


def _version_block(key: str, content: bytes, value_size: int = 0, kind: int = 1) -> bytes:
    """A block of the version resource; `kind` is 1 for text and 0 for binary values."""
    name = key.encode("utf-16-le") + b"\0\0"
    start = _aligned(6 + len(name), 4)
    head = struct.pack("<HHH", start + len(content), value_size, kind) + name
    return head.ljust(start, b"\0") + content


Section = tuple[bytes, int, bytes, int]


def _headers(program: Program, sections: Sequence[Section], address_table_size: int) -> bytes:
    dos = (_DOS_HEADER + struct.pack("<I", 0x80) + _DOS_PROGRAM + _DOS_MESSAGE).ljust(0x80, b"\0")
    characteristics = 0x2102 if program.is_library else 0x0102
    coff = struct.pack("<HHIIIHH", 0x14C, len(sections), program.built, 0, 0, 0xE0, characteristics)
    optional = _optional_header(sections, len(program.imports), address_table_size)
    return _padded(dos + b"PE\0\0" + coff + optional + b"".join(_section_headers(sections)))


def _optional_header(sections: Sequence[Section], library_count: int, address_table_size: int) -> bytes:
    text, rdata, resources = (data for _, _, data, _ in sections)
    resources_at = sections[2][1]
    image_size = resources_at + _aligned(len(resources), _SECTION_ALIGNMENT)
    initialised = len(_padded(rdata)) + len(_padded(resources))
    standard = struct.pack("<HBB6I", 0x10B, 14, 0, len(_padded(text)), initialised, 0, _TEXT, _TEXT, _RDATA)
    windows = struct.pack("<3I6H", IMAGE_BASE, _SECTION_ALIGNMENT, _FILE_ALIGNMENT, 6, 0, 1, 0, 6, 0)
    windows += struct.pack(
        "<4IHH6I", 0, image_size, _HEADERS_SIZE, 0, 2, 0x8140, 0x100000, 0x1000, 0x100000, 0x1000, 0, 16
    )
    directories = [(0, 0)] * 16
    directories[1] = (_RDATA + address_table_size, 20 * (library_count + 1))
    directories[2] = (resources_at, len(resources))
    directories[12] = (_RDATA, address_table_size)
    return standard + windows + b"".join(struct.pack("<II", *entry) for entry in directories)


def _section_headers(sections: Sequence[Section]) -> Iterator[bytes]:
    offset = _HEADERS_SIZE
    for name, address, data, flags in sections:
        size = len(_padded(data))
        yield struct.pack("<8s6I2HI", name, len(data), address, size, offset, 0, 0, 0, 0, flags)
        offset += size


def _with_checksum(image: bytes) -> bytes:
    """Fill in the checksum: the 16-bit sum with carries of the whole file, plus its length."""
    words = struct.unpack(f"<{len(image) // 2}H", image)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    at = 0x80 + 4 + 20 + 64
    return image[:at] + struct.pack("<I", total + len(image)) + image[at + 4 :]
