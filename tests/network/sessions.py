"""Makes TLS connections: in memory with the interpreter's own TLS, which also writes their secrets, and by hand."""

import contextlib
import hashlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lib.cuckoo.network.conversation import CLIENT, SERVER
from lib.cuckoo.network.keylog import Secrets
from lib.cuckoo.network.quic import expand_label
from tests.network.certificate import make_key_and_certificate
from tests.network.conversations import Segment
from tests.network.hellos import client_hello, extensions, handshake, message, number, server_hello

REQUEST = b"GET /secret HTTP/1.1\r\nHost: evil.test\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@dataclass
class Session:
    """One connection between a client and a server of `ssl`; `wire` holds what went over it."""

    folder: Path
    version: ssl.TLSVersion
    ciphers: str = ""
    protocol: str = "http/1.1"
    rsa: bool = False
    client_certificate: bool = False
    options: int = 0
    contexts: tuple[ssl.SSLContext, ssl.SSLContext] | None = None
    resumed: ssl.SSLSession | None = None
    wire: list[Segment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.contexts = self.contexts or self._contexts()
        to_server, from_server, to_client, from_client = (ssl.MemoryBIO() for _ in range(4))
        self.client = self.contexts[0].wrap_bio(
            to_client, from_client, server_hostname="evil.test", session=self.resumed
        )
        self.server = self.contexts[1].wrap_bio(to_server, from_server, server_side=True)
        self._bios = ((from_client, to_server), (from_server, to_client))
        for _ in range(3):
            self._act(CLIENT, self.client.do_handshake)
            self._act(SERVER, self.server.do_handshake)

    def _contexts(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        pair = self.folder / "pair.pem"
        pair.write_bytes(b"".join(make_key_and_certificate(rsa=self.rsa)))
        client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(pair)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        if self.client_certificate:
            client.load_cert_chain(pair)
            server.verify_mode = ssl.CERT_REQUIRED
            server.load_verify_locations(pair)
        client.keylog_filename = str(self.folder / "keys.log")
        for context in (client, server):
            context.minimum_version = context.maximum_version = self.version
            context.set_alpn_protocols([self.protocol])
            context.options |= self.options
            if self.ciphers:
                context.set_ciphers(f"{self.ciphers}:@SECLEVEL=0")
        return client, server

    def _act(self, side: int, act: Callable[[], object]) -> None:
        out, peer = self._bios[side]
        with contextlib.suppress(ssl.SSLWantReadError):
            act()
        if sent := out.read():
            self.wire.append((side, sent))
            peer.write(sent)

    def send(self, side: int, content: bytes) -> None:
        """Send application data, and let the peer read it."""
        self._act(side, partial((self.client, self.server)[side].write, content))
        assert (self.server, self.client)[side].read(1 << 16) == content

    @property
    def log(self) -> str:
        """The secrets as the client wrote them."""
        return (self.folder / "keys.log").read_text()

    @property
    def secrets(self) -> Secrets:
        """The secrets, read."""
        secrets = Secrets()
        secrets.read(self.log)
        return secrets


def web(folder: Path, version: ssl.TLSVersion, ciphers: str = "", **more: Any) -> Session:
    """Return a session of one request and its response."""
    session = Session(folder, version, ciphers, **more)
    session.send(CLIENT, REQUEST)
    session.send(SERVER, RESPONSE)
    return session


class Sealer:
    """Seals records of TLS 1.3 with a suite of SHA-256 (RFC 8446, 5.2)."""

    def __init__(self, secret: bytes, suite: int = 0x1301) -> None:
        self.secret = secret
        self._suite = suite
        self._sequence = 0

    def update(self) -> None:
        """Go over to the next secret (RFC 8446, 7.2)."""
        self.secret = expand_label(self.secret, "traffic upd", 32)
        self._sequence = 0

    def seal(self, kind: int, content: bytes) -> bytes:
        """Return a record."""
        from cryptography.hazmat.primitives.ciphers import aead  # noqa: PLC0415 - an extra

        make, size = {
            0x1301: (aead.AESGCM, 16),
            0x1303: (aead.ChaCha20Poly1305, 32),
            0x1304: (aead.AESCCM, 16),
        }[self._suite]
        cipher: Any = make(expand_label(self.secret, "key", size))
        inner = content + bytes((kind,))
        header = b"\x17\x03\x03" + number(len(inner) + 16)
        iv = int.from_bytes(expand_label(self.secret, "iv", 12), "big") ^ self._sequence
        self._sequence += 1
        sealed: bytes = cipher.encrypt(iv.to_bytes(12, "big"), inner, header)
        return header + sealed


RANDOM = b"r" * 32
LABELS = (
    "CLIENT_EARLY_TRAFFIC_SECRET",
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
    "SERVER_TRAFFIC_SECRET_0",
)


def sealer(label: str, suite: int = 0x1301) -> Sealer:
    """Return what seals with the secret of a label in a connection made by hand."""
    return Sealer(hashlib.sha256(label.encode()).digest(), suite)


def known(*labels: str) -> Secrets:
    """Return the secrets of a connection made by hand."""
    secrets = Secrets()
    for label in labels or LABELS:
        secrets.read(f"{label} {RANDOM.hex()} {sealer(label).secret.hex()}")
    return secrets


def opening(suite: int = 0x1301, *, early: bytes = b"") -> list[Segment]:
    """Return the hellos of a connection made by hand, with early data of the client when it sends some."""
    offered = [(43, b"\x02\x03\x04"), *([(42, b"")] if early else [])]
    hello = handshake(message(1, client_hello([0x1302, suite], *offered, random=RANDOM)))
    sent = sealer("CLIENT_EARLY_TRAFFIC_SECRET", suite).seal(23, early) if early else b""
    server = handshake(message(2, server_hello(suite, (43, b"\x03\x04"))))
    encrypted = sealer("SERVER_HANDSHAKE_TRAFFIC_SECRET", suite).seal(22, message(8, extensions()))
    finished = sealer("CLIENT_HANDSHAKE_TRAFFIC_SECRET", suite).seal(22, message(20, bytes(32)))
    return [(CLIENT, hello + sent), (SERVER, server + encrypted), (CLIENT, finished)]
