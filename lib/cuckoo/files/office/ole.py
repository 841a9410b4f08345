"""Documents of Office 97 to 2003, which are compound files."""

import re
import zlib
from collections.abc import Iterator

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.compound import CompoundFile, Entry
from lib.cuckoo.files.content import Content, content_record, shown_name, until_refused, urls_in
from lib.cuckoo.files.encoded import base64_contents
from lib.cuckoo.files.layout import fields, number
from lib.cuckoo.files.office import excel4, vba
from lib.cuckoo.files.office.embedded import package
from lib.cuckoo.files.office.keywords import keywords
from lib.cuckoo.files.office.records import Office, empty_office
from lib.cuckoo.files.properties import document_properties

_NATIVE = "\1ole10native"
_ENCRYPTED = {"encryptedpackage", "encryptedsummary"}
_FIELD = re.compile(rb"\x13[ ]{0,64}(DDE(?:AUTO)?[ ][^\x13-\x15]{1,2000})", re.IGNORECASE)
_WIDE_FIELD = re.compile(
    rb"\x13\0(?:[ ]\0){0,64}((?:D\0){2}E\0(?:A\0U\0T\0O\0)?[ ]\0(?:[^\x13-\x15].){1,2000})",
    re.IGNORECASE | re.DOTALL,
)
_STORAGE_IN_PRESENTATION = b"\x10\0\x11\x10"
"""Version and number of a record that holds a compressed compound file, with macros or an object ([MS-PPT])."""


def describe_ole(data: Data, budget: Budget, save: Save) -> Office:
    """Describe a compound file in the shape `Office`.

    Raises:
        CuckooProcessingError: it is none.
    """
    file = CompoundFile(data)
    found = empty_office("ole")
    found["metadata"] = document_properties(file, budget)
    streams = list(file.streams())
    found["streams"] = budget.take(
        "streams", ({"name": shown_name("/".join(each.path)), "size": each.size} for each in streams)
    )
    found["encrypted"] = any(each.name.lower() in _ENCRYPTED for each in streams)
    try:
        _add_macros(found, file, budget)
        objects = until_refused("office", _objects(file, budget, save), budget)
        found["objects"] = budget.take("objects", objects)
        _add_contents(found, file, budget)
    except CuckooProcessingError as error:
        budget.note(f"office: {error}")
    found["keywords"] = keywords(_texts(found))
    found["decoded"] = budget.take("contents", base64_contents(_texts(found), budget, save))
    found["urls"] = urls_in([*_texts(found), *found["dde"]], budget)
    return found


def _texts(found: Office) -> list[str]:
    formulas = ["\n".join(sheet["formulas"]) for sheet in found["excel4"]]
    return [*(macro["code"] for macro in found["macros"]), *formulas]


def _add_macros(found: Office, file: CompoundFile, budget: Budget) -> None:
    found["macros"] = list(until_refused("office", vba.macros(file, budget), budget))
    slides = file.find("PowerPoint Document")
    if slides is not None:
        for inner in _storages(_content(file, slides, budget), budget):
            found["macros"] += vba.macros(inner, budget)


def _storages(stream: bytes, budget: Budget) -> Iterator[CompoundFile]:
    """Yield the compound files packed into the slides of a presentation."""
    at = stream.find(_STORAGE_IN_PRESENTATION)
    while at >= 0:
        size = number(stream, at + 4, 4) if at + 8 <= len(stream) else 0
        try:
            inner = zlib.decompressobj().decompress(stream[at + 12 : at + 8 + size], budget.unpacked + 1)
            budget.spend(len(inner))
            yield CompoundFile(inner)
        except zlib.error:
            budget.note("office: an object in the presentation cannot be unpacked")
        at = stream.find(_STORAGE_IN_PRESENTATION, at + 8)


def _content(file: CompoundFile, entry: Entry, budget: Budget) -> bytes:
    raw = file.read(entry, budget.unpacked + 1)
    budget.spend(len(raw))
    return raw


def _add_contents(found: Office, file: CompoundFile, budget: Budget) -> None:
    for name in ("Workbook", "Book"):
        entry = file.find(name)
        if entry is not None:
            book = excel4.read_workbook(_content(file, entry, budget), budget)
            found["excel4"] += book.sheets
            found["names"] += book.names
            found["encrypted"] |= book.encrypted
    text = file.find("WordDocument")
    if text is not None:
        raw = _content(file, text, budget)
        found["encrypted"] |= len(raw) > 11 and bool(fields("<H", raw, 10)[0] & 0x100)
        found["dde"] = budget.take("DDE fields", _dde(raw))


def _objects(file: CompoundFile, budget: Budget, save: Save) -> Iterator[Content]:
    for entry in file.streams():
        if entry.name.lower() == _NATIVE:
            native = _content(file, entry, budget)
            try:
                name, content = package(native)
            except CuckooProcessingError:
                name, content = "/".join(entry.path), native[4:]
            yield content_record(name, content, save)


def _dde(raw: bytes) -> list[str]:
    narrow_fields = (match[1].decode("latin-1") for match in _FIELD.finditer(raw))
    wide_fields = (match[1].decode("utf-16-le", "replace") for match in _WIDE_FIELD.finditer(raw))
    return list(dict.fromkeys(text.strip() for text in (*narrow_fields, *wide_fields)))
