"""Shapes of the section `static["office"]`; times are UTC ("2026-01-31 13:21:44")."""

from typing import TypedDict

from lib.cuckoo.files.content import Content
from lib.cuckoo.files.properties import Value


class Macro(TypedDict):
    """One module of Visual Basic.

    `stream` is where its code stands, `filename` what an export of it is called (".cls" of classes and documents,
    ".bas" of procedures), `code` its text, `size` the number of characters before anything was cut.
    """

    stream: str
    """Where its code stands."""
    filename: str
    """What an export of it is called: ".cls" of classes and documents, ".bas" of procedures."""
    code: str
    """Its text."""
    size: int
    """Characters before anything was cut."""


class Sheet(TypedDict):
    """One sheet of Excel 4 macros.

    `state` is "visible", "hidden" or "very hidden" (hidden from the menus too), `formulas` are its formulas in order.
    """

    name: str
    """Of the sheet."""
    state: str
    """"visible", "hidden" or "very hidden" (hidden from the menus too)."""
    formulas: list[str]
    """In order."""


class Keyword(TypedDict):
    """A word found in macros: `type` is "autoexec" or "suspicious", `meaning` says what it is used for."""

    type: str
    """"autoexec" or "suspicious"."""
    keyword: str
    """The word."""
    meaning: str
    """What it is used for."""


class External(TypedDict):
    """A relationship with something outside the document.

    `type` is "attachedTemplate", "oleObject", "frame", "image", "hyperlink" …, `part` the part of the document that
    names it.
    """

    type: str
    """"attachedTemplate", "oleObject", "frame", "image", "hyperlink" and so on."""
    target: str
    """Where it leads."""
    part: str
    """The part of the document that names it."""


class Stream(TypedDict):
    """One stream of a compound file, or one part of a zipped document."""

    name: str
    """Of the stream or part."""
    size: int
    """Bytes."""


class Office(TypedDict):
    """A document: `format` is "ole", "ooxml" or "rtf".

    `dde` holds the commands of DDE fields and links, `names` the defined names that run Excel 4 macros, `decoded` what
    long base64 in macros decodes to.
    """

    format: str
    """"ole", "ooxml" or "rtf"."""
    encrypted: bool
    """True when it takes a password."""
    metadata: dict[str, Value]
    """What the document says of itself, by name."""
    macros: list[Macro]
    """Visual Basic."""
    keywords: list[Keyword]
    """Telling words in macros."""
    excel4: list[Sheet]
    """Sheets of Excel 4 macros."""
    names: list[str]
    """Defined names that run Excel 4 macros."""
    decoded: list[Content]
    """What long base64 in macros decodes to."""
    dde: list[str]
    """Commands of DDE fields and links."""
    external: list[External]
    """Relationships with something outside."""
    objects: list[Content]
    """Embedded files and packaged objects."""
    streams: list[Stream]
    """What the document is stored as."""
    urls: list[str]
    """In its text and macros."""


def empty_office(form: str) -> Office:
    """Return the record of a document in which nothing was found."""
    return {
        "format": form,
        "encrypted": False,
        "metadata": {},
        "macros": [],
        "keywords": [],
        "excel4": [],
        "names": [],
        "decoded": [],
        "dde": [],
        "external": [],
        "objects": [],
        "streams": [],
        "urls": [],
    }
