"""Client and server hellos of TLS (RFC 8446, 5246; SSL 2 as in RFC 6101 appendix E), and their fingerprints.

JA3 and JA3S follow the description published with them (Salesforce, 2017), JA4 that of the TLS client
fingerprint (FoxIO, BSD-3-Clause). The other members of the JA4 family are under another licence.
"""

import hashlib
import re
from dataclasses import dataclass, field

from lib.cuckoo.network.ciphers import cipher_name
from lib.cuckoo.network.conversation import Record, printable

SERVER_NAME, GROUPS, POINT_FORMATS, SIGNATURES, ALPN, SUPPORTED_VERSIONS = 0, 10, 11, 13, 16, 43
SSL2 = 0x0002
RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a ServerHello that is a HelloRetryRequest (RFC 8446, 4.1.3)."""
VERSIONS = {
    0x0002: "SSL 2.0",
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
    0xFEFF: "DTLS 1.0",
    0xFEFD: "DTLS 1.2",
    0xFEFC: "DTLS 1.3",
}
_JA4_VERSIONS = {
    0x0002: "s2",
    0x0300: "s3",
    0x0301: "10",
    0x0302: "11",
    0x0303: "12",
    0x0304: "13",
    0xFEFF: "d1",
    0xFEFD: "d2",
    0xFEFC: "d3",
}
_NO_HASH = "0" * 12


class Reader:
    """Takes numbers and vectors from the front of a byte string; short input gives what there is."""

    def __init__(self, source: bytes, at: int = 0) -> None:
        self.at = at
        self.short = False
        self._source = source

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._source) - self.at

    @property
    def rest(self) -> bytes:
        """The bytes that are left."""
        return self._source[self.at :]

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, or fewer and set `short`."""
        piece = self._source[self.at : self.at + size]
        self.at += len(piece)
        self.short |= len(piece) < size
        return piece

    def skip(self, run: re.Pattern[bytes]) -> None:
        """Move behind what `run` matches here."""
        found = run.match(self._source, self.at)
        self.at = self.at if found is None else found.end()

    def number(self, size: int) -> int:
        """Return the next big-endian number."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, prefix: int) -> bytes:
        """Return the bytes whose length stands before them in `prefix` bytes."""
        return self.take(self.number(prefix))

    def numbers(self, prefix: int) -> list[int]:
        """Return a vector of 16-bit numbers."""
        return _pairs(self.vector(prefix))


def _pairs(block: bytes) -> list[int]:
    return [int.from_bytes(block[at : at + 2], "big") for at in range(0, len(block) - 1, 2)]


@dataclass
class ClientHello:
    """What a client offers. Numbers are as on the wire, reserved ones (GREASE) included."""

    version: int
    random: bytes
    session_id: bytes
    ciphers: list[int]
    extensions: list[tuple[int, bytes]] = field(default_factory=list)

    def extension(self, number: int) -> bytes | None:
        """Return the body of the first extension of this number."""
        return next((body for found, body in self.extensions if found == number), None)

    @property
    def server_name(self) -> str:
        """The name that the client asks for (SNI), "" when it names none."""
        names = Reader(Reader(self.extension(SERVER_NAME) or b"").vector(2))
        while names.left:
            kind, name = names.number(1), names.vector(2)
            if kind == 0:
                return printable(name, 4096)
        return ""

    @property
    def protocols(self) -> list[str]:
        """The application protocols offered (ALPN)."""
        return [printable(name, 255) for name in alpn_names(self.extension(ALPN))]

    @property
    def versions(self) -> list[int]:
        """The versions of the supported_versions extension."""
        return _pairs(Reader(self.extension(SUPPORTED_VERSIONS) or b"").vector(1))

    @property
    def highest_version(self) -> int:
        """The latest version that the client speaks, drafts aside."""
        order = list(VERSIONS)
        return max(
            (each for each in self.versions if each in VERSIONS), key=order.index, default=self.version
        )

    @property
    def groups(self) -> list[int]:
        """The named groups for the exchange of keys (RFC 8446, 4.2.7); elliptic curves, before."""
        return Reader(self.extension(GROUPS) or b"").numbers(2)

    @property
    def point_formats(self) -> list[int]:
        """How points of elliptic curves may be written (RFC 8422, 5.1.2): 0 is uncompressed."""
        return list(Reader(self.extension(POINT_FORMATS) or b"").vector(1))

    @property
    def signature_algorithms(self) -> list[int]:
        """What the client accepts certificates and handshakes to be signed with (RFC 8446, 4.2.3)."""
        return Reader(self.extension(SIGNATURES) or b"").numbers(2)


@dataclass
class ServerHello:
    """What a server chose."""

    version: int
    """The legacy version; `chosen_version` looks at the extensions too."""
    random: bytes
    session_id: bytes
    cipher: int
    extensions: list[tuple[int, bytes]] = field(default_factory=list)

    @property
    def chosen_version(self) -> int:
        """The version that the connection speaks."""
        body = next((body for number, body in self.extensions if number == SUPPORTED_VERSIONS), b"")
        return int.from_bytes(body, "big") if len(body) == 2 else self.version

    @property
    def protocol(self) -> str:
        """The application protocol chosen, "" when none is."""
        body = next((body for number, body in self.extensions if number == ALPN), None)
        return next((printable(name, 255) for name in alpn_names(body)), "")

    @property
    def is_retry(self) -> bool:
        """True for a HelloRetryRequest."""
        return self.random == RETRY_RANDOM


def alpn_names(body: bytes | None) -> list[bytes]:
    """Return the names in the body of an ALPN extension."""
    names = Reader(Reader(body or b"").vector(2))
    found = []
    while names.left:
        found.append(names.vector(1))
    return found


def parse_client_hello(body: bytes) -> ClientHello | None:
    """Read the body of a ClientHello message; None when it does not reach its cipher suites."""
    reader = Reader(body)
    version, random, session_id, ciphers = (
        reader.number(2),
        reader.take(32),
        reader.vector(1),
        reader.numbers(2),
    )
    if reader.short:
        return None
    reader.vector(1)
    return ClientHello(version, random, session_id, ciphers, parse_extensions(reader.rest))


def parse_server_hello(body: bytes) -> ServerHello | None:
    """Read the body of a ServerHello message; early drafts of TLS 1.3 have no session and no compression."""
    reader = Reader(body)
    version, random = reader.number(2), reader.take(32)
    short_form = 0x7F00 <= version <= 0x7F15
    session_id = b"" if short_form else reader.vector(1)
    cipher = reader.number(2)
    if reader.short:
        return None
    if not short_form:
        reader.take(1)
    return ServerHello(version, random, session_id, cipher, parse_extensions(reader.rest))


def parse_ssl2_client_hello(body: bytes) -> ClientHello | None:
    """Read an SSL 2 CLIENT-HELLO, without its two-byte record header; ciphers of SSL 2 keep their 24 bits."""
    reader = Reader(body)
    kind, version = reader.number(1), reader.number(2)
    sizes = [reader.number(2) for _ in range(3)]
    ciphers = reader.take(sizes[0])
    session_id, challenge = reader.take(sizes[1]), reader.take(sizes[2])
    if kind != 1 or reader.short:
        return None
    numbers = [int.from_bytes(ciphers[at : at + 3], "big") for at in range(0, len(ciphers) - 2, 3)]
    return ClientHello(version, challenge.rjust(32, b"\0"), session_id, numbers)


def parse_ssl2_server_hello(body: bytes) -> tuple[int, bytes] | None:
    """Return version and certificate of an SSL 2 SERVER-HELLO, without its two-byte record header."""
    reader = Reader(body)
    kind = reader.number(1)
    reader.take(2)
    version, size = reader.number(2), reader.number(2)
    reader.take(4)
    certificate = reader.take(size)
    return None if kind != 4 or reader.short else (version, certificate)


def parse_extensions(source: bytes) -> list[tuple[int, bytes]]:
    """Return the extensions in a block that begins with its size."""
    block = Reader(Reader(source).vector(2))
    found = []
    while block.left >= 4:
        found.append((block.number(2), block.vector(2)))
    return found


def is_grease(number: int) -> bool:
    """True for the values reserved to keep servers tolerant (RFC 8701)."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def version_name(version: int) -> str:
    """Return the common name of a protocol version."""
    if version >> 8 == 0x7F:
        return f"TLS 1.3 (draft {version & 0xFF})"
    return VERSIONS.get(version, f"0x{version:04x}")


