"""What a Portable Executable takes from libraries, and what it offers to others."""

import struct
from collections.abc import Iterator
from typing import Any

from lib.cuckoo.files.pe.image import Image, plain
from lib.cuckoo.files.pe.records import Export, Import, Library

NAMES_PER_SLOT = 4
"""Names that may share one function before exports count as damaged, in multiples of the functions."""


def imports(image: Image) -> list[Library]:
    """Return the import directory, library by library."""
    image.parse("IMPORT")
    return _libraries(image, getattr(image.pe, "DIRECTORY_ENTRY_IMPORT", []), "imports")


def delay_imports(image: Image) -> list[Library]:
    """Return what is imported when it is first called."""
    image.parse("DELAY_IMPORT")
    return _libraries(image, getattr(image.pe, "DIRECTORY_ENTRY_DELAY_IMPORT", []), "delayed imports")


def imphash(image: Image) -> str:
    """Return the MD5 of all imported names in order, "" without imports; `imports` has to come first."""
    return image.attempt("the import hash", image.pe.get_imphash, "")


def by_library(libraries: list[Library]) -> dict[str, Library]:
    """Return libraries by their names without ending, those that are named twice put together."""
    found: dict[str, Library] = {}
    for library in libraries:
        stem = library["dll"].rpartition(".")[0] or library["dll"]
        known = found.setdefault(stem, {"dll": library["dll"], "imports": []})
        known["imports"] += library["imports"]
    return found


def _libraries(image: Image, entries: list[Any], what: str) -> list[Library]:
    found: list[Library] = []
    left = image.budget.entries
    for entry in image.budget.take(f"libraries with {what}", entries):
        functions = [_import(image, entry.dll, each) for each in entry.imports[:left]]
        if len(functions) < len(entry.imports):
            image.budget.note(f"there are more than {image.budget.entries} {what}")
        left -= len(functions)
        found.append({"dll": plain(entry.dll), "imports": functions})
    return found


def _import(image: Image, dll: bytes | None, function: Any) -> Import:
    name = function.name
    if not name and function.ordinal is not None:
        name = image.pefile.ordlookup.ordLookup((dll or b"").lower(), function.ordinal)
    return {
        "address": f"0x{function.address or 0:x}",
        "name": plain(name) if name else None,
        "ordinal": function.ordinal if function.import_by_ordinal else None,
    }


def exports(image: Image) -> tuple[str | None, list[Export]]:
    """Return the name that a library gives itself, and its functions by ordinal.

    Layout of the directory: five numbers of which the fourth is the name's address, then the first ordinal, how many
    functions and names there are, and the addresses of their tables.
    """
    address, size = image.directory("EXPORT")
    head = image.at(address, 40) if address else b""
    if len(head) < 40:
        return None, []
    name, first, functions, names, slots_at, names_at, ordinals_at = struct.unpack("<7I", head[12:])
    slots = _numbers(image, slots_at, functions, 4, "exported functions")
    known = dict(_export_names(image, names_at, ordinals_at, min(names, NAMES_PER_SLOT * len(slots) + 1024)))
    found = (
        _export(image, first + slot, target, known.get(slot), (address, size))
        for slot, target in enumerate(slots)
        if target
    )
    return image.text_at(name) or None, image.budget.take("exports", found)


def _numbers(image: Image, address: int, count: int, width: int, what: str) -> tuple[int, ...]:
    """Read a table as far as the file holds it."""
    raw = image.at(address, min(count, 1 << 20) * width)
    held = len(raw) // width
    if held < count:
        image.anomalies.append(f"there should be {count} {what}, the file holds {held}")
    return struct.unpack(f"<{held}{'H' if width == 2 else 'I'}", raw[: held * width])


def _export_names(image: Image, names_at: int, ordinals_at: int, count: int) -> Iterator[tuple[int, str]]:
    addresses = _numbers(image, names_at, count, 4, "names of exports")
    for address, slot in zip(
        addresses, _numbers(image, ordinals_at, count, 2, "numbers of exports"), strict=False
    ):
        yield slot, image.text_at(address)


def _export(image: Image, ordinal: int, target: int, name: str | None, directory: tuple[int, int]) -> Export:
    forwarded = directory[0] <= target < sum(directory)
    return {
        "address": f"0x{image.base + target:x}",
        "name": name,
        "ordinal": ordinal,
        "forwarder": image.text_at(target) if forwarded else None,
    }
