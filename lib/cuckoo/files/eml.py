"""Messages of the Internet (RFC 5322) with their parts (RFC 2045, RFC 2046).

The standard library reads header blocks, which are short. It is not given whole messages: it takes every line through
every level of nested parts.
"""

import binascii
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message  # noqa: TC003 - an alias names it
from email.parser import BytesHeaderParser
from email.policy import compat32
from typing import TypeAlias

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.text import readable_name
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.content import Content, content_record, shown_name, until_refused, urls_in
from lib.cuckoo.files.layout import narrow
from lib.cuckoo.files.mailrecords import Header, Mail

MAXIMUM_BYTES = 64 << 20
MAXIMUM_DEPTH = 8
"""Parts within parts that are read."""
LONGEST_HEADERS = 256 << 10
LONGEST_FIELD = 8 << 10
"""Characters of one field; the standard library needs the square of that."""
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n|\A\r?\n")
_TEXTS = {"text/plain": "body", "text/html": "html"}
_Headers: TypeAlias = "Message[str, str]"


class _Part:
    """One part: its header fields and where its content stands."""

    def __init__(self, data: bytes) -> None:
        gap = _EMPTY_LINE.search(data, 0, LONGEST_HEADERS)
        head, self.content = (
            (data[: gap.start()], data[gap.end() :]) if gap else (data[:LONGEST_HEADERS], b"")
        )
        self.headers: _Headers = BytesHeaderParser(policy=compat32).parsebytes(head)
        for name, value in self.headers.items():
            if len(str(value)) > LONGEST_FIELD:
                del self.headers[name]
        self.type = self._asked("get_content_type") or "text/plain"
        self.boundary = self._asked("get_boundary")
        self.filename = self._asked("get_filename")
        self.charset = self._asked("get_content_charset") or "utf-8"
        self.disposition = self._asked("get_content_disposition")

    def _asked(self, question: str) -> str | None:
        """Ask the standard library for a parameter; what it cannot read is absent."""
        try:
            answer = getattr(self.headers, question)()
        except (ValueError, LookupError, TypeError, AttributeError):
            # parameters by RFC 2231 name encodings and numbers of the sender's choosing
            return None
        return readable_name(str(answer)) if answer is not None else None

    def decoded(self, maximum: int) -> bytes:
        """Return the content without its transfer encoding, at most `maximum` bytes of it."""
        encoding = str(self.headers.get("Content-Transfer-Encoding", "")).strip().lower()
        content = self.content[: 2 * maximum]
        try:
            if encoding == "base64":
                return binascii.a2b_base64(_whole_quads(content))[:maximum]
            if encoding == "quoted-printable":
                return binascii.a2b_qp(content)[:maximum]
        except binascii.Error:
            return content[:maximum]
        return content[:maximum]


def _whole_quads(content: bytes) -> bytes:
    """Return only the letters of base64, filled up to groups of four."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", content)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return letters + b"=" * (-len(letters) % 4)


def describe_eml(data: Data, budget: Budget, save: Save) -> Mail:
    """Describe a message in the shape `Mail`; parts that are nested too deep are noted.

    Raises:
        CuckooProcessingError: it has no header field.
    """
    if len(data) > MAXIMUM_BYTES:
        budget.note(f"mail: {len(data) - MAXIMUM_BYTES} bytes at the end are not read")
    message = _Part(data[:MAXIMUM_BYTES])
    headers = budget.take("headers", _fields(message.headers, budget))
    if not headers:
        raise CuckooProcessingError("the message has no header field")
    found: Mail = {
        "subject": _first(headers, "subject"),
        "sender": _first(headers, "from"),
        "recipients": [each["value"] for each in headers if each["name"].lower() in {"to", "cc", "bcc"}],
        "date": _first(headers, "date"),
        "message_id": _first(headers, "message-id"),
        "headers": headers,
        "body": "",
        "html": "",
        "attachments": [],
        "urls": [],
        "anomalies": [],
    }
    attachments = until_refused("mail", _attachments(message, found, budget, save), budget)
    found["attachments"] = budget.take("attachments", attachments)
    found["urls"] = urls_in([found["body"], found["html"]], budget)
    return found


def _fields(headers: _Headers, budget: Budget) -> Iterator[Header]:
    for name, value in headers.items():
        yield {"name": shown_name(name), "value": budget.clip("a header", decoded_words(str(value)))}


def decoded_words(value: str) -> str:
    """Decode the encoded words of a field (RFC 2047); a field that cannot be decoded stays as it is."""
    plain = readable_name(" ".join(value.split()))
    try:
        pieces = decode_header(plain)
        texts = [
            each if isinstance(each, str) else narrow(each, charset or "ascii") for each, charset in pieces
        ]
    except (HeaderParseError, ValueError, LookupError):
        return plain
    return "".join(texts)


def _first(headers: list[Header], name: str) -> str | None:
    return next((each["value"] for each in headers if each["name"].lower() == name), None)


def _attachments(message: _Part, found: Mail, budget: Budget, save: Save) -> Iterator[Content]:
    waiting = [(message, 0)]
    while waiting:
        part, depth = waiting.pop()
        if part.type.startswith("multipart/") and part.boundary:
            inside = list(_parts(part, budget)) if depth < MAXIMUM_DEPTH else []
            if not inside:
                found["anomalies"].append(f"no parts are read of a {shown_name(part.type)}")
            waiting += [(each, depth + 1) for each in reversed(inside)]
            continue
        content = part.decoded(max(budget.unpacked, 0) + 1)
        budget.spend(len(content))
        key = _TEXTS.get(part.type)
        if key and part.disposition != "attachment" and not part.filename:
            text = budget.clip("the text", narrow(content.replace(b"\0", b" "), part.charset))
            if not found[key]:  # type: ignore[literal-required] # one of the two keys in _TEXTS
                found[key] = text  # type: ignore[literal-required] # as above
            continue
        yield content_record(decoded_words(part.filename or ""), content, save)


def _parts(part: _Part, budget: Budget) -> Iterator[_Part]:
    """Yield the parts between the lines that a boundary makes."""
    boundary = re.escape((part.boundary or "").encode("utf-8", "replace"))
    line = re.compile(rb"(?m)^--" + boundary + rb"(--)?[ \t]{0,64}\r?$")
    start: int | None = None
    for count, match in enumerate(line.finditer(part.content)):
        if start is not None:
            yield _Part(part.content[start : match.start()].removesuffix(b"\n").removesuffix(b"\r"))
        start = match.end() + 1
        if match[1] or count > budget.entries:
            return
    if start is not None:
        yield _Part(part.content[start:])
