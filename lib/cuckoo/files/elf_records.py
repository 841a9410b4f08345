"""Shapes of the section `static["elf"]`; numbers in hexadecimal are text, as in `static["pe"]`."""

from typing import TypedDict


class ElfSection(TypedDict):
    """One section; `entropy` and `md5` are of its data in the file, None without any."""

    name: str
    """As the table of names has it."""
    type: str
    """"PROGBITS", "DYNSYM" and so on."""
    address: str
    """In memory, hexadecimal."""
    offset: str
    """In the file, hexadecimal."""
    size: str
    """Bytes, hexadecimal."""
    flags: str
    """"WAX" and so on."""
    entropy: float | None
    """Bits per byte, 0 to 8; null without data."""
    md5: str | None
    """Of its data; null without any."""


class ElfSegment(TypedDict):
    """One segment; `flags` as "RWX"."""

    type: str
    """"LOAD", "DYNAMIC" and so on."""
    offset: str
    """In the file, hexadecimal."""
    address: str
    """In memory, hexadecimal."""
    file_size: str
    """Bytes, hexadecimal."""
    memory_size: str
    """Bytes, hexadecimal."""
    flags: str
    """"RWX", as far as they apply."""


class ElfSymbol(TypedDict):
    """One symbol; `type` is "FUNC", "OBJECT" …, `bind` "GLOBAL", "WEAK" and so on."""

    name: str
    """Of the function or variable."""
    address: str
    """In memory, hexadecimal; zeros for an import."""
    size: int
    """Bytes."""
    type: str
    """"FUNC", "OBJECT" and so on."""
    bind: str
    """"GLOBAL", "WEAK" and so on."""


class ElfProtections(TypedDict):
    """What makes exploiting the program harder; `relro` is "full", "partial" or "none"."""

    relro: str
    """"full", "partial" or "none"."""
    nx: bool
    """True when the stack cannot run as code."""
    pie: bool
    """True when it can lie anywhere."""
    canary: bool
    """True when functions guard their stacks."""
    fortify: bool
    """True when it calls checked functions of the C library."""


class ElfFile(TypedDict):
    """The whole section."""

    bits: int
    """32 or 64."""
    endian: str
    """"little" or "big"."""
    abi: str
    """The system that it says it is for, "SYSV" for most."""
    type: str
    """"EXEC", "DYN", "REL", "CORE"; a program that can lie anywhere is "DYN", too."""
    machine: str
    """The processor, "X86_64" and so on."""
    entrypoint: str
    """Address, hexadecimal."""
    interpreter: str | None
    """The loader that it asks for."""
    build_id: str | None
    """Hexadecimal."""
    soname: str | None
    """The name that a library gives itself."""
    libraries: list[str]
    """Libraries that it needs."""
    run_path: list[str]
    """Where it looks for them first."""
    segments: list[ElfSegment]
    """In the order of the header."""
    sections: list[ElfSection]
    """In the order of the header."""
    imports: list[ElfSymbol]
    """Symbols that others define."""
    exports: list[ElfSymbol]
    """Symbols that it defines for others."""
    stripped: bool
    """True without a table of symbols."""
    static: bool
    """True when it needs no loader."""
    protections: ElfProtections
    """What makes exploiting it harder."""
    packer_hints: list[str]
    """What speaks for a packer, in words."""
    overlay: dict[str, str] | None
    """What stands behind the end: its `offset` and `size`, hexadecimal; null for nothing."""
    anomalies: list[str]
    """What is odd, in words."""
