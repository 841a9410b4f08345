"""Messages of Outlook (.msg): compound files, a stream for each property ([MS-OXMSG], numbers in [MS-OXPROPS])."""

from collections.abc import Iterator

from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.compound import CompoundFile, Entry
from lib.cuckoo.files.content import Content, content_record, shown_name, until_refused, urls_in
from lib.cuckoo.files.eml import decoded_words
from lib.cuckoo.files.layout import fields, filetime, narrow, utf16
from lib.cuckoo.files.mailrecords import Header, Mail

_PROPERTY = "__substg1.0_"
_WIDE, _NARROW, _BINARY = "001F", "001E", "0102"
_SUBJECT, _HEADERS, _SENDER, _SENDER_NAME, _MESSAGE_ID = "0037", "007D", "0C1F", "0C1A", "1035"
_SENDER_SMTP, _BODY, _HTML = "5D01", "1000", "1013"
_ATTACHMENT, _RECIPIENT = "__attach_version1.0_#", "__recip_version1.0_#"
_DATA, _LONG_NAME, _SHORT_NAME, _DISPLAY = "3701", "3707", "3704", "3001"
_ADDRESS, _SMTP = "3003", "39FE"
_SENT = bytes.fromhex("40003900")
"""The time of sending: its type, 8 bytes of FILETIME, and its number 0039."""


def describe_msg(data: Data, budget: Budget, save: Save) -> Mail:
    """Describe a message of Outlook in the shape `Mail`.

    Raises:
        CuckooProcessingError: it is no compound file, or holds more text than the budget allows.
    """
    message = _Message(CompoundFile(data), budget)
    headers = list(_headers(message.text((), _HEADERS)))
    found: Mail = {
        "subject": message.text((), _SUBJECT) or None,
        "sender": _address(message, (), (_SENDER_SMTP, _SENDER), _SENDER_NAME) or None,
        "recipients": budget.take("recipients", _recipients(message)),
        "date": message.sent() or _first(headers, "date"),
        "message_id": message.text((), _MESSAGE_ID) or None,
        "headers": budget.take("headers", headers),
        "body": message.text((), _BODY),
        "html": message.text((), _HTML),
        "attachments": [],
        "urls": [],
        "anomalies": [],
    }
    attachments = until_refused("mail", _attachments(message, save), budget)
    found["attachments"] = budget.take("attachments", attachments)
    found["urls"] = urls_in([found["body"], found["html"]], budget)
    return found


class _Message:
    """Properties of a message and of what it holds, by the path of their storage."""

    def __init__(self, file: CompoundFile, budget: Budget) -> None:
        self._file, self._budget = file, budget
        self._streams: dict[tuple[str, ...], Entry] = {}
        for entry in file.streams():
            self._streams.setdefault((*entry.path[:-1], entry.name.upper()), entry)

    def storages(self, start: str) -> list[tuple[str, ...]]:
        """Return the storages directly in the message whose names begin so."""
        return [
            entry.path
            for entry in self._file.entries
            if not entry.is_stream and len(entry.path) == 1 and entry.name.startswith(start)
        ]

    def content(self, storage: tuple[str, ...], key: str) -> bytes | None:
        """Return a property's bytes; None where it is absent."""
        entry = self._streams.get((*storage, f"{_PROPERTY}{key}".upper()))
        if entry is None:
            return None
        raw = self._file.read(entry, self._budget.unpacked + 1)
        self._budget.spend(len(raw))
        return raw

    def text(self, storage: tuple[str, ...], key: str) -> str:
        """Return a property's text, clipped; empty where it is absent."""
        wide = self.content(storage, key + _WIDE)
        if wide is not None:
            return self._budget.clip(f"the property {key}", utf16(wide))
        plain = self.content(storage, key + _NARROW) or self.content(storage, key + _BINARY)
        return self._budget.clip(f"the property {key}", narrow(plain or b""))

    def sent(self) -> str | None:
        """Return the time of sending, one of the properties of fixed size."""
        entry = self._streams.get(("__PROPERTIES_VERSION1.0",))
        raw = self._file.read(entry, 1 << 16) if entry is not None else b""
        for at in range(32, len(raw) - 15, 16):
            if raw[at : at + 4] == _SENT:
                return filetime(fields("<Q", raw, at + 8)[0])
        return None


def _headers(text: str) -> Iterator[Header]:
    """Yield the fields of a header block, each joined with the lines that continue it."""
    name, lines = "", [""]
    for line in [*text.splitlines(), "end:"]:
        if line[:1] in {" ", "\t"}:
            lines.append(line)
            continue
        if name:
            yield {"name": shown_name(name), "value": decoded_words(" ".join(lines)[:8192])}
        name, colon, rest = line.partition(":")
        name, lines = (name if colon else ""), [rest]


def _first(headers: list[Header], name: str) -> str | None:
    return next((each["value"] for each in headers if each["name"].lower() == name), None)


def _address(message: _Message, storage: tuple[str, ...], keys: tuple[str, ...], name: str) -> str:
    """Return "name <address>", or whichever of the two there is."""
    address = next(filter(None, (message.text(storage, key) for key in keys)), "")
    shown = message.text(storage, name)
    return f"{shown} <{address}>" if shown and address and shown != address else address or shown


def _recipients(message: _Message) -> Iterator[str]:
    for storage in message.storages(_RECIPIENT):
        yield _address(message, storage, (_SMTP, _ADDRESS), _DISPLAY)


def _attachments(message: _Message, save: Save) -> Iterator[Content]:
    for storage in message.storages(_ATTACHMENT):
        content = message.content(storage, _DATA + _BINARY)
        names = (message.text(storage, key) for key in (_LONG_NAME, _SHORT_NAME, _DISPLAY))
        if content is not None:
            yield content_record(next(filter(None, names), ""), content, save)
