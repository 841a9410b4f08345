"""The code of Visual Basic macros in a compound file.

The format is [MS-OVBA]: a storage holds the stream `dir`, compressed, which lists the modules, and one stream for each
module, in which compressed source stands behind compiled code. A document may lie about all of that and still run;
modules that `dir` does not lead to are found by how compressed source begins.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.compound import CompoundFile, Entry
from lib.cuckoo.files.layout import fields, narrow, utf16
from lib.cuckoo.files.office.records import Macro

MAXIMUM_SOURCE = 8 << 20
"""Bytes of source unpacked of one module; the text kept is cut further by the budget."""
_CHUNK = 4096
_SOURCE_BEGINS = b"\0Attribut"
"""The first token of a module's compressed source; three bytes of header stand before it."""
_CODE_PAGE, _MODULE, _STREAM_NAME, _STREAM_UNICODE, _OFFSET = 0x03, 0x19, 0x1A, 0x32, 0x31
_CLASS, _VERSION, _END = 0x22, 0x09, 0x2B


@dataclass(frozen=True)
class _Module:
    name: str
    stream: str = ""
    offset: int = 0
    is_class: bool = False


def macros(file: CompoundFile, budget: Budget, part: str = "") -> Iterator[Macro]:
    """Yield the macros of all projects in a compound file, which is `part` of a zipped document or stands alone."""
    for project in file.streams():
        if project.name.lower() == "dir" and len(project.path) > 1:
            yield from _project(file, project, budget, part)


def _project(file: CompoundFile, project: Entry, budget: Budget, part: str) -> Iterator[Macro]:
    storage = project.path[:-1]
    listed, encoding = _listed_modules(file, project)
    known = {module.stream.lower(): module for module in listed}
    streams = [entry for entry in file.streams() if entry.path[:-1] == storage and entry is not project]
    order = {name: position for position, name in enumerate(known)}
    streams.sort(key=lambda entry: order.get(entry.name.lower(), len(order)))
    for entry in streams:
        module = known.get(entry.name.lower())
        source = _source(file, entry, module, budget)
        if source is None:
            continue
        name = module.name if module else entry.name
        text = narrow(source, encoding)
        stream = "/".join((*entry.path,))
        yield {
            "stream": f"{part}:{stream}" if part else stream,
            "filename": name + (".cls" if module and module.is_class else ".bas"),
            "code": budget.clip(f"the macro {name}", text),
            "size": len(text),
        }


def _source(file: CompoundFile, entry: Entry, module: _Module | None, budget: Budget) -> bytes | None:
    """Return a module's source; where no compressed source is found, None."""
    raw = file.read(entry, budget.unpacked)
    budget.spend(len(raw))
    places = [module.offset] if module else []
    begins = raw.find(_SOURCE_BEGINS)
    for place in (*places, begins - 3):
        if 0 <= place < len(raw) and raw[place] == 1:
            source = decompress(raw[place:], min(MAXIMUM_SOURCE, budget.unpacked))
            budget.spend(len(source))
            if len(source) == MAXIMUM_SOURCE:
                budget.note(f"the macro {entry.name} is longer than {MAXIMUM_SOURCE} bytes")
            return source
    return None


def _listed_modules(file: CompoundFile, project: Entry) -> tuple[list[_Module], str]:
    """Return the modules that `dir` lists and the encoding of their source, as far as `dir` can be read."""
    modules: list[_Module] = []
    encoding = "cp1252"
    for key, value in _records(decompress(file.read(project, 1 << 20), 1 << 20)):
        if key == _CODE_PAGE:
            encoding = f"cp{int.from_bytes(value[:2], 'little')}"
        elif key == _MODULE:
            modules.append(_Module(narrow(value, encoding)))
        elif modules:
            modules[-1] = _with_record(modules[-1], key, value, encoding)
    return modules, encoding


def _with_record(module: _Module, key: int, value: bytes, encoding: str) -> _Module:
    if key == _STREAM_NAME:
        return replace(module, stream=narrow(value, encoding))
    if key == _STREAM_UNICODE and value:
        return replace(module, stream=utf16(value))
    if key == _OFFSET:
        return replace(module, offset=int.from_bytes(value[:4], "little"))
    return replace(module, is_class=True) if key == _CLASS else module


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 6 <= len(data):
        key, size = fields("<HI", data, at)
        # the record of the project's version gives its size as 4 and has 6 bytes
        size = 6 if key == _VERSION else size
        yield key, data[at + 6 : at + 6 + size]
        at += 6 + size


def decompress(data: bytes, maximum: int) -> bytes:
    """Unpack a compressed container ([MS-OVBA] 2.4.1), at most `maximum` bytes; a damaged one gives its beginning."""
    unpacked = bytearray()
    at = 1
    while at + 2 <= len(data) and len(unpacked) < maximum and data[:1] == b"\1":
        header = int.from_bytes(data[at : at + 2], "little")
        chunk = data[at + 2 : at + (header & 0xFFF) + 3]
        at += (header & 0xFFF) + 3
        try:
            unpacked += _tokens(chunk) if header & 0x8000 else chunk[:_CHUNK]
        except CuckooProcessingError:
            break
    return bytes(unpacked[:maximum])


def _tokens(chunk: bytes) -> bytearray:
    """Unpack one chunk: a byte of flags tells of each of the next eight tokens whether it is a copy or a byte."""
    unpacked = bytearray()
    at = 0
    while at < len(chunk):
        flags = chunk[at]
        at += 1
        for bit in range(8):
            if at >= len(chunk):
                break
            if not flags >> bit & 1:
                unpacked.append(chunk[at])
                at += 1
                continue
            _copy(unpacked, int.from_bytes(chunk[at : at + 2], "little"))
            at += 2
    return unpacked


def _copy(unpacked: bytearray, token: int) -> None:
    """Repeat what stands earlier in the chunk; the further it is unpacked, the more bits give the distance."""
    bits = max(4, (len(unpacked) - 1).bit_length())
    distance = (token >> (16 - bits)) + 1
    length = (token & (0xFFFF >> bits)) + 3
    start = len(unpacked) - distance
    if start < 0 or bits > 12 or len(unpacked) + length > 2 * _CHUNK:
        raise CuckooProcessingError(f"a copy of {length} bytes from {distance} bytes before")
    pattern = unpacked[start : start + length]
    unpacked += (pattern * (length // len(pattern) + 1))[:length]