def _dashed(numbers: list[int]) -> str:
    return "-".join(str(number) for number in numbers if not is_grease(number))


def ja3(hello: ClientHello) -> str:
    """Return the JA3 string; its fingerprint is the MD5 of it."""
    extensions = [number for number, _ in hello.extensions]
    lists = (hello.ciphers, extensions, hello.groups, hello.point_formats)
    return ",".join([str(hello.version), *map(_dashed, lists)])


def ja3s(hello: ServerHello) -> str:
    """Return the JA3S string."""
    return f"{hello.version},{hello.cipher},{'-'.join(str(number) for number, _ in hello.extensions)}"


def md5(text: str) -> str:
    """Return the fingerprint of a JA3 or JA3S string."""
    return hashlib.md5(text.encode("ascii"), usedforsecurity=False).hexdigest()


def ja4(hello: ClientHello, transport: str = "t") -> str:
    """Return the JA4 fingerprint; `transport` is "t" for TCP, "q" for QUIC, "d" for DTLS."""
    ciphers = [f"{number:04x}" for number in hello.ciphers if not is_grease(number)]
    extensions = [number for number, _ in hello.extensions if not is_grease(number)]
    versions = [version for version in hello.versions if version in _JA4_VERSIONS]
    version = _JA4_VERSIONS.get(max(versions, default=hello.version), "00")
    named = "d" if SERVER_NAME in extensions else "i"
    counts = f"{min(len(ciphers), 99):02d}{min(len(extensions), 99):02d}"
    hashed = sorted(f"{number:04x}" for number in extensions if number not in {SERVER_NAME, ALPN})
    signatures = [f"{number:04x}" for number in hello.signature_algorithms if not is_grease(number)]
    parts = [",".join(hashed), *([",".join(signatures)] if signatures else [])]
    return "_".join(
        (
            f"{transport}{version}{named}{counts}{_ja4_protocol(hello)}",
            _short_hash(",".join(sorted(ciphers))),
            _short_hash("_".join(parts) if extensions else ""),
        )
    )


