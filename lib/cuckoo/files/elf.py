"""ELF: the programs and libraries of Linux and its kin, by the System V ABI ("Tool Interface Standard, ELF").

A running system follows the segments and the dynamic section only; section headers are for linkers and debuggers, and
malware damages them without harm to itself. So what the loader uses is read from where the loader reads it, and
section headers only where nothing else has the answer. Numbers of entries are never believed beyond the file.
"""

import struct
from collections.abc import Iterator

from lib.cuckoo.common.text import readable_text
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.elf_image import LOAD, STRING_TABLE, Elf, Section, Segment
from lib.cuckoo.files.elf_records import ElfFile, ElfProtections, ElfSection, ElfSegment, ElfSymbol

_TYPES = {0: "NONE", 1: "REL", 2: "EXEC", 3: "DYN", 4: "CORE"}
_MACHINES = {
    2: "SPARC", 3: "386", 4: "68K", 8: "MIPS", 10: "MIPS_RS3_LE", 20: "PPC", 21: "PPC64", 22: "S390", 40: "ARM",
    42: "SH", 43: "SPARCV9", 45: "ARC", 50: "IA_64", 62: "X86_64", 93: "ARC_COMPACT", 94: "XTENSA", 183: "AARCH64",
    195: "ARC_COMPACT2", 243: "RISCV", 247: "BPF", 258: "LOONGARCH",
}  # fmt: skip
_ABIS = {
    0: "SYSV",
    2: "NETBSD",
    3: "LINUX",
    6: "SOLARIS",
    9: "FREEBSD",
    12: "OPENBSD",
    97: "ARM",
    255: "STANDALONE",
}
_SEGMENTS = {
    0: "NULL", 1: "LOAD", 2: "DYNAMIC", 3: "INTERP", 4: "NOTE", 5: "SHLIB", 6: "PHDR", 7: "TLS",
    0x6474E550: "GNU_EH_FRAME", 0x6474E551: "GNU_STACK", 0x6474E552: "GNU_RELRO", 0x6474E553: "GNU_PROPERTY",
}  # fmt: skip
_SECTIONS = {
    0: "NULL", 1: "PROGBITS", 2: "SYMTAB", 3: "STRTAB", 4: "RELA", 5: "HASH", 6: "DYNAMIC", 7: "NOTE", 8: "NOBITS",
    9: "REL", 10: "SHLIB", 11: "DYNSYM", 14: "INIT_ARRAY", 15: "FINI_ARRAY", 16: "PREINIT_ARRAY", 17: "GROUP",
    18: "SYMTAB_SHNDX", 19: "RELR", 0x6FFFFFF5: "GNU_ATTRIBUTES",
    0x6FFFFFF6: "GNU_HASH", 0x6FFFFFFD: "VERDEF", 0x6FFFFFFE: "VERNEED", 0x6FFFFFFF: "VERSYM",
}  # fmt: skip
_SECTION_FLAGS = ((0x1, "W"), (0x2, "A"), (0x4, "X"), (0x10, "M"), (0x20, "S"), (0x40, "I"), (0x80, "L"), (0x100, "O"),
                  (0x200, "G"), (0x400, "T"), (0x800, "C"))  # fmt: skip
_SYMBOL_TYPES = {
    0: "NOTYPE",
    1: "OBJECT",
    2: "FUNC",
    3: "SECTION",
    4: "FILE",
    5: "COMMON",
    6: "TLS",
    10: "GNU_IFUNC",
}
_BINDS = {0: "LOCAL", 1: "GLOBAL", 2: "WEAK", 10: "GNU_UNIQUE"}
_INTERP, _NOTE = 3, 4
_STACK, _RELRO = 0x6474E551, 0x6474E552
_SYMTAB, _NOBITS, _DYNSYM = 2, 8, 11
_NEEDED, _HASH, _DT_SYMTAB, _SONAME, _RPATH = 1, 4, 6, 14, 15
_DEBUG, _BIND_NOW, _RUNPATH, _FLAGS, _GNU_HASH, _FLAGS_1 = 21, 24, 29, 30, 0x6FFFFEF5, 0x6FFFFFFB
PACKED_ENTROPY = 7.2
_SYMBOL = {32: "IIIBBH", 64: "IBBHQQ"}


