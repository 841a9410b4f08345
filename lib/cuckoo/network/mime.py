"""Mail messages (RFC 5322, 2045 to 2047, 2231): headers, text and attachments, within bounds.

The parts are split by our own code, because the standard library's parser takes time that is quadratic in the
depth of nesting; parameters of headers are read by the standard library.
"""

import binascii
import quopri
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import Message
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import NamedTuple

from lib.cuckoo.network.conversation import Record, Save, printable

HEADER_LIMIT = 256 << 10
"""Bytes of the headers of one part that are read."""
MAXIMUM_HEADERS = 500
MAXIMUM_DEPTH = 10
MAXIMUM_PARTS = 500
TEXT_LIMIT = 64 << 10
"""Bytes of the text that go into the record."""
LONGEST_ENCODED = 4 << 20
"""Bytes of an encoded message inside another that are decoded to be read."""
_LINE_ENDS = re.compile(rb"[\r\n]*")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_REST_OF_LINE = re.compile(rb"[ \t]*(?:\r?\n|\r?\Z)")
_PARAMETER = re.compile(r";\s*(filename|name|boundary)\s*=\s*(?:\"([^\"]*)\"|([^\s;\"]+))", re.IGNORECASE)
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([\w.:+-]{1,40})", re.IGNORECASE)
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_LINE_END = re.compile(r"\r?\n")
_NAMING = ("content-type", "content-disposition")
_BETWEEN_WORDS = re.compile(r"\?= =\?(?=[\w-]{1,40}(?:\*[\w-]{0,20})?\?[bqBQ]\?)")
_ENCODED_WORD = re.compile(r"=\?([\w-]{1,40})(?:\*[\w-]{0,20})?\?([bqBQ])\?([^?\s]*)\?=")
_CHARSETS = frozenset(
    (*aliases, *aliases.values(), "koi8_t", "koi8_u", "mac_croatian", "mac_romanian", "utf_8_sig")
)
"""Only these are looked up: Python remembers for good what it does not find, and has codecs that are no charsets."""
_PARAMETER_LIMIT = 4096
"""Characters of a header with parameters; reading them takes the square of it."""
_ODD_HEADERS = (ValueError, LookupError, TypeError, AttributeError, MessageError)
"""What the standard library's readers of headers raise on malformed ones."""


Pairs = list[tuple[str, str]]


class Span(NamedTuple):
    """A piece of a message; parts inside parts are not copied out of it."""

    content: bytes
    start: int
    end: int


