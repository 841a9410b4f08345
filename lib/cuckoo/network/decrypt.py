"""Opens protected TLS records with known secrets (RFC 5246, 5288, 7905, 8446).

An `Opener` is the state of one direction. All check what they open, so that wrong secrets and damaged records give
nothing instead of nonsense: the authenticated ciphers by their tags, block and stream ciphers of TLS 1.0 to 1.2 by
the checksum inside.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from lib.cuckoo.network.quic import expand_label

APPLICATION = 23
TLS11, TLS12 = 0x0302, 0x0303
ENCRYPT_THEN_MAC = 22
"""The extension that moves the checksum of block ciphers behind the encryption (RFC 7366)."""


class Opener(Protocol):
    """Opens the records of one direction, in their order."""

    def open(self, header: bytes, payload: bytes) -> tuple[int, bytes] | None:
        """Return content type and content of a record; None when it cannot be opened."""


@dataclass(frozen=True)
class Suite:
    """How a cipher suite protects records. Sizes in bytes."""

    cipher: str
    """"gcm", "ccm", "ccm8", "chacha", "cbc", "3des" or "rc4"."""
    key: int
    hash: str = "sha256"
    mac: int = 0


def _suites() -> dict[int, Suite]:
    found = {
        0x1301: Suite("gcm", 16),
        0x1302: Suite("gcm", 32, "sha384"),
        0x1303: Suite("chacha", 32),
        0x1304: Suite("ccm", 16),
        0x1305: Suite("ccm8", 16),
    }
    for number in (0x9C, 0x9E, 0xA0, 0xA2, 0xA4, 0xA6, 0xA8, 0xAA, 0xAC, 0xC02B, 0xC02D, 0xC02F, 0xC031):
        found[number] = Suite("gcm", 16)
        found[number + 1] = Suite("gcm", 32, "sha384")
    found |= dict.fromkeys(range(0xCCA8, 0xCCAF), Suite("chacha", 32))
    found |= dict.fromkeys((0xC09C, 0xC09E, 0xC0AC), Suite("ccm", 16))
    found |= dict.fromkeys((0xC09D, 0xC09F, 0xC0AD), Suite("ccm", 32))
    found |= dict.fromkeys((0xC0A0, 0xC0A2, 0xC0AE), Suite("ccm8", 16))
    found |= dict.fromkeys((0xC0A1, 0xC0A3, 0xC0AF), Suite("ccm8", 32))
    found |= dict.fromkeys((0x2F, 0x32, 0x33, 0xC004, 0xC009, 0xC00E, 0xC013), Suite("cbc", 16, mac=20))
    found |= dict.fromkeys((0x35, 0x38, 0x39, 0xC005, 0xC00A, 0xC00F, 0xC014), Suite("cbc", 32, mac=20))
    found |= dict.fromkeys((0x3C, 0x40, 0x67, 0xC023, 0xC025, 0xC027, 0xC029), Suite("cbc", 16, mac=32))
    found |= dict.fromkeys((0x3D, 0x6A, 0x6B), Suite("cbc", 32, mac=32))
    found |= dict.fromkeys((0xC024, 0xC026, 0xC028, 0xC02A), Suite("cbc", 32, "sha384", 48))
    found |= dict.fromkeys((0x0A, 0x13, 0x16, 0xC008, 0xC012), Suite("3des", 24, mac=20))
    found |= dict.fromkeys((0x05, 0xC007, 0xC011), Suite("rc4", 16, mac=20))
    found[0x04] = Suite("rc4", 16, mac=16)
    return found


SUITES = _suites()
TLS13_SUITES = range(0x1301, 0x1306)


@dataclass(frozen=True)
class Connection:
    """What both hellos of a connection before TLS 1.3 agreed on."""

    version: int
    suite: Suite
    client_random: bytes
    server_random: bytes
    master: bytes
    encrypt_then_mac: bool = False

    def opener(self, side: int) -> Opener:
        """Return what opens the records of one side.

        Raises:
            ImportError: cryptography is not installed.
        """
        suite = self.suite
        fixed = 12 if suite.cipher == "chacha" else 4 if not suite.mac else _BLOCKS.get(suite.cipher, 0)
        sizes = [suite.mac, suite.mac, suite.key, suite.key, fixed, fixed]
        block = self._expand("key expansion", self.server_random + self.client_random, sum(sizes))
        pieces = list(_cut(block, sizes))
        key, iv = pieces[2 + side], pieces[4 + side]
        if not suite.mac:
            return AeadOpener(suite, key, iv)
        checksum = Checksum(pieces[side])
        if suite.cipher == "rc4":
            return StreamOpener(key, checksum)
        implicit = self.version < TLS11
        return BlockOpener(
            suite, key, iv, checksum, implicit=implicit, encrypt_then_mac=self.encrypt_then_mac
        )

    def _expand(self, label: str, seed: bytes, size: int) -> bytes:
        seed = label.encode("ascii") + seed
        if self.version >= TLS12:
            return _expand(self.master, seed, size, self.suite.hash)
        half = (len(self.master) + 1) // 2
        first = _expand(self.master[:half], seed, size, "md5")
        second = _expand(self.master[-half:], seed, size, "sha1")
        return bytes(one ^ two for one, two in zip(first, second, strict=True))


_BLOCKS = {"cbc": 16, "3des": 8}


def _cut(block: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield block[at : at + size]
        at += size


def _expand(secret: bytes, seed: bytes, size: int, algorithm: str) -> bytes:
    """Return P_hash of RFC 5246, 5."""
    link, output = seed, b""
    while len(output) < size:
        link = hmac.digest(secret, link, algorithm)
        output += hmac.digest(secret, link + seed, algorithm)
    return output[:size]


class Sequence:
    """The number of the next record of one direction, which is part of what is checked.

    One that could not be opened was of these records and is damaged, or was of other secrets and does not count.
    """

    def __init__(self) -> None:
        self._next = self._missed = 0

    def candidates(self) -> tuple[int, ...]:
        """Return the numbers that the next record may have."""
        return (self._next, self._next + self._missed) if self._missed else (self._next,)

    def opened(self, number: int) -> None:
        """Note that the record of this number was opened."""
        self._next, self._missed = number + 1, 0

    def failed(self) -> None:
        """Note that a record was not opened."""
        self._missed += 1


class Checksum:
    """What the records of a block or stream cipher are checked by (RFC 5246, 6.2.3.1): an HMAC as long as its key."""

    def __init__(self, key: bytes) -> None:
        self.size = len(key)
        self._key = key
        self._hash = {16: "md5", 20: "sha1", 32: "sha256", 48: "sha384"}[len(key)]
        self._sequence = Sequence()

    def take_off(self, header: bytes, content: bytes) -> bytes | None:
        """Return what stands before the checksum at the end of `content`, None when it is not that of a record."""
        checked, checksum = content[: -self.size], content[-self.size :]
        for number in self._sequence.candidates():
            head = number.to_bytes(8, "big") + header[:3] + len(checked).to_bytes(2, "big")
            if hmac.digest(self._key, head + checked, self._hash) == checksum:
                self._sequence.opened(number)
                return checked
        self._sequence.failed()
        return None


class AeadOpener:
    """TLS 1.2 with an authenticated cipher."""

    def __init__(self, suite: Suite, key: bytes, iv: bytes) -> None:
        self._cipher = _aead(suite, key)
        self._tag = 8 if suite.cipher == "ccm8" else 16
        self._iv = iv
        self._sequence = Sequence()

    def open(self, header: bytes, payload: bytes) -> tuple[int, bytes] | None:
        """Open a record; the explicit part of its nonce stands before it."""
        explicit = b"" if len(self._iv) == 12 else payload[:8]
        sealed = payload[len(explicit) :]
        size = len(sealed) - self._tag
        if size < 0 or len(self._iv) + len(explicit) != 12:
            return None
        for number in self._sequence.candidates():
            nonce = self._iv + explicit if explicit else _masked(self._iv, number)
            associated = number.to_bytes(8, "big") + header[:3] + size.to_bytes(2, "big")
            content = _opened(self._cipher, nonce, sealed, associated)
            if content is not None:
                self._sequence.opened(number)
                return header[0], content
        self._sequence.failed()
        return None


class Tls13Opener:
    """TLS 1.3: one secret of one side."""

    def __init__(self, suite: Suite, secret: bytes) -> None:
        self._suite = suite
        self._secret = secret
        self._start()

    def _start(self) -> None:
        self._cipher = _aead(
            self._suite, expand_label(self._secret, "key", self._suite.key, self._suite.hash)
        )
        self._iv = expand_label(self._secret, "iv", 12, self._suite.hash)
        self._sequence = Sequence()

    def update(self) -> None:
        """Go over to the next secret, as a KeyUpdate says."""
        self._secret = expand_label(self._secret, "traffic upd", len(self._secret), self._suite.hash)
        self._start()

    def open(self, header: bytes, payload: bytes) -> tuple[int, bytes] | None:
        """Open a record; the true type is the last byte that is not padding."""
        for number in self._sequence.candidates():
            content = _opened(self._cipher, _masked(self._iv, number), payload, header)
            if content is not None:
                self._sequence.opened(number)
                content = content.rstrip(b"\0")
                return (content[-1], content[:-1]) if content else (APPLICATION, b"")
        self._sequence.failed()
        return None


class Successive:
    """Several secrets of one side, used one after the other: early data, handshake, then application data.

    The change from one to the next is not visible from outside, so the next is tried when one fails.
    """

    def __init__(self, openers: list[Tls13Opener]) -> None:
        self._openers = openers

    def extend(self, openers: list[Tls13Opener]) -> None:
        """Add secrets that come into use later."""
        self._openers += openers

    def update(self) -> None:
        """Go over to the next secret of the one in use."""
        self._openers[0].update()

    def open(self, header: bytes, payload: bytes) -> tuple[int, bytes] | None:
        """Open a record with the first secret that fits; those before it are over."""
        for place, opener in enumerate(self._openers):
            found = opener.open(header, payload)
            if found is not None:
                del self._openers[:place]
                return found
        return None


class BlockOpener:
    """TLS 1.0 to 1.2 with a block cipher; `implicit` is how TLS 1.0 has it, without a vector in each record."""

    def __init__(
        self,
        suite: Suite,
        key: bytes,
        iv: bytes,
        checksum: Checksum,
        *,
        implicit: bool,
        encrypt_then_mac: bool,
    ) -> None:
        self._suite = suite
        self._key = key
        self._checksum = checksum
        self._last = iv if implicit else None
        self._encrypt_then_mac = encrypt_then_mac

    def open(self, header: bytes, payload: bytes) -> tuple[int, bytes] | None:
        """Open a record and take off padding and checksum."""
        sealed: bytes | None = payload
        if self._encrypt_then_mac:
            sealed = self._checksum.take_off(header, payload)
        content = self._plain(sealed) if sealed is not None else None
        if content is not None and not self._encrypt_then_mac:
            content = self._checksum.take_off(header, content)
        return None if content is None else (header[0], content)

    def _plain(self, payload: bytes) -> bytes | None:
        """Decrypt a record and take off the padding."""
        size = _BLOCKS[self._suite.cipher]
        iv, sealed = (payload[:size], payload[size:]) if self._last is None else (self._last, payload)
        if not sealed or len(sealed) % size or len(iv) != size:
            return None
        content = _block_cipher(self._suite, self._key, iv, sealed)
        if self._last is not None:
            self._last = sealed[-size:]
        end = len(content) - content[-1] - 1
        return content[:end] if end >= 0 else None


class StreamOpener:
    """TLS 1.0 to 1.2 with RC4."""

    def __init__(self, key: bytes, checksum: Checksum) -> None:
        from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4  # noqa: PLC0415 - an extra, slow to load
        from cryptography.hazmat.primitives.ciphers import Cipher  # noqa: PLC0415 - as above

        self._cipher = Cipher(ARC4(key), mode=None).decryptor()
        self._checksum = checksum

    def open(self, header: bytes, payload: bytes) -> tuple[int, bytes] | None:
        """Open a record and take off its checksum."""
        content = self._checksum.take_off(header, self._cipher.update(payload))
        return None if content is None else (header[0], content)


def _masked(iv: bytes, sequence: int) -> bytes:
    return (int.from_bytes(iv, "big") ^ sequence).to_bytes(12, "big")


def _aead(suite: Suite, key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers import aead  # noqa: PLC0415 - an extra, slow to load

    if suite.cipher == "gcm":
        return aead.AESGCM(key)
    if suite.cipher == "chacha":
        return aead.ChaCha20Poly1305(key)
    return aead.AESCCM(key, 8 if suite.cipher == "ccm8" else 16)


def _opened(cipher: Any, nonce: bytes, sealed: bytes, associated: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - loaded by the opener

    try:
        content: bytes = cipher.decrypt(nonce, sealed, associated)
    except (InvalidTag, ValueError):
        return None
    return content


def _block_cipher(suite: Suite, key: bytes, iv: bytes, sealed: bytes) -> bytes:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES  # noqa: PLC0415 - an extra, slow to load
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - as above

    algorithm = TripleDES(key) if suite.cipher == "3des" else algorithms.AES(key)
    decryptor = Cipher(algorithm, modes.CBC(iv)).decryptor()
    return decryptor.update(sealed)
