"""Shapes of the section `static["mail"]`, for messages of the Internet and of Outlook alike."""

from typing import TypedDict

from lib.cuckoo.files.content import Content


class Header(TypedDict):
    """One header field, its encoded words decoded."""

    name: str
    """Of the field."""
    value: str
    """Its text, encoded words decoded."""


class Mail(TypedDict):
    """A message: `headers` in their order, `body` the first plain text, `html` the first HTML."""

    subject: str | None
    """Null when there is none."""
    sender: str | None
    """Of the field From."""
    recipients: list[str]
    """Of To, Cc and Bcc."""
    date: str | None
    """Of the field Date."""
    message_id: str | None
    """Of the field Message-ID."""
    headers: list[Header]
    """In their order."""
    body: str
    """The first plain text."""
    html: str
    """The first HTML."""
    attachments: list[Content]
    """Described and saved, not looked into."""
    urls: list[str]
    """In the texts."""
    anomalies: list[str]
    """What is odd, in words."""
