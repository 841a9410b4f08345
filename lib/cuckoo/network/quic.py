"""QUIC (RFC 9000, 9001, 9369, and drafts 23 to 34): what the Initial packets of a connection say.

Their keys follow from a number that the client's first packet carries, so anybody can open them. Record
"quic": time, version, the keys that "tls" records have for both hellos (JA4 with "q"), and flaws.
"""

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lib.cuckoo.network.conversation import CLIENT, SERVER, SIDES, Context, Hold, Record
from lib.cuckoo.network.hello import (
    ClientHello,
    Reader,
    ServerHello,
    describe_client,
    describe_server,
    parse_client_hello,
    parse_server_hello,
)

V1, V2 = 0x00000001, 0x6B3343CF
_SALTS = {
    V1: bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
    V2: bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"),
}
_DRAFT_SALTS = (
    (33, _SALTS[V1]),
    (29, bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899")),
    (23, bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502")),
)
"""The first draft that uses a salt, latest first."""
_DRAFT_27_TWINS = frozenset({0xFACEB002, 0xFACEB00E})
"""Versions of mvfst that protect their packets as draft 27 does."""
CRYPTO_LIMIT = 32 << 10
"""Bytes of handshake kept of one side."""
MOST_PIECES = 256
"""Pieces of handshake that wait for what comes before them."""
PIECE_SIZE = 200
"""Bytes that one takes beside its own."""
LONGEST_DATAGRAM = 65535
PACKET_LIMIT = 200
"""Initial packets opened of one connection."""
MAXIMUM_KEYS = 4
"""Connection IDs that keys are derived from: the first, and one after each Retry."""
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_PADDING_RUN = re.compile(rb"\0*")
_PADDING, _PING, _ACK, _ACK_ECN, _CRYPTO = 0, 1, 2, 3, 6


@dataclass(frozen=True)
class Initial:
    """An Initial packet as it lies on the wire, its header still protected."""

    version: int
    destination: bytes
    packet: bytes
    number_at: int
    """Offset of the packet number."""


@dataclass(frozen=True)
class Header:
    """The long header of a packet (RFC 9000, 17.2), as far as it is not protected."""

    version: int
    destination: bytes
    initial: bool
    number_at: int
    """Offset of the packet number."""
    size: int
    """Bytes from there to the end of the packet."""


@dataclass(frozen=True)
class Keys:
    """What opens the Initial packets of one direction."""

    key: bytes
    iv: bytes
    header_key: bytes


def version_name(version: int) -> str:
    """Return the common name of a version."""
    names = {V1: "QUIC 1", V2: "QUIC 2", 0xFACEB002: "mvfst", 0xFACEB00E: "mvfst"}
    if version >> 8 == 0xFF0000:
        return f"QUIC (draft {version & 0xFF})"
    return names.get(version, f"0x{version:08x}")


def is_quic(payload: bytes | memoryview) -> bool:
    """True when a datagram begins with an Initial packet of a version that can be opened."""
    head = bytes(payload[:6])
    version = int.from_bytes(head[1:5], "big")
    return len(head) == 6 and head[0] & 0x80 != 0 and head[5] <= 20 and _is_initial(head[0], version)


def _is_initial(first: int, version: int) -> bool:
    return _salt(version) is not None and (first >> 4) & 3 == (1 if version == V2 else 0)


def _salt(version: int) -> bytes | None:
    if version >> 8 == 0xFF0000 or version in _DRAFT_27_TWINS:
        draft = 27 if version in _DRAFT_27_TWINS else version & 0xFF
        return next((salt for start, salt in _DRAFT_SALTS if start <= draft <= 34), None)
    return _SALTS.get(version)


class Quic:
    """One UDP flow that carries QUIC; every `data` is one datagram."""

    swapped = False

    def __init__(self, context: Context) -> None:
        self.context = context
        self.records: list[Record] = []
        self._started = 0.0
        self._version = 0
        self._identifiers: list[bytes] = []
        self._packets = 0
        self._crypto = (Crypto(), Crypto())
        self._client: ClientHello | None = None
        self._server: ServerHello | None = None
        self._flaws: list[str] = []
        self._hold = Hold(context.held)

    def data(self, side: int, payload: bytes | memoryview, time: float) -> None:
        """Take a datagram."""
        answered = self._server is not None and not self._server.is_retry
        if (answered and self._client is not None) or self._packets >= PACKET_LIMIT:
            return
        self._started = self._started or time
        found = initials(bytes(payload[:LONGEST_DATAGRAM]))
        for initial in found:
            self._packets += 1
            self._version = self._version or initial.version
            self._take(side, initial)
        if not found and side == CLIENT and not self._identifiers:
            self._begin(bytes(payload[:LONGEST_DATAGRAM]))
        if not self._hold.resize(sum(crypto.size for crypto in self._crypto)):
            self._packets = PACKET_LIMIT
            self._flaws.append("no room for the handshake")
            self._let_go()

    def _let_go(self) -> None:
        self._crypto = (Crypto(), Crypto())
        self._hold.resize(0)

    def _begin(self, datagram: bytes) -> None:
        """Take what is readable of the client's first packet, when the capture holds only its begin."""
        header = long_header(datagram)
        if header is not None and header.initial and header.number_at + header.size > len(datagram):
            self._version = self._version or header.version
            self._identifiers.append(header.destination)
            self._flaws.append(f"{SIDES[CLIENT]}: the first packet is cut short")

    def gap(self, side: int, size: int) -> None:
        """Datagrams have no gaps."""

    def close(self) -> None:
        """Write the record."""
        for side, hello in enumerate((self._client, self._server)):
            if hello is None and self._crypto[side].begun:
                self._flaws.append(f"{SIDES[side]}: the hello is not complete")
        self._let_go()
        if self._client or self._server or self._flaws:
            self.records.append(self._summary())

    def _summary(self) -> Record:
        return {
            "protocol": "quic",
            "time": self._started,
            "version": version_name(self._version),
            **describe_client(self._client, "q"),
            **describe_server(self._server),
            "flaws": self._flaws,
        }

    def _take(self, side: int, initial: Initial) -> None:
        try:
            payload = self._open(side, initial)
        except ImportError:
            self._packets = PACKET_LIMIT
            self._flaws.append("cryptography is not installed")
            return
        if payload is None:
            return
        crypto = self._crypto[side]
        crypto.take_frames(payload)
        for kind, body in crypto.messages():
            self._take_hello(side, kind, body)

    def _take_hello(self, side: int, kind: int, body: bytes) -> None:
        if side == CLIENT and kind == _CLIENT_HELLO:
            self._client = self._client or parse_client_hello(body)
        elif side == SERVER and kind == _SERVER_HELLO and (self._server is None or self._server.is_retry):
            self._server = parse_server_hello(body) or self._server

    def _open(self, side: int, initial: Initial) -> bytes | None:
        """Open a packet with the keys of this flow, or with those that a client's packet itself gives."""
        own = [initial.destination] if side == CLIENT and initial.destination not in self._identifiers else []
        for identifier in [*reversed(self._identifiers), *own]:
            payload = open_packet(initial, derive_keys(initial.version, identifier, side))
            if payload is not None:
                if identifier in own and len(self._identifiers) < MAXIMUM_KEYS:
                    self._identifiers.append(identifier)
                return payload
        return None


class Crypto:
    """The handshake bytes of one side, as CRYPTO frames bring them: in any order, and more than once."""

    def __init__(self) -> None:
        self._start = bytearray()
        self._ahead: dict[int, bytes] = {}
        self._room = CRYPTO_LIMIT
        self._read = 0

    @property
    def begun(self) -> bool:
        """True when the first byte has come."""
        return bool(self._start)

    @property
    def size(self) -> int:
        """About how many bytes they take."""
        return CRYPTO_LIMIT - self._room + PIECE_SIZE * len(self._ahead)

    def messages(self) -> Iterator[tuple[int, bytes]]:
        """Yield kind and body of the handshake messages that have become whole, each once."""
        start = self._start
        while len(start) - self._read >= 4:
            end = self._read + 4 + int.from_bytes(start[self._read + 1 : self._read + 4], "big")
            if len(start) < end:
                return
            kind, body = start[self._read], bytes(start[self._read + 4 : end])
            self._read = end
            yield kind, body

    def take_frames(self, payload: bytes) -> None:
        """Take the CRYPTO frames of an opened packet, up to the first frame that is not one of an Initial."""
        reader = Reader(payload)
        while reader.left and not reader.short:
            kind = varint(reader)
            if kind == _CRYPTO:
                offset = varint(reader)
                self._take(offset, reader.take(varint(reader)))
            elif kind in {_ACK, _ACK_ECN}:
                _skip_ack(reader, kind)
            elif kind == _PADDING:
                reader.skip(_PADDING_RUN)
            elif kind != _PING:
                return

    def _take(self, offset: int, piece: bytes) -> None:
        if offset + len(piece) > CRYPTO_LIMIT or self._room < len(piece):
            return
        if offset > len(self._start):
            self._wait(offset, piece)
            return
        self._room -= len(piece)
        self._start += piece[len(self._start) - offset :]
        for at in sorted(self._ahead):
            if at > len(self._start):
                break
            self._start += self._ahead.pop(at)[len(self._start) - at :]

    def _wait(self, offset: int, piece: bytes) -> None:
        known = self._ahead.get(offset, b"")
        if len(piece) > len(known) and (known or len(self._ahead) < MOST_PIECES):
            self._room -= len(piece)
            self._ahead[offset] = piece


def varint(reader: Reader) -> int:
    """Read a number of variable length (RFC 9000, 16)."""
    first = reader.number(1)
    size = 1 << (first >> 6)
    return (first & 0x3F) << 8 * (size - 1) | reader.number(size - 1)


def _skip_ack(reader: Reader, kind: int) -> None:
    varint(reader)
    varint(reader)
    ranges = varint(reader)
    for _ in range(2 * min(ranges, 1000) + 1 + (3 if kind == _ACK_ECN else 0)):
        varint(reader)


def initials(datagram: bytes) -> list[Initial]:
    """Return the Initial packets of a datagram; several packets may share one."""
    found: list[Initial] = []
    start = 0
    while len(found) < PACKET_LIMIT and (header := long_header(datagram, start)) is not None:
        end = start + header.number_at + header.size
        if end > len(datagram):
            break
        if header.initial:
            found.append(Initial(header.version, header.destination, datagram[start:end], header.number_at))
        start = end
    return found


def long_header(datagram: bytes, start: int = 0) -> Header | None:
    """Read the header at an offset of a datagram; None when it is none of a version that can be opened."""
    if len(datagram) - start <= 20 or not datagram[start] & 0x80:
        return None
    reader = Reader(datagram, start)
    first, version = reader.number(1), reader.number(4)
    destination = reader.vector(1)
    reader.vector(1)
    if _salt(version) is None or len(destination) > 20:
        return None
    initial = _is_initial(first, version)
    if initial:
        reader.take(varint(reader))
    size = varint(reader)
    if reader.short or size < 20:
        return None
    return Header(version, destination, initial, reader.at - start, size)


@lru_cache(maxsize=256)
def derive_keys(version: int, identifier: bytes, side: int) -> Keys:
    """Return the keys of one side from the connection ID that the client first sent to (RFC 9001, 5.2)."""
    secret = hmac.digest(_salt(version) or b"", identifier, "sha256")
    secret = expand_label(secret, ("client in", "server in")[side], 32)
    prefix = "quicv2" if version == V2 else "quic"
    return Keys(
        *(
            expand_label(secret, f"{prefix} {name}", size)
            for name, size in (("key", 16), ("iv", 12), ("hp", 16))
        )
    )


def expand_label(secret: bytes, label: str, size: int, algorithm: str = "sha256") -> bytes:
    """Return HKDF-Expand-Label of TLS 1.3 with an empty context (RFC 8446, 7.1)."""
    name = b"tls13 " + label.encode("ascii")
    info = size.to_bytes(2, "big") + bytes((len(name),)) + name + b"\0"
    block, output, count = b"", b"", 1
    while len(output) < size:
        block = hmac.digest(secret, block + info + bytes((count,)), algorithm)
        output += block
        count += 1
    return output[:size]


def open_packet(initial: Initial, keys: Keys) -> bytes | None:
    """Take off header protection and decrypt; None when the keys do not fit.

    Raises:
        ImportError: cryptography is not installed.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra, and slow to load
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

    packet, at = initial.packet, initial.number_at
    mask = _mask(keys.header_key, packet[at + 4 : at + 20])
    first = packet[0] ^ mask[0] & 0x0F
    size = (first & 3) + 1
    digits = bytes(byte ^ mask[1 + place] for place, byte in enumerate(packet[at : at + size]))
    header = bytes((first,)) + packet[1:at] + digits
    nonce = int.from_bytes(keys.iv, "big") ^ int.from_bytes(digits, "big")
    try:
        return AESGCM(keys.key).decrypt(nonce.to_bytes(12, "big"), packet[at + size :], header)
    except InvalidTag:
        return None


def _mask(key: bytes, sample: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - as above

    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - what the RFC asks for
    return encryptor.update(sample)
