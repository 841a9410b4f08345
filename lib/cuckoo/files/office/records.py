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
    filename: str
    code: str
    size: int


class Sheet(TypedDict):
    """One sheet of Excel 4 macros.

    `state` is "visible", "hidden" or "very hidden" (hidden from the menus too), `formulas` are its formulas in order.
    """

    name: str
    state: str
    formulas: list[str]


class Keyword(TypedDict):
    """A word found in macros: `type` is "autoexec" or "suspicious", `meaning` says what it is used for."""

    type: str
    keyword: str
    meaning: str


class External(TypedDict):
    """A relationship with something outside the document.

    `type` is "attachedTemplate", "oleObject", "frame", "image", "hyperlink" …, `part` the part of the document that
    names it.
    """

    type: str
    target: str
    part: str


class Stream(TypedDict):
    """One stream of a compound file, or one part of a zipped document."""

    name: str
    size: int


class Office(TypedDict):
    """A document: `format` is "ole", "ooxml" or "rtf".

    `dde` holds the commands of DDE fields and links, `names` the defined names that run Excel 4 macros, `decoded` what
    long base64 in macros decodes to.
    """

    format: str
    encrypted: bool
    metadata: dict[str, Value]
    macros: list[Macro]
    keywords: list[Keyword]
    excel4: list[Sheet]
    names: list[str]
    decoded: list[Content]
    dde: list[str]
    external: list[External]
    objects: list[Content]
    streams: list[Stream]
    urls: list[str]


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
