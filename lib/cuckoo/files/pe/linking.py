"""What a Portable Executable takes from libraries, and what it offers to others."""

import hashlib
import struct
from collections.abc import Iterator
from itertools import count, islice

from lib.cuckoo.files.pe.image import Image
from lib.cuckoo.files.pe.records import Export, Import, Library

LIBRARIES = 4096
FUNCTIONS = 1 << 17
"""Imported functions read; the most that a program was seen to have is a tenth of it."""
NAMES_PER_SLOT = 4
"""Names that may share one function before exports count as damaged, in multiples of the functions."""


def imports(image: Image) -> list[Library]:
    """Return the import directory, library by library.

    Its entries are five numbers: the address of a table of names, two that do not matter here, the address of the
    library's name, and the address of the table that the loader fills. An entry without the last two ends it.
    """
    address, _ = image.directory("IMPORT")
    found = []
    for number in range(LIBRARIES if address else 0):
        raw = image.at(address + 20 * number, 20)
        names, _, _, library, slots = struct.unpack("<5I", raw) if len(raw) == 20 else (0,) * 5
        if not library or not slots:
            break
        found.append((library, names, slots))
    return _libraries(image, found)


def delay_imports(image: Image) -> list[Library]:
    """Return what is imported when it is first called.

    The entries are eight numbers: flags, then the addresses of the library's name, its handle, the table that is filled
    and the table of names. Addresses are absolute where the lowest flag is not set, as old linkers left them.
    """
    address, _ = image.directory("DELAY_IMPORT")
    found = []
    for number in range(LIBRARIES if address else 0):
        raw = image.at(address + 32 * number, 32)
        kind, library, _, slots, names, *_ = struct.unpack("<8I", raw) if len(raw) == 32 else (0,) * 8
        if not library or not slots:
            break
        base = 0 if kind & 1 else image.base
        found.append((library - base, names - base, slots - base))
    return _libraries(image, found)


def imphash(libraries: list[Library]) -> str:
    """Return the MD5 of all imported functions in order, as "library.function" in lower case; "" without any.

    Of the library's name the endings .dll, .ocx and .sys are left out; a function without a name is "ord" and its
    number.
    """
    names = []
    for library in libraries:
        stem, _, ending = library["dll"].lower().rpartition(".")
        prefix = stem if ending in {"dll", "ocx", "sys"} else library["dll"].lower()
        names += [f"{prefix}.{_hashed_name(each)}" for each in library["imports"]]
    return hashlib.md5(",".join(names).encode(), usedforsecurity=False).hexdigest() if names else ""


def _hashed_name(function: Import) -> str:
    return function["name"].lower() if function["name"] else f"ord{function['ordinal']}"


def by_library(image: Image, libraries: list[Library]) -> dict[str, Library]:
    """Return libraries by their names without ending, those that are named twice put together."""
    found: dict[str, Library] = {}
    left = image.budget.entries
    for library in libraries:
        stem = library["dll"].rpartition(".")[0] or library["dll"]
        known = found.setdefault(stem, {"dll": library["dll"], "imports": []})
        known["imports"] += library["imports"][:left]
        if len(library["imports"]) > left:
            image.budget.note(f"there are more than {image.budget.entries} imports")
        left = max(0, left - len(library["imports"]))
    return found


def _libraries(image: Image, entries: list[tuple[int, int, int]]) -> list[Library]:
    if len(entries) == LIBRARIES:
        image.anomalies.append(f"there are {LIBRARIES} imported libraries or more, the others are not read")
    found: list[Library] = []
    left = FUNCTIONS
    for library, names, slots in entries:
        dll = image.text_at(library)
        functions = list(islice(_functions(image, dll, names, slots), left))
        left -= len(functions)
        found.append({"dll": dll, "imports": functions})
    if not left:
        image.anomalies.append(f"there are {FUNCTIONS} imported functions or more, the others are not read")
    return found


def _functions(image: Image, dll: str, names: int, slots: int) -> Iterator[Import]:
    """Yield the functions of one library; without a table of names the loader's table holds the same until it runs."""
    table = names if names and any(image.at(names, 4)) else slots
    width = 8 if image.is_64bit else 4
    for place, value in enumerate(pointers(image, table, width)):
        by_number = value >> (8 * width - 1)
        ordinal = value & 0xFFFF if by_number else None
        name = (
            image.ordinal_name(dll, ordinal)
            if ordinal is not None
            else image.text_at((value & 0x7FFFFFFF) + 2)
        )
        if not name and ordinal is None:
            image.odd(f"an imported function of {dll[:64]} has no name")
            return
        yield {"address": f"0x{image.base + slots + width * place:x}", "name": name, "ordinal": ordinal}


def pointers(image: Image, address: int, width: int) -> Iterator[int]:
    """Yield the numbers at an address up to the first zero or the end of the file."""
    step = 512 * width
    for start in count(address, step):
        raw = image.at(start, step)
        for (value,) in struct.iter_unpack("<Q" if width == 8 else "<I", raw[: len(raw) // width * width]):
            if not value:
                return
            yield value
        if len(raw) < step:
            return


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
    raw = image.at(address, min(count, FUNCTIONS) * width)
    held = len(raw) // width
    if held < count:
        image.anomalies.append(f"there should be {count} {what}, {held} can be read")
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
