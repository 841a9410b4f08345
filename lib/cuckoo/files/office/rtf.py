r"""Rich text: objects in `\objdata`, templates, fields that fetch or run something.

Control words are found, groups are only counted: readers of rich text forgive nearly everything, so this one does.
"""

import re
from collections.abc import Iterator
from itertools import islice, pairwise

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.compound import SIGNATURE, CompoundFile
from lib.cuckoo.files.content import Content, content_record, shown_name, until_refused, urls_in
from lib.cuckoo.files.office.embedded import first_version, package
from lib.cuckoo.files.office.records import External, Office, empty_office
from lib.cuckoo.files.properties import Value

MAXIMUM_BYTES = 64 << 20
_OBJECT = re.compile(rb"\\objdata(?![a-z])")
_NOISE = re.compile(
    rb"\\'[0-9a-f]{2}|\\bin(\d{0,10}) ?|\\\*|\\[a-z]{1,32}-?\d{0,10} ?|\\[^a-z]|[^0-9a-f{}\\]+", re.IGNORECASE
)
_TEMPLATE = re.compile(rb"\\template\s?([^{}]{1,2048})")
_FIELD = re.compile(rb"\\fldinst(?![a-z])")
_LONGEST_FIELD = 2048
MAXIMUM_FIELDS = 10_000
_FIELD_WORD = re.compile(rb"(?i)\b(DDE|DDEAUTO|INCLUDETEXT|INCLUDEPICTURE|IMPORT|HYPERLINK|LINK)\s")
_BRACE = re.compile(rb"[{}]")
_CONTROL = re.compile(rb"\\[a-z]{1,32}-?\d{0,10} ?|[{}]|\\\*")
_INFORMATION = re.compile(
    rb"\{\\(?:\*\\)?(title|subject|author|operator|keywords|company|doccomm|manager|category)\s([^{}]{0,4096})\}"
)
_NAMES = {"operator": "last_author", "doccomm": "comments"}


def describe_rtf(data: Data, budget: Budget, save: Save) -> Office:
    """Describe rich text in the shape `Office`; at most `MAXIMUM_BYTES` of it are read."""
    text = data[:MAXIMUM_BYTES]
    if len(data) > MAXIMUM_BYTES:
        budget.note(f"rtf: {len(data) - MAXIMUM_BYTES} bytes at the end are not read")
    found = empty_office("rtf")
    found["metadata"] = _metadata(text)
    found["external"] = budget.take("external relationships", _external(text))
    found["dde"] = [each["target"] for each in found["external"] if each["type"].startswith("DDE")]
    found["external"] = [each for each in found["external"] if not each["type"].startswith("DDE")]
    objects = until_refused("rtf", _objects(text, budget, save), budget)
    found["objects"] = budget.take("objects", objects)
    found["urls"] = urls_in([each["target"] for each in found["external"]] + found["dde"], budget)
    return found


def _metadata(text: bytes) -> dict[str, Value]:
    return {
        _NAMES.get(match[1].decode(), match[1].decode()): match[2].decode("cp1252", "replace").strip()
        for match in _INFORMATION.finditer(text)
    }


def _external(text: bytes) -> Iterator[External]:
    for match in _TEMPLATE.finditer(text):
        yield {"type": "attachedTemplate", "target": _plain(match[1]), "part": ""}
    for match in islice(_FIELD.finditer(text), MAXIMUM_FIELDS):
        plain = _CONTROL.sub(b"", _until_closed(text[match.end() : match.end() + _LONGEST_FIELD]))
        word = _FIELD_WORD.search(plain)
        if word:
            yield {"type": word[1].decode().upper(), "target": _plain(plain[word.end() :]), "part": ""}


def _until_closed(text: bytes) -> bytes:
    """Return the text up to the brace that closes the group around it."""
    depth = 0
    for match in _BRACE.finditer(text):
        depth += 1 if match.group() == b"{" else -1
        if depth < 0:
            return text[: match.start()]
    return text


def _plain(text: bytes) -> str:
    return text.decode("cp1252", "replace").strip().strip('"')[:2048]


def _objects(text: bytes, budget: Budget, save: Save) -> Iterator[Content]:
    places = [match.end() for match in _OBJECT.finditer(text)]
    for start, following in pairwise([*places, len(text)]):
        raw = _object_bytes(text[start:following])
        budget.spend(len(raw))
        yield from _unwrapped(raw, save)


def _object_bytes(text: bytes) -> bytes:
    r"""Return the bytes that hexadecimal digits give, up to the end of the group; `\bin` gives bytes as they are."""
    binary = re.match(rb"[^\\]{0,64}\\bin(\d{1,9}) ?", text)
    if binary:
        return text[binary.end() : binary.end() + int(binary[1])]
    digits = _NOISE.sub(b"", _first_group(text)).translate(None, b"{}\\")
    return bytes.fromhex(digits[: len(digits) & ~1].decode())


def _first_group(text: bytes) -> bytes:
    """Return the text up to the brace that closes the group around it, without the groups inside it."""
    depth = end = 0
    parts = []
    for match in _BRACE.finditer(text):
        if depth == 0:
            parts.append(text[end : match.start()])
        depth += 1 if match.group() == b"{" else -1
        end = match.end()
        if depth < 0:
            return b"".join(parts)
    return b"".join(parts) + (text[end:] if depth == 0 else b"")


def _unwrapped(raw: bytes, save: Save) -> Iterator[Content]:
    """Yield the object and, where it packs a file, that file too."""
    try:
        name, content = first_version(raw)
    except CuckooProcessingError:
        yield content_record("", raw, save)
        return
    yield content_record(shown_name(name), content, save)
    try:
        if name.lower() == "package":
            yield content_record(*package(bytes(4) + content), save)
        elif content.startswith(SIGNATURE):
            file = CompoundFile(content)
            entry = file.find("\1Ole10Native")
            if entry is not None:
                yield content_record(*package(file.read(entry, len(content))), save)
    except CuckooProcessingError:
        return
