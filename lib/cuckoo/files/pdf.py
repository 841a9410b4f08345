"""PDF documents: what they run, open, carry and point to."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, TypedDict

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.content import Content, content_record, shown_name, urls_in
from lib.cuckoo.files.layout import narrow
from lib.cuckoo.files.pdfobjects import Name, PdfObject, Reference, Scanner, decoded, objects

_HEADER = re.compile(rb"%PDF-(\d\.\d{1,2})")
_TRAILER = re.compile(rb"(?<![a-z])trailer(?![a-z])")
_TRAILER_BYTES = 8192
MAXIMUM_TRAILERS = 100
TELLING_NAMES = (
    "OpenAction AA JavaScript JS Launch EmbeddedFile EmbeddedFiles AcroForm XFA RichMedia URI SubmitForm "
    "ImportData GoToR GoToE Rendition Movie Sound 3D JBIG2Decode Colors ObjStm Encrypt Names Filespec"
)
_TELLING = frozenset(TELLING_NAMES.split())
_INFORMATION = {
    "Title": "title",
    "Author": "author",
    "Subject": "subject",
    "Keywords": "keywords",
    "Creator": "creator",
    "Producer": "producer",
    "CreationDate": "created",
    "ModDate": "modified",
}
_STEPS = 8
"""References followed one after the other."""


class PdfScript(TypedDict):
    """JavaScript: `object` is the number of the object that runs it, `size` counts characters before any cut."""

    object: int
    """Number of the object that runs it."""
    code: str
    """Its text."""
    size: int
    """Characters before anything was cut."""


class PdfAction(TypedDict):
    """Something that happens: `type` is the name of the action ("Launch", "URI" …), `target` what it opens or runs."""

    object: int
    """Number of the object."""
    type: str
    """Name of the action, "Launch", "URI" and so on."""
    target: str
    """What it opens or runs."""


class PdfEncryption(TypedDict):
    """How a document is encrypted: the handler, its version and revision, the length of the key in bits."""

    filter: str
    """The handler, "Standard"."""
    version: int | None
    """Of the algorithm."""
    revision: int | None
    """Of the handler."""
    bits: int | None
    """Length of the key."""
    permissions: int | None
    """What a reader may do, as a bit field."""


class Pdf(TypedDict):
    """A document.

    `version` is the header's. `updates` counts the marks of an end, one for each time it was saved. `names` counts the
    telling names; `escaped_names` are those of them that are spelled with hexadecimal numbers. `trailing` is the number
    of bytes behind the last end.
    """

    version: str | None
    """That the header says."""
    header_offset: int
    """Bytes before the header."""
    updates: int
    """Marks of an end, one for each time it was saved."""
    linearized: bool
    """True when it is laid out for reading while it is loaded."""
    objects: int
    """Objects found."""
    streams: int
    """Objects that are streams."""
    pages: int
    """Pages."""
    metadata: dict[str, str]
    """What the document says of itself, by name."""
    names: dict[str, int]
    """How often telling names occur."""
    escaped_names: list[str]
    """Telling names that are spelled with hexadecimal numbers."""
    open_action: str | None
    """What happens when it is opened."""
    actions: list[PdfAction]
    """Things that happen."""
    javascript: list[PdfScript]
    """Scripts."""
    embedded: list[Content]
    """Files inside."""
    urls: list[str]
    """That it leads to."""
    encryption: PdfEncryption | None
    """How it is encrypted; null when it is not."""
    trailing: int
    """Bytes behind the last end."""


def describe_pdf(data: Data, budget: Budget, save: Save) -> Pdf:
    """Describe a document in the shape `Pdf`; streams that cannot be decoded are noted.

    Raises:
        CuckooProcessingError: no object can be found.
    """
    document = _Document(data, budget)
    head = _HEADER.search(data[:1024])
    end = data.rfind(b"%%EOF")
    scripts = budget.take("scripts", document.scripts())
    actions = budget.take("actions", document.actions())
    return {
        "version": head[1].decode() if head else None,
        "header_offset": head.start() if head else 0,
        "updates": _count(data, b"%%EOF"),
        "linearized": b"/Linearized" in data[:1024],
        "objects": len(document.objects),
        "streams": sum(found.raw is not None for found in document.objects),
        "pages": sum(_kind(found) == "Page" for found in document.objects),
        "metadata": document.metadata(),
        "names": document.names(),
        "escaped_names": document.escaped_names(),
        "open_action": document.open_action(),
        "actions": actions,
        "javascript": scripts,
        "embedded": budget.take("embedded files", document.embedded(save)),
        "urls": urls_in([*(each["target"] for each in actions), *(each["code"] for each in scripts)], budget),
        "encryption": document.encryption(),
        "trailing": len(data) - end - len(b"%%EOF") - len(_blank(data, end)) if end >= 0 else 0,
    }


def _blank(data: Data, end: int) -> bytes:
    rest = data[end + 5 : end + 21]
    return rest[: len(rest) - len(rest.lstrip(b"\r\n \t\0"))]


def _count(data: Data, wanted: bytes) -> int:
    return sum(1 for _ in re.finditer(re.escape(wanted), data))


def _kind(found: PdfObject) -> Any:
    return found.value.get("Type") if isinstance(found.value, dict) else None


class _Document:
    """The objects of a document, by number the last of each, as readers take them."""

    def __init__(self, data: Data, budget: Budget) -> None:
        self._budget = budget
        self.objects = budget.take("objects", objects(data, budget))
        if not self.objects:
            raise CuckooProcessingError("the document has no objects")
        self._by_number = {found.number: found for found in self.objects}
        self._trailers = [found.value for found in self.objects if _kind(found) == "XRef"]
        for match in _TRAILER.finditer(data):
            text = data[match.end() : match.end() + _TRAILER_BYTES].partition(b"startxref")[0]
            self._trailers.append(Scanner(text).value())
            if len(self._trailers) >= MAXIMUM_TRAILERS:
                break

    def resolve(self, value: Any) -> Any:
        """Follow references to their object: its value, or the object itself where it has a stream."""
        for _ in range(_STEPS):
            if not isinstance(value, Reference):
                return value
            found = self._by_number.get(value.number)
            if found is None:
                return None
            value = found if found.raw is not None else found.value
        return None

    def _dictionaries(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield every dictionary with the number of its object, those inside others too."""
        for found in self.objects:
            waiting = [found.value]
            while waiting:
                value = waiting.pop()
                if isinstance(value, dict):
                    yield found.number, value
                    waiting += value.values()
                elif isinstance(value, list):
                    waiting += value

    def names(self) -> dict[str, int]:
        counts = Counter(str(name) for found in self.objects for name in found.names if name in _TELLING)
        if any(isinstance(each, dict) and "Encrypt" in each for each in self._trailers):
            counts["Encrypt"] += 1
        return dict(sorted(counts.items()))

    def escaped_names(self) -> list[str]:
        """Return telling names that are spelled with numbers, as only those do who hide them."""
        found = (name for each in self.objects for name in each.names if name.escaped and name in _TELLING)
        return self._budget.take("escaped names", dict.fromkeys(map(str, found)))

    def text(self, value: Any, what: str) -> tuple[str, int]:
        """Return a text, which may stand in a stream, clipped, and its full length."""
        value = self.resolve(value)
        if isinstance(value, PdfObject):
            value = self._decoded(value)
        if not isinstance(value, bytes) or not self._affords(len(value)):
            return "", 0
        text = text_of(value)
        return self._budget.clip(what, text), len(text)

    def _decoded(self, found: PdfObject) -> bytes | None:
        try:
            return decoded(found, self._budget)
        except CuckooProcessingError as error:
            self._budget.note(f"pdf: object {found.number}: {error}")
            return None

    def _affords(self, size: int) -> bool:
        """Tell whether a text may still be read; many actions may refer to one long text."""
        try:
            self._budget.spend(size)
        except CuckooProcessingError as error:
            self._budget.note(f"pdf: {error}")
            return False
        return True

    def scripts(self) -> Iterator[PdfScript]:
        """Yield each script once, under the first object that runs it."""
        read: set[int] = set()
        known: set[str] = set()
        for number, value in self._dictionaries():
            code = value.get("JS")
            if code is None or (isinstance(code, Reference) and code.number in read):
                continue
            if isinstance(code, Reference):
                read.add(code.number)
            text, size = self.text(code, f"the script of object {number}")
            if text and text not in known:
                known.add(text)
                yield {"object": number, "code": text, "size": size}

    def actions(self) -> Iterator[PdfAction]:
        for number, value in self._dictionaries():
            kind = value.get("S")
            target = self._target(value)
            if isinstance(kind, Name) and target and kind != "JavaScript":
                yield {"object": number, "type": shown_name(kind), "target": target}
            elif "URI" in value and not isinstance(kind, Name) and target:
                yield {"object": number, "type": "URI", "target": target}

    def _target(self, action: dict[str, Any]) -> str:
        for key in ("URI", "Win", "F"):
            value = self.resolve(action.get(key))
            parts = (
                [value]
                if not isinstance(value, dict)
                else [value.get(each) for each in ("F", "UF", "FS", "P", "D")]
            )
            texts = (self.text(each, "a target")[0] for each in parts if isinstance(each, bytes | Reference))
            target = " ".join(filter(None, texts))
            if target:
                return target
        return ""

    def open_action(self) -> str | None:
        """Say what happens when the document is opened: the name of the action, or the number of a page."""
        for _, value in self._dictionaries():
            if "OpenAction" in value:
                action = self.resolve(value["OpenAction"])
                kind = action.get("S") if isinstance(action, dict) else None
                return shown_name(str(kind)) if kind is not None else "GoTo" if action else "missing"
        return None

    def embedded(self, save: Save) -> Iterator[Content]:
        names = dict(self._file_names())
        for found in self.objects:
            if found.raw is None or (_kind(found) != "EmbeddedFile" and found.number not in names):
                continue
            content = self._decoded(found)
            if content is not None:
                yield content_record(names.get(found.number, ""), content, save)

    def _file_names(self) -> Iterator[tuple[int, str]]:
        for _, value in self._dictionaries():
            files = self.resolve(value.get("EF"))
            if isinstance(files, dict):
                name = self.text(value.get("UF"), "a name")[0] or self.text(value.get("F"), "a name")[0]
                yield from ((each.number, name) for each in files.values() if isinstance(each, Reference))

    def metadata(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for trailer in self._trailers:
            information = self.resolve(trailer.get("Info")) if isinstance(trailer, dict) else None
            if isinstance(information, dict):
                texts = {
                    _INFORMATION[key]: self.text(each, key)[0]
                    for key, each in information.items()
                    if key in _INFORMATION
                }
                found |= {key: text for key, text in texts.items() if text}
        return found

    def encryption(self) -> PdfEncryption | None:
        for trailer in self._trailers:
            value = self.resolve(trailer.get("Encrypt")) if isinstance(trailer, dict) else None
            if isinstance(value, dict):
                self._budget.note(
                    "pdf: the document is encrypted; its texts and streams are shown as they stand"
                )
                return {
                    "filter": shown_name(str(value.get("Filter", ""))),
                    "version": _number(value.get("V")),
                    "revision": _number(value.get("R")),
                    "bits": _number(value.get("Length")),
                    "permissions": _number(value.get("P")),
                }
        return None


def _number(value: Any) -> int | None:
    return value if type(value) is int else None


def text_of(raw: bytes) -> str:
    """Decode a text: UTF-16 or UTF-8 where it begins with their mark, else Latin."""
    if raw.startswith(b"\xfe\xff"):
        return raw[2:].decode("utf-16-be", "replace")
    if raw.startswith(b"\xff\xfe"):
        return raw[2:].decode("utf-16-le", "replace")
    if raw.startswith(b"\xef\xbb\xbf"):
        return raw[3:].decode("utf-8", "replace")
    return raw.decode("cp1252", "replace") if b"\0" in raw else narrow(raw)
