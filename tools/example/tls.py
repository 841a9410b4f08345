"""A TLS 1.2 session (RFC 5246) that is right to the last byte, with the standard library only.

Key exchange by RSA and RC4-SHA, which malware was fond of and browsers have forbidden: it is the one suite
whose parts (RSA, RC4, HMAC, SHA) fit on a page. The server's key is the product of two Mersenne primes, so
anybody can factor it; it keeps no secret, and the certificate (RFC 5280) is properly signed by it.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime

_P, _Q = 2**521 - 1, 2**607 - 1
MODULUS, EXPONENT = _P * _Q, 65537
_PRIVATE = pow(EXPONENT, -1, (_P - 1) * (_Q - 1))
_KEY_SIZE = (MODULUS.bit_length() + 7) // 8
_RC4_SHA = b"\x00\x05"
_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
"""DigestInfo of SHA-256, RFC 8017 section 9.2."""


def der(tag: int, *parts: bytes) -> bytes:
    """One element of ASN.1 in DER."""
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def _integer(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1))


_NULL = b"\x05\x00"
_RSA = der(0x30, bytes.fromhex("06092a864886f70d010101"), _NULL)
_RSA_SHA256 = der(0x30, bytes.fromhex("06092a864886f70d01010b"), _NULL)
_COMMON_NAME, _ORGANISATION = bytes.fromhex("0603550403"), bytes.fromhex("060355040a")
_ALTERNATIVE_NAME = bytes.fromhex("0603551d11")


def certificate(host: str, organisation: str, first: datetime, last: datetime, serial: int) -> bytes:
    """A self-signed certificate, X.509 version 3 in DER."""
    name = der(0x30, _attribute(_ORGANISATION, organisation), _attribute(_COMMON_NAME, host))
    body = der(
        0x30,
        der(0xA0, _integer(2)),
        _integer(serial),
        _RSA_SHA256,
        name,
        der(0x30, *(der(0x17, f"{moment:%y%m%d%H%M%SZ}".encode()) for moment in (first, last))),
        name,
        der(0x30, _RSA, der(0x03, b"\0", der(0x30, _integer(MODULUS), _integer(EXPONENT)))),
        der(0xA3, der(0x30, der(0x30, _ALTERNATIVE_NAME, der(0x04, der(0x30, der(0x82, host.encode())))))),
    )
    return der(0x30, body, _RSA_SHA256, der(0x03, b"\0", _sign(body)))


def _attribute(kind: bytes, value: str) -> bytes:
    return der(0x31, der(0x30, kind, der(0x0C, value.encode())))


def _sign(message: bytes) -> bytes:
    digest = _SHA256_PREFIX + hashlib.sha256(message).digest()
    block = b"\x00\x01" + b"\xff" * (_KEY_SIZE - 3 - len(digest)) + b"\x00" + digest
    return pow(int.from_bytes(block), _PRIVATE, MODULUS).to_bytes(_KEY_SIZE)


class Rc4:
    """The stream cipher; one object for each direction."""

    def __init__(self, key: bytes) -> None:
        self._state = list(range(256))
        self._i = self._j = 0
        j = 0
        for i in range(256):
            j = (j + self._state[i] + key[i % len(key)]) & 0xFF
            self._state[i], self._state[j] = self._state[j], self._state[i]

    def crypt(self, data: bytes) -> bytes:
        """Encrypt or decrypt what comes next in the stream."""
        return bytes(byte ^ self._next() for byte in data)

    def _next(self) -> int:
        state = self._state
        self._i = (self._i + 1) & 0xFF
        self._j = (self._j + state[self._i]) & 0xFF
        state[self._i], state[self._j] = state[self._j], state[self._i]
        return state[(state[self._i] + state[self._j]) & 0xFF]


def prf(secret: bytes, label: bytes, seed: bytes, size: int) -> bytes:
    """The pseudo-random function of TLS 1.2 with SHA-256."""
    output, link = b"", label + seed
    while len(output) < size:
        link = hmac.digest(secret, link, "sha256")
        output += hmac.digest(secret, link + label + seed, "sha256")
    return output[:size]


def record(kind: int, payload: bytes) -> bytes:
    """One TLS 1.2 record."""
    return struct.pack("!BHH", kind, 0x0303, len(payload)) + payload


@dataclass
class Direction:
    """What one side sends under its keys."""

    mac_key: bytes
    cipher: Rc4
    count: int = 0

    def protect(self, kind: int, payload: bytes) -> bytes:
        """An encrypted record."""
        pseudo = struct.pack("!QBHH", self.count, kind, 0x0303, len(payload))
        self.count += 1
        return record(kind, self.cipher.crypt(payload + hmac.digest(self.mac_key, pseudo + payload, "sha1")))


@dataclass
class Session:
    """One session between a client and the server of `certificate`; randomness is derived from `seed`."""

    host: str
    certificate: bytes
    seed: bytes
    started: datetime
    session_id: bytes = field(init=False)
    client_random: bytes = field(init=False)
    server_random: bytes = field(init=False)
    master_secret: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.session_id = self._random(b"session", 32)
        self.client_random = self._dated_random(b"client")
        self.server_random = self._dated_random(b"server")
        self._premaster = b"\x03\x03" + self._random(b"premaster", 46)
        seed = self.client_random + self.server_random
        self.master_secret = prf(self._premaster, b"master secret", seed, 48)
        keys = prf(self.master_secret, b"key expansion", self.server_random + self.client_random, 72)
        self.client = Direction(keys[:20], Rc4(keys[40:56]))
        self.server = Direction(keys[20:40], Rc4(keys[56:72]))
        self._transcript = b""

    def client_hello(self) -> bytes:
        """The first flight of the client."""
        suites = _RC4_SHA + b"\x00\x2f\x00\x35\x00\x0a"
        body = b"\x03\x03" + self.client_random + b"\x00" + _vector(2, suites) + b"\x01\x00"
        return record(22, self._handshake(1, body + _vector(2, self._extensions())))

    def server_hello(self) -> bytes:
        """The first flight of the server: hello, certificate, done."""
        hello = b"\x03\x03" + self.server_random + _vector(1, self.session_id) + _RC4_SHA + b"\x00"
        renegotiation = _extension(0xFF01, b"\x00")
        certificates = _vector(3, _vector(3, self.certificate))
        flight = self._handshake(2, hello + _vector(2, renegotiation))
        return record(22, flight + self._handshake(11, certificates) + self._handshake(14, b""))

    def client_finish(self) -> bytes:
        """The second flight of the client: the encrypted secret, change of cipher, finished."""
        block = b"\x00\x02" + self._padding(_KEY_SIZE - 3 - 48) + b"\x00" + self._premaster
        secret = pow(int.from_bytes(block), EXPONENT, MODULUS).to_bytes(_KEY_SIZE)
        exchange = record(22, self._handshake(16, _vector(2, secret)))
        return exchange + record(20, b"\x01") + self._finished(self.client, b"client finished")

    def server_finish(self) -> bytes:
        """The second flight of the server: change of cipher, finished."""
        return record(20, b"\x01") + self._finished(self.server, b"server finished")

    def from_client(self, data: bytes) -> bytes:
        """Application data of the client."""
        return self.client.protect(23, data)

    def from_server(self, data: bytes) -> bytes:
        """Application data of the server."""
        return self.server.protect(23, data)

    def _finished(self, side: Direction, label: bytes) -> bytes:
        verify = prf(self.master_secret, label, hashlib.sha256(self._transcript).digest(), 12)
        return side.protect(22, self._handshake(20, verify))

    def _handshake(self, kind: int, body: bytes) -> bytes:
        message = bytes([kind]) + _vector(3, body)
        self._transcript += message
        return message

    def _extensions(self) -> bytes:
        server_name = _vector(2, b"\x00" + _vector(2, self.host.encode()))
        algorithms = _vector(2, bytes.fromhex("040105010201"))
        return _extension(0, server_name) + _extension(13, algorithms) + _extension(0xFF01, b"\x00")

    def _dated_random(self, label: bytes) -> bytes:
        return struct.pack("!I", int(self.started.astimezone(UTC).timestamp())) + self._random(label, 28)

    def _random(self, label: bytes, size: int) -> bytes:
        return prf(self.seed, label, self.host.encode(), size)

    def _padding(self, size: int) -> bytes:
        return bytes(byte or 1 for byte in self._random(b"padding", size))


def _vector(width: int, content: bytes) -> bytes:
    return len(content).to_bytes(width) + content


def _extension(kind: int, content: bytes) -> bytes:
    return struct.pack("!H", kind) + _vector(2, content)