class Part:
    """One part: its headers, and the bytes below them.

    Attributes:
        source: the bytes below its headers.
        content_type: the media type in lower case; text/plain when none is given.
        disposition: the word of Content-Disposition, "" when absent.
    """

    def __init__(self, headers: Pairs, source: Span, depth: int) -> None:
        self.headers = headers
        self.source = source
        self.depth = depth
        self._first = {name.lower(): value for name, value in reversed(headers)}
        kind = self._word("content-type")
        self.content_type = kind if kind.count("/") == 1 else "text/plain"
        self.disposition = self._word("content-disposition")

    def _word(self, name: str) -> str:
        return self._first.get(name, "").partition(";")[0].strip().lower()

    def _with_parameters(self) -> Message:
        """Return the headers that have parameters, for the standard library to read."""
        message = Message()
        for name in _NAMING:
            if name in self._first:
                message[name] = self._first[name][:_PARAMETER_LIMIT]
        return message

    @property
    def name(self) -> str:
        """The file name, "" when it has none."""
        if not any("name" in self._first.get(name, "").lower() for name in _NAMING):
            return ""
        try:
            name = self._plain("filename", "name") or self._with_parameters().get_filename() or ""
            return decoded_header(name)
        except _ODD_HEADERS:
            return ""

    def _plain(self, *names: str) -> str:
        """Return a parameter that needs no decoding; "" when the standard library is to look for it."""
        values = [self._first.get(header, "")[:_PARAMETER_LIMIT] for header in reversed(_NAMING)]
        if any(mark in value for value in values for mark in ("*", "\\", "=?", "'")):
            return ""
        found = {
            name.lower(): quoted or bare
            for value in values
            for name, quoted, bare in _PARAMETER.findall(value)
        }
        return next((found[name] for name in names if name in found), "")

    @property
    def boundary(self) -> bytes:
        """What separates the parts inside, b"" when there are none."""
        try:
            boundary = self._plain("boundary") or self._with_parameters().get_boundary() or ""
            return boundary.encode("utf-8", "surrogateescape")[:256]
        except _ODD_HEADERS:
            return b""

    def readable(self) -> str:
        """Return the begin of the content as text, by the character set that it names if that is known."""
        letters = self.decoded()
        named = _CHARSET.search(self._first.get("content-type", "")[:_PARAMETER_LIMIT])
        charset = named[1] if named is not None else "utf-8"
        if charset.lower() in {"utf-8", "us-ascii"}:
            return printable(letters, TEXT_LIMIT)
        return in_charset(letters[:TEXT_LIMIT], charset) or printable(letters, TEXT_LIMIT)

    def decoded(self) -> bytes:
        """Undo the transfer encoding; what cannot be undone is returned as sent."""
        content, start, end = self.source
        decoder = _DECODERS.get(self._word("content-transfer-encoding"))
        return content[start:end] if decoder is None else decoder(content[start:end])

    def message(self) -> Span:
        """Return the message inside; one that is encoded, which no standard allows, only where it is not large."""
        _, start, end = self.source
        if self._word("content-transfer-encoding") not in _DECODERS or end - start > LONGEST_ENCODED:
            return self.source
        decoded = self.decoded()
        return Span(decoded, 0, len(decoded))


@dataclass
class Mail:
    """What a record says of a message."""

    headers: list[list[str]] = field(default_factory=list)
    text: str = ""
    attachments: list[Record] = field(default_factory=list)
    parts_dropped: bool = False

    def header(self, name: str) -> str:
        """Return the first header of this name, decoded; "" when absent."""
        return next((value for key, value in self.headers if key.lower() == name), "")


def clean(text: object) -> str:
    """Return text without lone surrogates: bytes that are no text become readable escapes."""
    return printable(str(text).encode("utf-8", "surrogateescape"))


def decoded_header(value: object) -> str:
    """Unfold a header and undo its encoded words (RFC 2047); a malformed one stays as it is."""
    text = " ".join(clean(value).split())
    if "=?" not in text:
        return text
    return _ENCODED_WORD.sub(_decoded_word, _BETWEEN_WORDS.sub("?==?", text))


def _decoded_word(found: re.Match[str]) -> str:
    charset, encoding, word = found.groups()
    letters = word.encode("utf-8")
    decoded = _base64(letters) if encoding in "bB" else quopri.decodestring(letters, header=True)
    return in_charset(decoded, charset) or found[0]


def in_charset(letters: bytes, charset: str) -> str:
    """Return letters of a character set as text; "" for a set that is not known, or is none."""
    try:
        if normalize_encoding(charset).lower() not in _CHARSETS:
            return ""
        return clean(letters.decode(charset, "replace"))
    except (LookupError, ValueError):
        return ""


def read_mail(message: bytes, save: Save) -> Mail:
    """Read a message; each attachment goes to `save` with kind "attachment".

    An attachment is a part that has a file name, is marked as one, or is not text; its record is that of
    `save` with "name" and "content_type".
    """
    mail = Mail()
    for count, part in enumerate(_parts(_part(Span(message, 0, len(message)), 0))):
        if count == 0:
            mail.headers = [
                [clean(name), decoded_header(value)] for name, value in part.headers[:MAXIMUM_HEADERS]
            ]
        if count >= MAXIMUM_PARTS:
            mail.parts_dropped = True
            break
        _take_part(mail, part, save)
    return mail


