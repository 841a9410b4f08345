"""Shapes of the section `static["elf"]`; numbers in hexadecimal are text, as in `static["pe"]`."""

from typing import TypedDict


class ElfSection(TypedDict):
    """One section; `entropy` and `md5` are of its data in the file, None without any."""

    name: str
    type: str
    address: str
    offset: str
    size: str
    flags: str
    entropy: float | None
    md5: str | None


class ElfSegment(TypedDict):
    """One segment; `flags` as "RWX"."""

    type: str
    offset: str
    address: str
    file_size: str
    memory_size: str
    flags: str


class ElfSymbol(TypedDict):
    """One symbol; `type` is "FUNC", "OBJECT" …, `bind` "GLOBAL", "WEAK" and so on."""

    name: str
    address: str
    size: int
    type: str
    bind: str


class ElfProtections(TypedDict):
    """What makes exploiting the program harder; `relro` is "full", "partial" or "none"."""

    relro: str
    nx: bool
    pie: bool
    canary: bool
    fortify: bool


class ElfFile(TypedDict):
    """The whole section."""

    bits: int
    endian: str
    abi: str
    type: str
    machine: str
    entrypoint: str
    interpreter: str | None
    build_id: str | None
    soname: str | None
    libraries: list[str]
    run_path: list[str]
    segments: list[ElfSegment]
    sections: list[ElfSection]
    imports: list[ElfSymbol]
    exports: list[ElfSymbol]
    stripped: bool
    static: bool
    protections: ElfProtections
    packer_hints: list[str]
    overlay: dict[str, str] | None
    anomalies: list[str]
