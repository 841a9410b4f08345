"""Builds TLS messages and records, byte by byte."""

from collections.abc import Sequence


def number(value: int, size: int = 2) -> bytes:
    """Return a big-endian number."""
    return value.to_bytes(size, "big")


def vector(body: bytes, prefix: int = 2) -> bytes:
    """Return bytes behind their length."""
    return number(len(body), prefix) + body


def numbers(values: Sequence[int]) -> bytes:
    """Return 16-bit numbers one after another."""
    return b"".join(number(value) for value in values)


def server_name(name: bytes) -> tuple[int, bytes]:
    """Return the extension that names the server."""
    return 0, vector(b"\0" + vector(name))


def alpn(*names: bytes) -> tuple[int, bytes]:
    """Return the extension that offers application protocols."""
    return 16, vector(b"".join(vector(name, 1) for name in names))


def extensions(*pairs: tuple[int, bytes]) -> bytes:
    """Return a block of extensions."""
    return vector(b"".join(number(kind) + vector(body) for kind, body in pairs))


def client_hello(
    ciphers: Sequence[int],
    *pairs: tuple[int, bytes],
    version: int = 0x0303,
    random: bytes = bytes(32),
    session_id: bytes = b"",
) -> bytes:
    """Return the body of a ClientHello."""
    head = number(version) + random + vector(session_id, 1) + vector(numbers(ciphers)) + vector(b"\0", 1)
    return head + (extensions(*pairs) if pairs else b"")


def server_hello(
    cipher: int,
    *pairs: tuple[int, bytes],
    version: int = 0x0303,
    random: bytes = bytes(32),
    session_id: bytes = b"",
) -> bytes:
    """Return the body of a ServerHello."""
    head = number(version) + random + vector(session_id, 1) + number(cipher) + b"\0"
    return head + (extensions(*pairs) if pairs else b"")


def message(kind: int, body: bytes) -> bytes:
    """Return a handshake message."""
    return number(kind, 1) + vector(body, 3)


def record(kind: int, payload: bytes, version: int = 0x0303) -> bytes:
    """Return a TLS record."""
    return number(kind, 1) + number(version) + vector(payload)


def handshake(*messages: bytes) -> bytes:
    """Return one record of handshake messages."""
    return record(22, b"".join(messages))
