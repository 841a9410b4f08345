"""Mail messages (RFC 5322, 2045 to 2047, 2231): headers, text and attachments, within bounds.

The parts are split by our own code, because the standard library's parser takes time that is quadratic in the
depth of nesting; parameters of headers are read by the standard library.
"""

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import Message
from encodings import normalize_encoding
from encodings.aliases import aliases

from lib.cuckoo.network.conversation import Record, Save, printable

HEADER_LIMIT = 256 << 10
"""Bytes of the headers of one part that are read."""
MAXIMUM_HEADERS = 500
MAXIMUM_DEPTH = 10
MAXIMUM_PARTS = 500
TEXT_LIMIT = 64 << 10
"""Bytes of the text that go into the record."""
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_REST_OF_LINE = re.compile(rb"[ \t]*(?:\r?\n|\r?\Z)")
_PARAMETER = re.compile(r";\s*(filename|name|boundary)\s*=\s*(?:\"([^\"]*)\"|([^\s;\"]+))", re.IGNORECASE)
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


class Part:
    """One part: its headers, and the bytes below them.

    Attributes:
        content_type: the media type in lower case; text/plain when none is given.
        disposition: the word of Content-Disposition, "" when absent.
    """

    def __init__(self, headers: Pairs, body: bytes, depth: int) -> None:
        self.headers = headers
        self.body = body
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
            return clean(self._plain("filename", "name") or self._with_parameters().get_filename() or "")
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
        except _ODD_HEADERS:
            return b""
        return boundary.encode("utf-8", "surrogateescape")[:256]

    def decoded(self) -> bytes:
        """Undo the transfer encoding; what cannot be undone is returned as sent."""
        encoding = self._word("content-transfer-encoding")
        if encoding == "quoted-printable":
            return quopri.decodestring(self.body)
        if encoding == "base64":
            return _base64(self.body)
        if encoding in {"x-uuencode", "uuencode", "x-uue", "uue"}:
            return _uuencoded(self.body)
        return self.body


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
    if normalize_encoding(charset).lower() not in _CHARSETS:
        return found[0]
    decoded = _base64(letters) if encoding in "bB" else quopri.decodestring(letters, header=True)
    try:
        return clean(decoded.decode(charset, "replace"))
    except (LookupError, ValueError):
        return found[0]


def read_mail(message: bytes, save: Save) -> Mail:
    """Read a message; each attachment goes to `save` with kind "attachment".

    An attachment is a part that has a file name, is marked as one, or is not text; its record is that of
    `save` with "name" and "content_type".
    """
    mail = Mail()
    for count, part in enumerate(_parts(_part(message, 0))):
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
        mail.text = printable(part.decoded(), TEXT_LIMIT)


def _part(source: bytes, depth: int) -> Part:
    if source[:1] in {b"\n", b"\r"}:
        return Part([], source.lstrip(b"\r\n"), depth)
    end = _BLANK_LINE.search(source)
    head, body = (source, b"") if end is None else (source[: end.start()], source[end.end() :])
    return Part(_headers(head[:HEADER_LIMIT]), body, depth)


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
        yield from _parts(_part(part.decoded(), part.depth + 1))
    elif part.content_type.startswith("multipart/") and part.boundary:
        for inner in _split(part.body, part.boundary):
            yield from _parts(_part(inner, part.depth + 1))


def _split(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """Yield what stands between the lines that begin with the boundary, up to the one that closes."""
    mark = b"--" + boundary
    start = -1
    for place in _line_starts(body, mark):
        end = place + len(mark)
        closes = body.startswith(b"--", end)
        found = _REST_OF_LINE.match(body, end + 2 * closes)
        if found is None:
            continue
        if start >= 0:
            yield body[start : _without_line_end(body, place)]
        start = found.end()
        if closes:
            return
    if start >= 0:
        yield body[start:]


def _line_starts(body: bytes, mark: bytes) -> Iterator[int]:
    place = body.find(mark)
    while place >= 0:
        if place == 0 or body[place - 1] == 0x0A:
            yield place
        place = body.find(mark, place + 1)


def _without_line_end(body: bytes, end: int) -> int:
    """Return where the line before `end` ends: its line end belongs to the boundary."""
    end -= body[end - 1 : end] == b"\n"
    return end - (body[end - 1 : end] == b"\r")


def _base64(body: bytes) -> bytes:
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    letters = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _uuencoded(body: bytes) -> bytes:
    begin = re.search(rb"^begin [0-7]{3,4} .*\n", body, re.MULTILINE)
    if begin is None:
        return body
    found = bytearray()
    for line in body[begin.end() :].splitlines():
        if line.strip() in {b"end", b"`"}:
            break
        try:
            found += binascii.a2b_uu(line)
        except binascii.Error:
            continue
    return bytes(found)
