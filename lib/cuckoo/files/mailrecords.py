"""Shapes of the section `static["mail"]`, for messages of the Internet and of Outlook alike."""

from typing import TypedDict

from lib.cuckoo.files.content import Content


class Header(TypedDict):
    """One header field, its encoded words decoded."""

    name: str
    value: str


class Mail(TypedDict):
    """A message: `headers` in their order, `body` the first plain text, `html` the first HTML."""

    subject: str | None
    sender: str | None
    recipients: list[str]
    date: str | None
    message_id: str | None
    headers: list[Header]
    body: str
    html: str
    attachments: list[Content]
    urls: list[str]
    anomalies: list[str]
