"""Documents of Office 2007 and later, which are zip archives of XML (ECMA-376)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.archives import zipped
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.compound import SIGNATURE, CompoundFile
from lib.cuckoo.files.content import Content, content_record, shown_name, urls_in
from lib.cuckoo.files.encoded import base64_contents
from lib.cuckoo.files.office import vba
from lib.cuckoo.files.office.embedded import package
from lib.cuckoo.files.office.excel4 import is_auto_name
from lib.cuckoo.files.office.keywords import keywords
from lib.cuckoo.files.office.records import External, Macro, Office, Sheet, empty_office
from lib.cuckoo.files.properties import Value
from lib.cuckoo.files.xmlscan import Element, elements

_TEXT_PART = re.compile(r"(?i)(?:word|xl|ppt)/.*\.xml")
_PROPERTIES = {
    "creator": "author",
    "lastModifiedBy": "last_author",
    "title": "title",
    "subject": "subject",
    "keywords": "keywords",
    "description": "comments",
    "category": "category",
    "revision": "revision",
    "created": "created",
    "modified": "modified",
    "lastPrinted": "printed",
    "Application": "application",
    "AppVersion": "version",
    "Company": "company",
    "Manager": "manager",
    "Template": "template",
    "Pages": "pages",
    "Words": "words",
    "Characters": "characters",
}
_DDE = re.compile(r"(?i)\s*DDE(?:AUTO)?\s")
_LONGEST_FIELD = 2000
_STATES = {"": "visible", "visible": "visible", "hidden": "hidden", "veryHidden": "very hidden"}


@dataclass
class _Document:
    """The parts of a document by name; parts that cannot be read are noted and read as nothing."""

    data: Data
    budget: Budget
    parts: dict[str, zipped.Member] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        member = self.parts.get(name)
        if member is None:
            return b""
        try:
            return zipped.content(self.data, member, self.budget)
        except CuckooProcessingError as error:
            self.budget.note(f"office: {shown_name(str(error))}")
            return b""

    def elements(self, name: str, *wanted: str) -> list[Element]:
        xml = self.read(name)
        if not xml:
            return []
        try:
            return elements(xml, wanted, self.budget.entries)
        except CuckooProcessingError as error:
            self.budget.note(f"office: {shown_name(name)}: {error}")
            return []

    def ending(self, *ends: str) -> Iterator[str]:
        return (name for name in self.parts if name.lower().endswith(ends))


def describe_ooxml(data: Data, budget: Budget, save: Save) -> Office:
    """Describe a zipped document in the shape `Office`; parts that cannot be read are noted.

    Raises:
        CuckooProcessingError: no part of it can be found.
    """
    document = _open(data, budget)
    found = empty_office("ooxml")
    found["encrypted"] = any(part.encrypted for part in document.parts.values())
    found["streams"] = [
        {"name": shown_name(name), "size": part.size} for name, part in document.parts.items()
    ]
    found["metadata"] = _metadata(document)
    found["external"] = budget.take("external relationships", _external(document))
    found["macros"] = budget.take("macros", _macros(document))
    found["excel4"] = budget.take("sheets", _macro_sheets(document))
    found["names"] = _auto_names(document)
    found["dde"] = budget.take("DDE fields", _dde(document))
    found["objects"] = budget.take("objects", _objects(document, save))
    formulas = ["\n".join(sheet["formulas"]) for sheet in found["excel4"]]
    codes = [*(macro["code"] for macro in found["macros"]), *formulas]
    found["keywords"] = keywords(codes)
    found["decoded"] = budget.take("contents", base64_contents(codes, budget, save))
    targets = [each["target"] for each in found["external"]]
    found["urls"] = urls_in([*codes, *found["dde"], *targets], budget)
    return found


def _open(data: Data, budget: Budget) -> _Document:
    document = _Document(data, budget)
    try:
        for member in zipped.members(data):
            if len(document.parts) >= budget.entries:
                budget.note(f"there are more than {budget.entries} parts")
                break
            document.parts.setdefault(zipped.without_signature(member.name), member)
    except CuckooProcessingError as error:
        budget.note(f"office: {error}")
    if not document.parts:
        raise CuckooProcessingError("the document has no parts")
    return document


def _metadata(document: _Document) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name in ("docProps/core.xml", "docProps/app.xml"):
        for element in document.elements(name, *_PROPERTIES):
            if element.text:
                text = document.budget.clip("a property", element.text)
                found[_PROPERTIES[element.tag]] = _value(element.tag, text)
    return found


def _value(tag: str, text: str) -> Value:
    if tag in {"Pages", "Words", "Characters"} and text.isdecimal() and len(text) < 12:
        return int(text)
    if tag in {"created", "modified", "lastPrinted"} and re.fullmatch(r"[0-9T:-]{19}Z?", text):
        return text[:19].replace("T", " ")
    return text


def _external(document: _Document) -> Iterator[External]:
    for name in document.ending(".rels"):
        for element in document.elements(name, "Relationship"):
            if element.attributes.get("TargetMode", "").lower() == "external":
                kind = element.attributes.get("Type", "").rpartition("/")[2]
                target = document.budget.clip("a target", element.attributes.get("Target", ""))
                yield {"type": shown_name(kind), "target": target, "part": shown_name(_source_part(name))}


def _source_part(rels: str) -> str:
    return rels.replace("_rels/", "", 1).removesuffix(".rels")


def _macros(document: _Document) -> Iterator[Macro]:
    for name in document.ending(".bin"):
        raw = document.read(name)
        if not raw.startswith(SIGNATURE):
            continue
        try:
            yield from vba.macros(CompoundFile(raw), document.budget, name)
        except CuckooProcessingError as error:
            document.budget.note(f"office: {shown_name(name)}: {error}")


def _macro_sheets(document: _Document) -> Iterator[Sheet]:
    names = [name for name in document.parts if "/macrosheets/" in name.lower() and name.endswith(".xml")]
    if not names:
        return
    sheets = {each.attributes.get("id", ""): each for each in document.elements("xl/workbook.xml", "sheet")}
    relations = document.elements("xl/_rels/workbook.xml.rels", "Relationship")
    by_target = {
        "xl/" + each.attributes.get("Target", ""): sheets.get(each.attributes.get("Id", ""))
        for each in relations
    }
    for name in names:
        sheet = by_target.get(name)
        cells = document.elements(name, "c", "f")
        formulas = [f"={document.budget.clip('a formula', e.text)}" for e in cells if e.tag == "f" and e.text]
        yield {
            "name": shown_name(sheet.attributes.get("name", name) if sheet else name),
            "state": _STATES.get(sheet.attributes.get("state", "") if sheet else "", "visible"),
            "formulas": formulas,
        }


def _auto_names(document: _Document) -> list[str]:
    defined = document.elements("xl/workbook.xml", "definedName")
    names = (shown_name(each.attributes.get("name", "")) for each in defined)
    return list(dict.fromkeys(filter(is_auto_name, names)))


def _dde(document: _Document) -> Iterator[str]:
    """Yield DDE fields of texts, whose instruction may be split into many runs, and DDE links of workbooks."""
    for name in filter(_TEXT_PART.fullmatch, document.parts):
        if name.lower().startswith("word/"):
            yield from _fields(document.elements(name, "instrText", "fldSimple", "fldChar"))
        elif "/externallinks/" in name.lower():
            for link in document.elements(name, "ddeLink"):
                service, topic = (link.attributes.get(key, "") for key in ("ddeService", "ddeTopic"))
                yield f"{service} {topic}"[:_LONGEST_FIELD]


def _fields(found: list[Element]) -> Iterator[str]:
    pieces: list[str] = []
    for element in [*found, Element("fldChar", {"fldCharType": "end"})]:
        if element.tag == "instrText":
            pieces.append(element.text)
            continue
        text = element.attributes.get("instr", "") if element.tag == "fldSimple" else "".join(pieces)
        if element.tag == "fldChar":
            pieces.clear()
        if _DDE.match(text):
            yield text.strip()[:_LONGEST_FIELD]


def _objects(document: _Document, save: Save) -> Iterator[Content]:
    for name in document.parts:
        if "/embeddings/" in name.lower() or "/activex/" in name.lower():
            content = document.read(name)
            yield content_record(name, content, save)
            if content.startswith(SIGNATURE):
                yield from _packages(name, content, document.budget, save)


def _packages(name: str, content: bytes, budget: Budget, save: Save) -> Iterator[Content]:
    try:
        file = CompoundFile(content)
        entry = file.find("\1Ole10Native")
        if entry is not None:
            path, packed = package(file.read(entry, budget.unpacked))
            budget.spend(len(packed))
            yield content_record(path, packed, save)
    except CuckooProcessingError as error:
        budget.note(f"office: {shown_name(name)}: {error}")
