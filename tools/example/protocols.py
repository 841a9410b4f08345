"""The messages in the capture: DNS (RFC 1035), HTTP/1.1, and a mail with an attachment (MIME)."""

import base64
import struct
from collections.abc import Iterable, Mapping, Sequence

from tools.example.pcap import packed_ip

A, CNAME, MX = 1, 5, 15
NO_ERROR, NO_SUCH_NAME = 0, 3
Answer = tuple[str, int, str]
"""Name, type and data: an address, a name, or ``"10 name"`` for MX."""


def dns_query(identifier: int, name: str, kind: int = A) -> bytes:
    """A question for one name."""
    return struct.pack("!6H", identifier, 0x0100, 1, 0, 0, 0) + _question(name, kind)


def dns_answer(
    identifier: int, name: str, kind: int, answers: Sequence[Answer], code: int = NO_ERROR
) -> bytes:
    """The answer to `dns_query`; names in it are not compressed."""
    head = struct.pack("!6H", identifier, 0x8180 | code, 1, len(answers), 0, 0)
    return head + _question(name, kind) + b"".join(_resource(*answer) for answer in answers)


def _question(name: str, kind: int) -> bytes:
    return dns_name(name) + struct.pack("!HH", kind, 1)


def dns_name(name: str) -> bytes:
    """A name as labels."""
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _resource(name: str, kind: int, value: str) -> bytes:
    content = _resource_data(kind, value)
    return dns_name(name) + struct.pack("!HHIH", kind, 1, 300, len(content)) + content


def _resource_data(kind: int, value: str) -> bytes:
    if kind == A:
        return packed_ip(value)
    if kind == MX:
        preference, target = value.split()
        return struct.pack("!H", int(preference)) + dns_name(target)
    return dns_name(value)


def http_message(start: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request or an answer; the caller gives Content-Length."""
    lines = [start, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def mail(headers: Mapping[str, str], text: str, attachment: tuple[str, bytes], boundary: str) -> bytes:
    """A mail with one attachment, as it follows the DATA command, without the final dot."""
    name, content = attachment
    lines = [
        *(f"{header}: {value}" for header, value in headers.items()),
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        *("", f"--{boundary}", "Content-Type: text/plain; charset=us-ascii", ""),
        *text.splitlines(),
        *("", f"--{boundary}", f'Content-Type: application/octet-stream; name="{name}"'),
        f'Content-Disposition: attachment; filename="{name}"',
        *("Content-Transfer-Encoding: base64", ""),
        *_base64_lines(content),
        *(f"--{boundary}--", ""),
    ]
    return "\r\n".join(lines).encode()


def _base64_lines(content: bytes) -> Iterable[str]:
    encoded = base64.b64encode(content).decode()
    return (encoded[start : start + 76] for start in range(0, len(encoded), 76))
