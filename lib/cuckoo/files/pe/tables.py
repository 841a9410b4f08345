"""The small tables of a Portable Executable: debug directory, thread-local storage, load configuration, rich header."""

import hashlib
import struct
import uuid
from itertools import islice

from lib.cuckoo.common.text import readable_text
from lib.cuckoo.files.pe.headers import timestamp
from lib.cuckoo.files.pe.image import Image
from lib.cuckoo.files.pe.linking import pointers
from lib.cuckoo.files.pe.records import DebugEntry, LoadConfig, RichHeader, Tls

DEBUG_ENTRIES = 64
_CODEVIEW = 2
_GUARD_INSTRUMENTED = 0x100
_COOKIE_AT = {4: 0x3C, 8: 0x58}
_LOAD_CONFIG = {4: "<IIIIIIII", 8: "<QQQQQQQI"}
"""By width: cookie, handlers and their number, two pointers, functions and their number, flags."""


def debug_entries(image: Image) -> list[DebugEntry]:
    """Return the entries of the debug directory."""
    address, size = image.directory("DEBUG")
    raw = image.at(address, min(size, 28 * DEBUG_ENTRIES)) if address else b""
    return [
        _debug_entry(image, *entry) for entry in struct.iter_unpack("<4xI4xIIII", raw[: len(raw) // 28 * 28])
    ]


def _debug_entry(image: Image, time: int, kind: int, size: int, _: int, offset: int) -> DebugEntry:
    names = image.pefile.DEBUG_TYPE
    pdb = (
        _codeview(image.data[offset : offset + min(size, 4096)]) if kind == _CODEVIEW else (None, None, None)
    )
    return {
        "type": names.get(kind, str(kind)).removeprefix("IMAGE_DEBUG_TYPE_"),
        "timestamp": timestamp(time),
        "pdb": pdb[0],
        "guid": pdb[1],
        "age": pdb[2],
    }


def _codeview(raw: bytes) -> tuple[str | None, str | None, int | None]:
    """Return path, identity and age of the symbol file; the format is known by its first four bytes."""
    if raw.startswith(b"RSDS") and len(raw) >= 24:
        guid = str(uuid.UUID(bytes_le=raw[4:20])).upper()
        return _path(raw[24:]), guid, int.from_bytes(raw[20:24], "little")
    if raw.startswith(b"NB10") and len(raw) >= 16:
        return _path(raw[16:]), raw[8:12][::-1].hex().upper(), int.from_bytes(raw[12:16], "little")
    return None, None, None


def _path(raw: bytes) -> str:
    return readable_text(raw.partition(b"\0")[0])


def tls(image: Image) -> Tls | None:
    """Return the callbacks that run before the entry point."""
    address, size = image.directory("TLS")
    width = 8 if image.is_64bit else 4
    raw = image.at(address + 3 * width, width) if address and size else b""
    if len(raw) < width:
        return None
    start = int.from_bytes(raw, "little") - image.base
    callbacks = image.budget.take("TLS callbacks", pointers(image, start, width)) if start > 0 else []
    return {"callbacks": [f"0x{callback:x}" for callback in callbacks]}


def load_config(image: Image) -> LoadConfig | None:
    """Return the protections that the load configuration declares; fields that its size leaves out are 0."""
    address, _ = image.directory("LOAD_CONFIG")
    width = 8 if image.is_64bit else 4
    size = int.from_bytes(image.at(address, 4), "little") if address else 0
    if not size:
        return None
    end = _COOKIE_AT[width] + struct.calcsize(_LOAD_CONFIG[width])
    raw = image.at(address, min(size, end)).ljust(end, b"\0")
    numbers = struct.unpack_from(_LOAD_CONFIG[width], raw, _COOKIE_AT[width])
    cookie, handlers, handler_count, _, _, _, function_count, guard = numbers
    declared = image.pe.OPTIONAL_HEADER.DllCharacteristics
    return {
        "guard_cf": bool(declared & 0x4000 and guard & _GUARD_INSTRUMENTED),
        "guard_cf_functions": function_count,
        "safe_seh": not image.is_64bit and handlers != 0,
        "safe_seh_handlers": handler_count if not image.is_64bit else 0,
        "security_cookie": f"0x{cookie:x}" if cookie else None,
    }


def rich_header(image: Image) -> RichHeader | None:
    """Return the linker's note between the DOS program and the header.

    It is a list of numbers between "DanS" and "Rich", XORed with a key that is also the checksum of the DOS header and
    the list.
    """
    end_of_dos = min(image.pe.DOS_HEADER.e_lfanew, 4096)
    dos = image.data[:end_of_dos]
    mark = dos.rfind(b"Rich")
    key = dos[mark + 4 : mark + 8]
    if mark < 0 or len(key) < 4:
        return None
    start = dos.rfind(bytes(a ^ b for a, b in zip(b"DanS", key, strict=True)), 0, mark)
    if start < 0 or (mark - start) % 4:
        return None
    clear = bytes(byte ^ key[place % 4] for place, byte in enumerate(dos[start:mark]))
    pairs = list(islice(struct.iter_unpack("<II", clear[16 : len(clear) // 8 * 8]), 512))
    return {
        "key": key[::-1].hex(),
        "hash": hashlib.md5(clear, usedforsecurity=False).hexdigest(),
        "valid": _rich_checksum(dos, start, pairs) == int.from_bytes(key, "little"),
        "entries": [{"product": tool >> 16, "build": tool & 0xFFFF, "count": count} for tool, count in pairs],
    }


def _rich_checksum(dos: bytes, start: int, pairs: list[tuple[int, ...]]) -> int:
    total = start
    for place, byte in enumerate(dos[:start]):
        if not 0x3C <= place < 0x40:
            total += _rotated(byte, place)
    return (total + sum(_rotated(tool, count) for tool, count in pairs)) & 0xFFFFFFFF


def _rotated(value: int, count: int) -> int:
    count %= 32
    return (value << count | value >> (32 - count)) & 0xFFFFFFFF
