"""What it costs to describe files.

    python benchmarks/files.py

CPU seconds, the best of several runs, because everything that disturbs a run makes it longer.
"""

import os
import struct
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

import fledge  # noqa: F401 - binds lib.cuckoo

RUNS = 5
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