def _ja4_protocol(hello: ClientHello) -> str:
    first = next(iter(alpn_names(hello.extension(ALPN))), b"")
    if not first:
        return "00"
    ends = bytes((first[0], first[-1]))
    if ends.isalnum():
        return ends.decode("ascii")
    digits = first.hex()
    return digits[0] + digits[-1]


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12] if text else _NO_HASH


def describe_client(hello: ClientHello | None, transport: str = "t") -> Record:
    """Return what a record says of the client's hello; its keys are there without one, too."""
    if hello is None:
        absent: Record = dict.fromkeys(("sni", "client_random", "ja3", "ja3_string", "ja4"))
        return absent | {"alpn": [], "ciphers": [], "extensions": [], "groups": []}
    text = ja3(hello) if hello.version != SSL2 else None
    return {
        "sni": hello.server_name,
        "client_random": hello.random.hex(),
        "alpn": hello.protocols,
        "ciphers": hello.ciphers,
        "extensions": [number for number, _ in hello.extensions],
        "groups": hello.groups,
        "ja3": text and md5(text),
        "ja3_string": text,
        "ja4": text and ja4(hello, transport),
    }


def describe_server(hello: ServerHello | None) -> Record:
    """Return what a record says of the server's hello; its keys are there without one, too."""
    if hello is None:
        keys = (
            "alpn_selected",
            "cipher",
            "cipher_name",
            "server_random",
            "session_id",
            "ja3s",
            "ja3s_string",
        )
        return dict.fromkeys(keys)
    text = ja3s(hello)
    return {
        "alpn_selected": hello.protocol,
        "cipher": hello.cipher,
        "cipher_name": cipher_name(hello.cipher),
        "server_random": hello.random.hex(),
        "session_id": hello.session_id.hex(),
        "ja3s": md5(text),
        "ja3s_string": text,
    }
