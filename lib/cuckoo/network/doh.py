"""DNS over HTTPS (RFC 8484), where its HTTP can be read: messages in bodies and in the query of the path."""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qs

from lib.cuckoo.network.conversation import Record, Save
from lib.cuckoo.network.dns import looks_like_dns

MOST_KEPT = 256
"""Messages kept between a body's end and the record of its exchange."""
LONGEST = 4096


class Told(NamedTuple):
    """A DNS message and when it was sent, in seconds since 1970."""

    message: bytes
    time: float


class DnsOverHttps:
    """Looks over the shoulder of what saves bodies; exchanges are asked for their messages when they are done."""

    def __init__(self, save: Save) -> None:
        self._save = save
        self._kept: dict[str, bytes] = {}

    def save(self, data: bytes | bytearray, kind: str, digest: str = "", /) -> Record:
        """Save a body, and keep it for a while when it is a DNS message."""
        record = self._save(data, kind, digest)
        if len(data) <= LONGEST and looks_like_dns(message := bytes(data)):
            self._kept[record["sha256"]] = message
            if len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return record

    def messages(self, exchange: Record) -> Iterator[Told]:
        """Yield question and answer of an exchange in the shape of "http_ex", as far as it has them."""
        asked = exchange["time"]
        question = self._body(exchange["req"]) or _in_path(exchange["path"] or "")
        if question:
            yield Told(question, asked)
        answer = self._body(exchange["resp"])
        if answer:
            yield Told(answer, asked + (exchange["latency"] or 0.0))

    def _body(self, stored: Record | None) -> bytes:
        return self._kept.get(stored["sha256"], b"") if self._kept and stored else b""


def _in_path(path: str) -> bytes:
    """Return the message in the parameter `dns` of a path."""
    if "dns=" not in path:
        return b""
    try:
        query = path.partition("#")[0].partition("?")[2]
        (encoded, *_) = parse_qs(query).get("dns", [""])
        message = urlsafe_b64decode(encoded[:LONGEST] + "=" * (-len(encoded) % 4))
    except (ValueError, binascii.Error):
        return b""
    return message if looks_like_dns(message) else b""