def describe_elf(data: Data, budget: Budget, _save: Save) -> ElfFile:
    """Describe an ELF file.

    Raises:
        CuckooProcessingError: the header cannot be read.
    """
    elf = Elf(data, budget)
    imports, exports = _symbols(elf)
    sections = _section_records(elf)
    return {
        "bits": elf.bits,
        "endian": "little" if elf.order == "<" else "big",
        "abi": _ABIS.get(data[7], str(data[7])),
        "type": _TYPES.get(elf.type, f"0x{elf.type:x}"),
        "machine": _MACHINES.get(elf.machine, str(elf.machine)),
        "entrypoint": f"0x{elf.entry:x}",
        "interpreter": _interpreter(elf),
        "build_id": _build_id(elf),
        "soname": next(_named(elf, _SONAME), None),
        "libraries": list(_named(elf, _NEEDED)),
        "run_path": [*_named(elf, _RPATH), *_named(elf, _RUNPATH)],
        "segments": [_segment_record(each) for each in elf.segments],
        "sections": sections,
        "imports": imports,
        "exports": exports,
        "stripped": not any(each.kind == _SYMTAB for each in elf.sections),
        "static": elf.type in {2, 3} and not elf.dynamic,
        "protections": _protections(elf, {each["name"] for each in imports}),
        "packer_hints": list(_packer_hints(elf)),
        "overlay": _overlay(elf),
        "anomalies": elf.anomalies + list(_anomalies(elf)),
    }


def text_in(strings: bytes, place: int) -> str:
    """Return the text at a place of a table of strings, each of which ends with a zero."""
    end = strings.find(b"\0", place, place + 4096)
    return readable_text(strings[place : end if end >= 0 else place + 4096])


def _named(elf: Elf, number: int) -> Iterator[str]:
    return (text_in(elf.strings, value) for tag, value in elf.dynamic if tag == number)


def _interpreter(elf: Elf) -> str | None:
    for each in elf.segments:
        if each.kind == _INTERP:
            return text_in(elf.content(each.offset, min(each.file_size, 4096)), 0)
    return None


def _build_id(elf: Elf) -> str | None:
    """Return the identity of the build: the note of type 3 that GNU's tools leave, in a segment or section of notes."""
    places = [(each.offset, each.file_size) for each in elf.segments if each.kind == _NOTE]
    places += [(each.offset, each.size) for each in elf.sections if each.kind == 7]
    for offset, size in places[:64]:
        for name, kind, content in _notes(elf, elf.content(offset, min(size, 1 << 16))):
            if name == b"GNU" and kind == 3:
                return content.hex()
    return None


