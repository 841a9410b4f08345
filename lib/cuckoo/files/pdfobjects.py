"""The objects of a PDF (ISO 32000): found wherever they stand, because damaged tables of places do not stop readers.

Rules for whoever edits this file:

- nothing follows a reference without counting: references form cycles
- nesting is bounded by `MAXIMUM_DEPTH`; deeper values are None
- streams are decoded through the budget, filter by filter
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget, Data
from lib.cuckoo.files.pdffilters import FAST, FILTERS, LONGEST_SLOW_STREAM, from_hex, predicted

MAXIMUM_DEPTH = 40
MAXIMUM_FILTERS = 8
LONGEST_OBJECT = 16 << 20
"""Bytes of one object, without its stream, that are read."""
MAXIMUM_VALUES = 2_000_000
"""Values of a document that are read, of all its objects together; each costs memory."""
_OBJECT = re.compile(rb"(?<!\d)(\d{1,10})[\0\t\n\f\r ]{1,16}(\d{1,5})[\0\t\n\f\r ]{1,16}obj(?![a-zA-Z])")
_END = re.compile(rb"endobj|(?<![a-z])stream(?:\r\n|\n|\r)?")
_TOKEN = re.compile(
    rb"(?P<blank>[\0\t\n\f\r ]+|%[^\r\n]*)|(?P<dict><<)|(?P<enddict>>>)|(?P<list>\[)|(?P<endlist>\])"
    rb"|/(?P<name>[^\0\t\n\f\r ()<>\[\]{}/%]*)|<(?P<hex>[^<>]*)>|(?P<text>\()"
    rb"|(?P<reference>\d{1,10}[\0\t\n\f\r ]{1,16}\d{1,5}[\0\t\n\f\r ]{1,16}R(?![A-Za-z0-9]))"
    rb"|(?P<number>[+-]?\d{0,20}\.?\d{1,20}(?![^\0\t\n\f\r ()<>\[\]{}/%]))|(?P<word>[^\0\t\n\f\r ()<>\[\]{}/%]+)|.",
    re.DOTALL,
)
_TEXT_PIECE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)|([()])|[^\\()]+", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_HEX_IN_NAME = re.compile(rb"#([0-9A-Fa-f]{2})")


class Name(str):
    """A name, such as /JS, without its slash and with its escapes undone."""

    __slots__ = ("escaped",)
    escaped: bool
    """Whether it had any."""


def _name(raw: bytes) -> Name:
    text = _HEX_IN_NAME.sub(lambda match: bytes([int(match[1], 16)]), raw) if b"#" in raw else raw
    name = Name(text.decode("latin-1"))
    name.escaped = text != raw
    return name


@dataclass(frozen=True)
class Reference:
    """A reference to another object."""

    number: int


@dataclass
class PdfObject:
    """One object; `raw` is its stream as it stands in the file, None where it has none; `count` is of its values."""

    number: int
    value: Any
    offset: int
    raw: bytes | None = None
    names: list[Name] = field(default_factory=list)
    count: int = 0


def objects(data: Data, budget: Budget) -> Iterator[PdfObject]:
    """Yield the objects in the order of the file, those packed into an object stream behind that stream."""
    at = 0
    streams_end = True
    left = MAXIMUM_VALUES
    while match := _OBJECT.search(data, at):
        found, at, streams_end = _object(data, match, left, streams_end=streams_end)
        yield found
        left -= found.count
        if left <= 0:
            budget.note(f"pdf: only the first {MAXIMUM_VALUES} values are read")
            return
        if found.raw is not None and _entry(found.value, "Type") == "ObjStm":
            for packed in _packed(found, budget, left):
                left -= packed.count
                yield packed


def _object(
    data: Data, match: re.Match[bytes], left: int, *, streams_end: bool
) -> tuple[PdfObject, int, bool]:
    """Read one object; `streams_end` is False once no "endstream" was found, so that none is looked for again."""
    start = match.end()
    following = _OBJECT.search(data, start, start + LONGEST_OBJECT)
    limit = following.start() if following else min(len(data), start + LONGEST_OBJECT)
    end = _END.search(data, start, limit)
    stop = end.start() if end else limit
    found = _parsed(int(match[1]), match.start(), data[start:stop], left)
    if end is None or end.group() == b"endobj":
        return found, max(stop, start), streams_end
    begin = end.end()
    close = _stream_end(data, begin, found.value) if streams_end else -1
    if close < 0:
        found.raw = data[begin:limit]
        return found, limit, False
    found.raw = data[begin:close]
    return found, close, True


def _parsed(number: int, offset: int, text: bytes, maximum: int) -> PdfObject:
    scan = Scanner(text, maximum)
    return PdfObject(number, scan.value(), offset, None, scan.names, scan.count)


def _stream_end(data: Data, begin: int, value: Any) -> int:
    """Return where a stream ends: after its length when "endstream" stands there, else before the next one."""
    length = _entry(value, "Length")
    if isinstance(length, int) and 0 <= length < len(data) - begin:
        end = begin + length
        if b"endstream" in data[end : end + 16]:
            return end
    return data.find(b"endstream", begin)


def _entry(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _packed(stream: PdfObject, budget: Budget, left: int) -> Iterator[PdfObject]:
    """Yield the objects of an object stream: pairs of number and offset, then the objects."""
    try:
        content = decoded(stream, budget)
    except CuckooProcessingError as error:
        budget.note(f"pdf: object {stream.number}: {error}")
        return
    first = _entry(stream.value, "First")
    if not isinstance(first, int) or first < 0:
        return
    head = re.findall(rb"\d{1,10}", content[:first])
    places = [int(each) for each in head[: 2 * budget.entries]]
    offsets = sorted({first + offset for offset in places[1::2]} | {len(content)})
    ends = dict(pairwise(offsets))
    for number, offset in zip(places[::2], places[1::2], strict=False):
        start = first + offset
        packed = _parsed(number, stream.offset, content[start : ends.pop(start, start)], left)
        left -= packed.count
        yield packed
        if left <= 0:
            return


class Scanner:
    """Reads at most `maximum` values from text; `names` are all names in it, in order, `count` is of the values."""

    def __init__(self, text: bytes, maximum: int = 10_000) -> None:
        self._text = text
        self._maximum = maximum
        self._at = 0
        self.count = 0
        self.names: list[Name] = []

    def value(self) -> Any:
        """Return the next value; None where there is none.

        Dictionaries become dict, arrays list, names `Name`, texts bytes, references `Reference`, numbers int or float.
        """
        containers: list[Any] = [[]]
        while self._at < len(self._text) and self.count < self._maximum:
            match = _TOKEN.match(self._text, self._at)
            if match is None:
                break
            self._at = match.end()
            kind = match.lastgroup
            if kind == "blank" or kind is None:
                continue
            self.count += 1
            if kind in {"dict", "list"}:
                containers.append([] if len(containers) <= MAXIMUM_DEPTH else None)
            elif kind not in {"enddict", "endlist"}:
                _put(containers, self._simple(kind, match))
            elif len(containers) > 1:
                _put(containers, _closed(containers.pop(), kind))
        while len(containers) > 1:
            items = containers.pop()
            _put(containers, _closed(items, "enddict" if items and isinstance(items[0], Name) else "endlist"))
        return _merged(containers[0])

    def _simple(self, kind: str, match: re.Match[bytes]) -> Any:
        raw = match[kind]
        if kind == "name":
            name = _name(raw)
            self.names.append(name)
            return name
        if kind == "hex":
            return from_hex(raw)
        if kind == "text":
            return self._literal()
        if kind == "reference":
            return Reference(int(raw.split()[0]))
        if kind == "number":
            return float(raw) if b"." in raw else int(raw)
        return {b"true": True, b"false": False}.get(raw)

    def _literal(self) -> bytes:
        """Read a text in parentheses, which may be nested and escaped."""
        depth = 1
        text = bytearray()
        for piece in _TEXT_PIECE.finditer(self._text, self._at):
            self._at = piece.end()
            depth += {b"(": 1, b")": -1}.get(piece[2], 0)
            if not depth:
                break
            text += _unescaped(piece[1]) if piece[1] is not None else piece.group()
        return bytes(text)


def _unescaped(escape: bytes) -> bytes:
    if escape[:1].isdigit() and escape[:1] < b"8":
        return bytes([int(escape, 8) & 0xFF])
    return b"" if escape in {b"\r\n", b"\n", b"\r"} else _ESCAPES.get(escape, escape)


def _closed(items: list[Any] | None, kind: str) -> Any:
    if items is None or kind == "endlist":
        return items
    keys = ((key, items[at + 1]) for at, key in enumerate(items[:-1]) if at % 2 == 0)
    return {str(key): value for key, value in keys if isinstance(key, Name)}


def _put(containers: list[Any], value: Any) -> None:
    if containers[-1] is not None:
        containers[-1].append(value)


def _merged(values: list[Any]) -> Any:
    """Return the one value of a sound object; of damaged ones a dictionary of all names and what follows each."""
    if len(values) < 2:
        return values[0] if values else None
    merged: dict[str, Any] = {}
    for value, following in pairwise([*values, None]):
        if isinstance(value, dict):
            merged |= value
        elif isinstance(value, Name):
            merged.setdefault(value, following)
    return {str(key): value for key, value in merged.items()} or values[0]


def decoded(found: PdfObject, budget: Budget) -> bytes:
    """Undo the filters of an object's stream; damaged data gives what stands before the damage.

    Raises:
        CuckooProcessingError: a filter is for pictures or unknown, there are too many, or the budget is used up.
    """
    filters = _listed(_entry(found.value, "Filter") or _entry(found.value, "F"))
    settings = _listed(_entry(found.value, "DecodeParms") or _entry(found.value, "DP"))
    if len(filters) > MAXIMUM_FILTERS:
        raise CuckooProcessingError(f"{len(filters)} filters, one after the other")
    content = found.raw or b""
    budget.spend(0 if filters else len(content))
    for index, name in enumerate(filters):
        undo = FILTERS.get(name) if isinstance(name, Name) else None
        if undo is None:
            raise CuckooProcessingError(f"no text behind the filter {str(name)[:40]}")
        if len(content) > LONGEST_SLOW_STREAM and undo not in FAST:
            raise CuckooProcessingError(f"{len(content)} bytes packed by {name}")
        content = undo(content, budget.unpacked)
        budget.spend(len(content))
        how = settings[index] if index < len(settings) else None
        content = predicted(content, _entry(how, "Predictor"), _entry(how, "Columns") or 1)
    return content


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
