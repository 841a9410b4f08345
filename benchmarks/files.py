"""What it costs to describe files.

    python benchmarks/files.py

CPU seconds, the best of several runs, because everything that disturbs a run makes it longer.
"""

import os
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import fledge  # noqa: F401 - binds lib.cuckoo

RUNS = 5
MODULES = Path(__file__).resolve().parent.parent / "modules" / "processing"
TEXT_MB, RULES, DROPPED, DROPPED_KB, DUMP_MB = 50, 1000, 500, 100, 1024
MB = 1 << 20
CODE_MB, RESOURCES_MB, EXPORTS, IMPORTS = 28, 14, 20_000, 5_000


def main() -> None:
    """Measure and print the table."""
    library = large_library()
    rows = [
        (
            f"describe a PE of {len(library) / MB:.0f} MB",
            f"{best(lambda: pe_seconds(library)):.2f} s",
            "1.0 s",
        ),
        *text_rows(),
        *rule_rows(),
    ]
    table = Table(title="files", title_justify="left")
    for label in ("what", "measured", "at most"):
        table.add_column(label, justify="left" if label == "what" else "right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def best(measure: Callable[[], float]) -> float:
    """Return the shortest of several runs, in seconds."""
    return min(measure() for _ in range(RUNS))


def pe_seconds(data: bytes) -> float:
    """Return the CPU seconds that the whole description takes."""
    from lib.cuckoo.files.budget import Budget  # noqa: PLC0415 - after `import fledge` has bound lib.cuckoo
    from lib.cuckoo.files.pe.describe import describe_pe  # noqa: PLC0415 - as above

    started = time.process_time()
    described = describe_pe(data, Budget(entries=100_000), lambda name, _: name)
    elapsed = time.process_time() - started
    assert len(described["exports"]) == EXPORTS
    assert sum(len(library["imports"]) for library in described["imports"].values()) == IMPORTS
    assert len(described["resources"]) == RESOURCES_MB
    return elapsed


def text_rows() -> list[tuple[str, str, str]]:
    """Measure the search for strings and indicators in half random, half program data."""
    from lib.cuckoo.files.indicators import indicators  # noqa: PLC0415 - as above
    from lib.cuckoo.files.strings import first_strings  # noqa: PLC0415 - as above

    library = large_library()
    data = (library * (TEXT_MB * MB // len(library) + 1))[: TEXT_MB * MB]

    def seconds() -> float:
        with tempfile.TemporaryFile() as stream:
            stream.write(data)
            stream.seek(0)
            started = time.process_time()
            first_strings(stream, 6, 2048)
            indicators(data, "sample", 1000)
            return time.process_time() - started

    return [(f"strings and indicators of {TEXT_MB} MB", f"{best(seconds):.2f} s", "1.0 s")]


def rule_rows() -> list[tuple[str, str, str]]:
    """Measure modules that scan with YARA, in a working root with rules of its own."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for group in ("binaries", "memory"):
            (root / "data" / "yara" / group).mkdir(parents=True)
            for number in range(RULES):
                (root / "data" / "yara" / group / f"{number}.yar").write_text(rule(number))
        for folder in ("conf", "storage/analyses/1/files", "storage/analyses/1/memory"):
            (root / folder).mkdir(parents=True)
        os.environ["FLEDGE_ROOT"] = place
        analysis = root / "storage" / "analyses" / "1"
        library = large_library()
        for number in range(DROPPED):
            head = library[:512] + os.urandom(DROPPED_KB * 512)
            (analysis / "files" / str(number)).write_bytes(head.ljust(DROPPED_KB * 1024, b"."))
        write_dump(analysis / "memory" / "1.dmp", library)
        module_seconds("dropped", analysis)  # compiles the rules
        module_seconds("procmemory", analysis, maximum=0)
        dropped = min(module_seconds("dropped", analysis, fuzzy_megabytes=0) for _ in range(3))
        fuzzy = module_seconds("dropped", analysis)
        memory = module_seconds("procmemory", analysis)
    return [
        (f"{DROPPED} dropped files of {DROPPED_KB} KB, {RULES} YARA rules", f"{fuzzy:.2f} s", "5 s"),
        ("the same without ssdeep and TLSH of the first 4 MB", f"{dropped:.2f} s", ""),
        (f"a process dump of {DUMP_MB} MB, {RULES} YARA rules, indicators", f"{memory:.1f} s", "20 s"),
    ]


def rule(number: int) -> str:
    """Write a rule as families have them: some text, some code with gaps."""
    code = " ".join(f"{byte:02X}" for byte in struct.pack("<QQ", number * 0x9E3779B97F4A7C15 % 2**64, number))
    return f"""rule Family{number} {{
        meta: family = "Family{number}"
        strings:
            $text = "family-{number:05}-{number * 7919:x}" ascii wide
            $code = {{ 55 8B EC {code} ?? ?? E8 [4-8] C3 }}
        condition: uint16(0) == 0x5A4D and all of them or $text
    }}"""


def write_dump(path: Path, library: bytes) -> None:
    """Write a dump whose regions are random, program and zero bytes."""
    noise, address = os.urandom(4 * MB), 0x10000
    with path.open("wb") as stream:
        while stream.tell() < DUMP_MB * MB:
            for data, kind in ((noise, 0x20000), (library[: 4 * MB], 0x20000), (bytes(2 * MB), 0x20000)):
                stream.write(struct.pack("<QIIII", address, len(data), 0x1000, kind, 4) + data)
                address += len(data) + 0x10000


def module_seconds(name: str, analysis: Path, **options: Any) -> float:
    """Return the CPU seconds that a module takes."""
    from fledge.testing import run_module  # noqa: PLC0415 - as above

    started = time.process_time()
    _, run = run_module(MODULES / f"{name}.py", analysis, task={"category": "file"}, **options)
    assert run.outcome.value == "COMPLETED", run.error
    return time.process_time() - started


def large_library() -> bytes:
    """Build a DLL as compilers make them: code, tables of imports and exports, a few large resources."""
    parts = [(b".text", os.urandom(CODE_MB * MB // 2) + bytes(CODE_MB * MB // 2), 0x60000020)]
    at = 0x1000 + CODE_MB * MB
    imports, exports, resources = import_table(at), b"", b""
    parts.append((b".idata", imports, 0xC0000040))
    at += aligned(len(imports), 0x1000)
    exports = export_table(at)
    parts.append((b".edata", exports, 0x40000040))
    after = at + aligned(len(exports), 0x1000)
    resources = resource_tree(after)
    parts.append((b".rsrc", resources, 0x40000040))
    directories = [(at, len(exports)), (at - aligned(len(imports), 0x1000), 40), (after, len(resources))]
    return assembled(parts, directories)


def aligned(size: int, step: int) -> int:
    """Round up."""
    return -(-size // step) * step


def import_table(at: int) -> bytes:
    """Build one library's directory, its lookup table, which is its address table too, and the names."""
    slots, names = 40, 40 + 8 * (IMPORTS + 1) + 16
    pool = b"".join(
        struct.pack("<H", 0) + f"ImportedFunction{number:07}".encode() + b"\0" for number in range(IMPORTS)
    )
    width = len(pool) // IMPORTS
    lookup = b"".join(struct.pack("<Q", at + names + width * number) for number in range(IMPORTS)) + bytes(8)
    directory = struct.pack("<5I", at + slots, 0, 0, at + names - 16, at + slots) + bytes(20)
    return directory + lookup + b"LIBRARY.dll".ljust(16, b"\0") + pool


def export_table(at: int) -> bytes:
    """Build the directory, the addresses, the names' addresses and numbers, and the names."""
    pool = b"".join(f"ExportedFunction{number:07}".encode() + b"\0" for number in range(EXPORTS))
    width, functions, names = len(pool) // EXPORTS, 40, 40 + 4 * EXPORTS
    ordinals = names + 4 * EXPORTS
    start = ordinals + 2 * EXPORTS
    head = struct.pack(
        "<IIHHIIIIIII", 0, 0, 0, 0, at + start, 1, EXPORTS, EXPORTS, at + functions, at + names, at + ordinals
    )
    addresses = struct.pack(f"<{EXPORTS}I", *range(0x1000, 0x1000 + EXPORTS))
    places = struct.pack(f"<{EXPORTS}I", *(at + start + width * number for number in range(EXPORTS)))
    return head + addresses + places + struct.pack(f"<{EXPORTS}H", *range(EXPORTS)) + pool


def resource_tree(at: int) -> bytes:
    """Build resources of a megabyte each, of type 10 (raw data) in US English."""
    below, count = 1 << 31, RESOURCES_MB
    leaves = 24 + 16 + 8 * count + 24 * count
    heads = leaves + 16 * count
    tree = struct.pack("<12xHHII", 0, 1, 10, 24 | below) + struct.pack("<12xHH", 0, count)
    tree += b"".join(
        struct.pack("<II", number + 1, (40 + 8 * count + 24 * number) | below) for number in range(count)
    )
    tree += b"".join(struct.pack("<12xHHII", 0, 1, 1033, leaves + 16 * number) for number in range(count))
    tree += b"".join(struct.pack("<4I", at + heads + MB * number, MB, 0, 0) for number in range(count))
    return tree + os.urandom(count * MB)


def assembled(parts: list[tuple[bytes, bytes, int]], directories: list[tuple[int, int]]) -> bytes:
    """Put headers before the sections."""
    sections, offset, address, body = b"", 0x400, 0x1000, b""
    for name, data, access in parts:
        size = aligned(len(data), 0x200)
        sections += struct.pack("<8s6I2HI", name, len(data), address, size, offset, 0, 0, 0, 0, access)
        body += data.ljust(size, b"\0")
        offset, address = offset + size, address + aligned(len(data), 0x1000)
    table = b"".join(struct.pack("<II", *entry) for entry in directories).ljust(128, b"\0")
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, 0, 0, 0, 0x1000, 0x1000)
    optional += struct.pack("<QII6HIIIIHHQQQQII", 1 << 30, 0x1000, 0x200, 6, 0, 0, 0, 6, 0, 0, address, 0x400, 0, 2, 0,
                            1 << 20, 4096, 1 << 20, 4096, 0, 16)  # fmt: skip
    coff = struct.pack("<HHIIIHH", 0x8664, len(parts), 1_700_000_000, 0, 0, len(optional) + 128, 0x2022)
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    return (dos + b"PE\0\0" + coff + optional + table + sections).ljust(0x400, b"\0") + body


if __name__ == "__main__":
    main()