def _notes(elf: Elf, raw: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    at = 0
    while at + 12 <= len(raw):
        name_size, size, kind = struct.unpack_from(elf.order + "III", raw, at)
        start = at + 12 + name_size + -name_size % 4
        yield raw[at + 12 : at + 12 + name_size].rstrip(b"\0"), kind, raw[start : start + size]
        at = start + size + -size % 4


def _segment_record(segment: Segment) -> ElfSegment:
    return {
        "type": _SEGMENTS.get(segment.kind, f"0x{segment.kind:x}"),
        "offset": f"0x{segment.offset:x}",
        "address": f"0x{segment.address:x}",
        "file_size": f"0x{segment.file_size:x}",
        "memory_size": f"0x{segment.memory_size:x}",
        "flags": "".join(letter for bit, letter in ((4, "R"), (2, "W"), (1, "X")) if segment.flags & bit),
    }


def _section_records(elf: Elf) -> list[ElfSection]:
    names = b""
    index = elf.names_in if elf.names_in != 0xFFFF else (elf.sections[0].link if elf.sections else 0)
    if index < len(elf.sections):
        names = elf.content(elf.sections[index].offset, elf.sections[index].size)
    elif elf.sections:
        elf.odd(f"the names of the sections should be in section {index}, which does not exist")
    records = [_section_record(elf, each, names) for each in elf.sections]
    if elf.parts.refused:
        elf.budget.note(f"{elf.parts.refused} sections overlap others and were not measured")
    return records


def _section_record(elf: Elf, section: Section, names: bytes) -> ElfSection:
    held = section.kind not in {0, _NOBITS} and section.size
    measured = elf.parts.measure(section.offset, section.size) if held else None
    return {
        "name": text_in(names, section.name),
        "type": _SECTIONS.get(section.kind, f"0x{section.kind:x}"),
        "address": f"0x{section.address:x}",
        "offset": f"0x{section.offset:x}",
        "size": f"0x{section.size:x}",
        "flags": "".join(letter for bit, letter in _SECTION_FLAGS if section.flags & bit),
        "entropy": measured[0] if measured else None,
        "md5": measured[1] if measured else None,
    }


def _symbols(elf: Elf) -> tuple[list[ElfSymbol], list[ElfSymbol]]:
    """Return what the file needs from others and what it offers, by name."""
    imports: list[ElfSymbol] = []
    exports: list[ElfSymbol] = []
    for name, kind, place, address, size in _all_symbols(elf):
        symbol: ElfSymbol = {
            "name": name,
            "address": f"0x{address:x}",
            "size": size,
            "type": _SYMBOL_TYPES.get(kind & 15, str(kind & 15)),
            "bind": _BINDS.get(kind >> 4, str(kind >> 4)),
        }
        (exports if place else imports).append(symbol)
    return imports, exports


def _all_symbols(elf: Elf) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield name, kind, section, address and size of the symbols that other files can see."""
    offset, count, strings = _symbol_table(elf)
    rows = elf.records(_SYMBOL[elf.bits], offset, count)
    for name, kind, place, address, size in elf.budget.take(
        "symbols", (_symbol(elf.bits, row) for row in rows)
    ):
        if name and kind >> 4 and kind & 15 not in {3, 4}:
            yield text_in(strings, name), kind, place, address, size


def _symbol(bits: int, row: tuple[int, ...]) -> tuple[int, int, int, int, int]:
    if bits == 64:
        name, kind, _, place, address, size = row
    else:
        name, address, size, kind, _, place = row
    return name, kind, place, address, size


def _symbol_table(elf: Elf) -> tuple[int, int, bytes]:
    """Return place and length of the table of symbols, and its strings: the loader's, else the linker's."""
    size = struct.calcsize(elf.order + _SYMBOL[elf.bits])
    offset = elf.offset(elf.tag(_DT_SYMTAB) or 0)
    if offset is not None:
        return offset, _dynamic_symbols(elf, size), elf.strings
    for kind in (_DYNSYM, _SYMTAB):
        for each in elf.sections:
            if each.kind == kind and each.link < len(elf.sections):
                strings = elf.sections[each.link]
                return each.offset, each.size // size, elf.content(strings.offset, strings.size)
    return 0, 0, b""


def _dynamic_symbols(elf: Elf, size: int) -> int:
    """Return how many symbols the loader's table has; no field says so, but what is used to look them up does."""
    for each in elf.sections:
        if each.kind == _DYNSYM and each.address == elf.tag(_DT_SYMTAB):
            return each.size // size
    table = elf.offset(elf.tag(_HASH) or 0)
    if table is not None:
        return next(elf.records("II", table, 1), (0, 0))[1]
    table = elf.offset(elf.tag(_GNU_HASH) or 0)
    if table is not None:
        return _gnu_symbols(elf, table)
    start, end = elf.tag(_DT_SYMTAB) or 0, elf.tag(STRING_TABLE) or 0
    return max(0, end - start) // size


def _gnu_symbols(elf: Elf, table: int) -> int:
    """Return the number of the last symbol that GNU's hash table leads to, and one.

    Buckets give the first symbol of each chain; a chain ends with a value whose lowest bit is set.
    """
    buckets, first, bloom, _ = next(elf.records("IIII", table, 1), (0, 0, 0, 0))
    start = table + 16 + bloom * elf.bits // 8
    last = max((number for (number,) in elf.records("I", start, min(buckets, 1 << 20))), default=0)
    if last < first:
        return first
    chain = start + 4 * buckets + 4 * (last - first)
    for step, (value,) in enumerate(elf.records("I", chain, 1 << 20)):
        if value & 1:
            return last + step + 1
    return last + 1


def _protections(elf: Elf, names: set[str]) -> ElfProtections:
    flags, flags_1 = elf.tag(_FLAGS) or 0, elf.tag(_FLAGS_1) or 0
    now = elf.tag(_BIND_NOW) is not None or bool(flags & 8 or flags_1 & 1)
    relro = any(each.kind == _RELRO for each in elf.segments)
    stacks = [each.flags for each in elf.segments if each.kind == _STACK]
    return {
        "relro": ("full" if now else "partial") if relro else "none",
        "nx": bool(stacks) and not stacks[0] & 1,
        "pie": elf.type == 3
        and bool(flags_1 & 0x08000000 or elf.tag(_DEBUG) is not None or _interpreter(elf)),
        "canary": bool(names & {"__stack_chk_fail", "__stack_chk_guard", "__stack_chk_fail_local"}),
        "fortify": any(name.startswith("__") and name.endswith("_chk") for name in names),
    }


def _packer_hints(elf: Elf) -> Iterator[str]:
    marks = elf.data[:4096] + elf.data[max(0, len(elf.data) - 4096) :]
    if b"UPX!" in marks:
        yield "the mark of UPX"
    if elf.segments and not elf.sections:
        yield "no section headers"
    for number, each in enumerate(elf.segments):
        measured = (
            elf.parts.measure(each.offset, each.file_size) if each.kind == LOAD and each.flags & 1 else None
        )
        if measured and measured[0] > PACKED_ENTROPY:
            yield f"segment {number} is executable with an entropy of {measured[0]:.2f}: compressed or encrypted"


def _overlay(elf: Elf) -> dict[str, str] | None:
    """Describe what follows all that the headers lead to."""
    ends = [each.offset + each.file_size for each in elf.segments if each.kind]
    ends += [each.offset + each.size for each in elf.sections if each.kind not in {0, _NOBITS}]
    ends.append(elf.sections_at + elf.section_size * elf.section_count)
    end = max(end for end in [0, *ends] if end <= len(elf.data))
    if not end or end == len(elf.data) or len(ends) == 1:
        return None
    return {"offset": f"0x{end:x}", "size": f"0x{len(elf.data) - end:x}"}


def _anomalies(elf: Elf) -> Iterator[str]:
    for number, each in enumerate(elf.segments):
        if each.kind == LOAD and each.flags & 3 == 3:
            yield f"segment {number} is writable and executable"
        if each.file_size and each.offset + each.file_size > len(elf.data):
            yield f"segment {number} ends behind the end of the file"
        if each.kind == LOAD and each.file_size > each.memory_size:
            yield f"segment {number} is larger in the file than in memory"
    yield from _entry_anomalies(elf)


def _entry_anomalies(elf: Elf) -> Iterator[str]:
    if elf.entry and elf.type in {2, 3}:
        holders = [each for each in elf.loads if each.address <= elf.entry < each.address + each.memory_size]
        if not holders:
            yield "the entry point lies outside all segments"
        elif not any(each.flags & 1 for each in holders):
            yield "the entry point lies in a segment that is not executable"