def _take_part(mail: Mail, part: Part, save: Save) -> None:
    if part.content_type.startswith(("multipart/", "message/rfc822")) and part.disposition != "attachment":
        return
    is_text = part.content_type.startswith("text/") and not part.name and part.disposition != "attachment"
    if not is_text:
        described = {"name": part.name, "content_type": part.content_type}
        mail.attachments.append(save(part.decoded(), "attachment") | described)
    elif not mail.text:
        mail.text = part.readable()


def _part(source: Span, depth: int) -> Part:
    content, start, end = source
    if content[start : min(start + 1, end)] in {b"\n", b"\r"}:
        return Part([], Span(content, _end_of(_LINE_ENDS, source), end), depth)
    blank = _BLANK_LINE.search(content, start, end)
    head_end, body_start = (end, end) if blank is None else blank.span()
    head = content[start : min(head_end, start + HEADER_LIMIT)]
    return Part(_headers(head), Span(content, body_start, end), depth)


def _end_of(pattern: re.Pattern[bytes], source: Span) -> int:
    found = pattern.match(*source)
    return source.start if found is None else found.end()


def _headers(head: bytes) -> Pairs:
    """Return names and values, folded ones in one line; lines that are no headers are passed over."""
    text = _FOLD.sub("", head.decode("utf-8", "surrogateescape"))
    pairs = []
    for line in _LINE_END.split(text):
        name, colon, value = line.partition(":")
        if colon and name and " " not in name and "\t" not in name:
            pairs.append((name, value.strip()))
    return pairs


def _parts(part: Part) -> Iterator[Part]:
    """Yield a part and those inside it, in their order."""
    yield part
    if part.depth >= MAXIMUM_DEPTH:
        return
    if part.content_type == "message/rfc822":
        yield from _parts(_part(part.message(), part.depth + 1))
    elif part.content_type.startswith("multipart/") and part.boundary:
        for inner in _split(part.source, part.boundary):
            yield from _parts(_part(inner, part.depth + 1))


def _split(source: Span, boundary: bytes) -> Iterator[Span]:
    """Yield what stands between the lines that begin with the boundary, up to the one that closes."""
    content, _, source_end = source
    mark = b"--" + boundary
    start = -1
    for place in _line_starts(source, mark):
        end = place + len(mark)
        closes = content.startswith(b"--", end, source_end)
        found = _REST_OF_LINE.match(content, end + 2 * closes, source_end)
        if found is None:
            continue
        if start >= 0:
            yield Span(content, start, max(start, _without_line_end(content, place)))
        start = found.end()
        if closes:
            return
    if start >= 0:
        yield Span(content, start, source_end)


def _line_starts(source: Span, mark: bytes) -> Iterator[int]:
    content, start, end = source
    place = content.find(mark, start, end)
    while place >= 0:
        if place == start or content[place - 1] == 0x0A:
            yield place
        place = content.find(mark, place + 1, end)


def _without_line_end(content: bytes, end: int) -> int:
    """Return where the line before `end` ends: its line end belongs to the boundary."""
    end -= content[end - 1 : end] == b"\n"
    return end - (content[end - 1 : end] == b"\r")


def _base64(body: bytes) -> bytes:
    letters = body.translate(None, _NOT_BASE64)
    letters = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)
_LINE = re.compile(rb"[^\r\n]+")


def _uuencoded(body: bytes) -> bytes:
    begin = re.search(rb"^begin [0-7]{3,4} .*\n", body, re.MULTILINE)
    if begin is None:
        return body
    found = bytearray()
    for each in _LINE.finditer(body, begin.end()):
        line = each[0]
        if line.strip() in {b"end", b"`"}:
            break
        try:
            found += binascii.a2b_uu(line)
        except binascii.Error:
            continue
    return bytes(found)


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "quoted-printable": quopri.decodestring,
    "base64": _base64,
    **dict.fromkeys(("x-uuencode", "uuencode", "x-uue", "uue"), _uuencoded),
}
