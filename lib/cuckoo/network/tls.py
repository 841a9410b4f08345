"""TLS connections (RFC 8446, 5246; SSL 3, and the hellos of SSL 2): one record of the handshake for each.

Record "tls": time, version, sni, alpn (offered), alpn_selected, cipher (chosen), ciphers, extensions, groups
(offered, as numbers), client_random, server_random and session_id (of the server; hexadecimal), resumed (the
server took up an old session; None when that cannot be seen), certificates and client_certificates (see
`certificates`), ja3, ja3_string, ja3s, ja3s_string, ja4, alerts, established (both sides sent protected
records), decrypted (bytes), flaws. What belongs to a side whose hello was not captured is None or empty.

When the context holds the connection's secrets, its application bytes are handed to an inner conversation.
"""

from collections.abc import Callable

from lib.cuckoo.network.certificates import describe_certificate
from lib.cuckoo.network.conversation import CLIENT, SERVER, Context, Conversation, Record, Unread
from lib.cuckoo.network.hello import (
    ClientHello,
    Reader,
    ServerHello,
    describe_client,
    describe_server,
    parse_client_hello,
    parse_server_hello,
    parse_ssl2_client_hello,
    parse_ssl2_server_hello,
    version_name,
)
from lib.cuckoo.network.tape import Cut, Drain, Steps, Tape, TwoTapes

CHANGE_CIPHER, ALERT, HANDSHAKE, APPLICATION, HEARTBEAT = 20, 21, 22, 23, 24
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = 1, 2, 11
TLS13 = 0x0304
RECORD_LIMIT = (1 << 14) + 2048
"""Bytes in a record (RFC 5246, 6.2.3)."""
MESSAGE_LIMIT = 512 << 10
"""Bytes in a handshake message that is read; longer ones end the reading of a side."""
MAXIMUM_CERTIFICATES = 32
MAXIMUM_ALERTS = 32
SIDES = ("client", "server")


class Malformed(Exception):  # noqa: N818 - ends the reading of one side
    """This is no TLS record or message; the text says why."""


class Half:
    """The state of one direction."""

    def __init__(self) -> None:
        self.messages = bytearray()
        self.protected = False
        self.seen_protected = False


class Tls(TwoTapes):
    """One TLS connection."""

    def __init__(self, context: Context, inside: Callable[[], Conversation] = Unread) -> None:
        """Read one connection; `inside` makes the parser of its decrypted bytes."""
        self._inside = inside
        self._halves = (Half(), Half())
        self._started = 0.0
        self._client: ClientHello | None = None
        self._server: ServerHello | None = None
        self._ssl2_version = 0
        self._chains: tuple[list[Record], list[Record]] = ([], [])
        self._alerts: list[Record] = []
        self._flaws: list[str] = []
        self._decrypted = 0
        super().__init__(context)

    def _read_client(self, tape: Tape) -> Steps:
        yield from self._read(tape, CLIENT)

    def _read_server(self, tape: Tape) -> Steps:
        yield from self._read(tape, SERVER)

    def _read(self, tape: Tape, side: int) -> Steps:
        half = self._halves[side]
        try:
            yield from self._read_ssl2(tape, side)
            while True:
                yield from self._record(tape, side, half)
        except (Cut, Malformed) as stop:
            if isinstance(stop, Malformed) or not (half.protected or stop.ended):
                self._flaws.append(f"{SIDES[side]}: {stop}")
            elif stop.ended and half.messages:
                self._flaws.append(f"{SIDES[side]}: a handshake message ends early")

    def _record(self, tape: Tape, side: int, half: Half) -> Steps:
        header = yield from tape.exactly(5)
        self._started = self._started or self.time
        kind, size = header[0], int.from_bytes(header[3:], "big")
        if not CHANGE_CIPHER <= kind <= HEARTBEAT or header[1] not in {3, 0x7F} or size > RECORD_LIMIT:
            raise Malformed("not a record")
        if kind == CHANGE_CIPHER:
            yield from tape.exactly(size)
            half.protected = True
        elif half.protected or kind == APPLICATION:
            half.seen_protected = True
            yield from tape.pour(size, Drain())
        else:
            self._plain(side, kind, (yield from tape.exactly(size)))

    def _read_ssl2(self, tape: Tape, side: int) -> Steps:
        """Read a hello of SSL 2, if that is what the side begins with."""
        while len(tape.buffer) < 3:
            yield
        kind = 1 if side == CLIENT else 4
        if not (tape.buffer[0] & 0x80 and tape.buffer[2] == kind):
            return
        self._started = self.time
        size = int.from_bytes(tape.take(2), "big") & 0x7FFF
        message = yield from tape.exactly(size)
        if side == CLIENT:
            self._client = parse_ssl2_client_hello(message)
            return
        hello = parse_ssl2_server_hello(message)
        if hello is not None:
            self._ssl2_version = hello[0]
            self._chains[SERVER].append(describe_certificate(hello[1]))
        raise Malformed("SSL 2 is not read beyond its hellos")

    def _plain(self, side: int, kind: int, payload: bytes) -> None:
        """Take an unprotected or decrypted record."""
        if kind == ALERT and len(payload) == 2 and len(self._alerts) < MAXIMUM_ALERTS:
            self._alerts.append({"side": SIDES[side], "level": payload[0], "description": payload[1]})
        elif kind == HANDSHAKE:
            self._handshake(side, payload)

    def _handshake(self, side: int, payload: bytes) -> None:
        messages = self._halves[side].messages
        messages += payload
        while len(messages) >= 4:
            size = int.from_bytes(messages[1:4], "big")
            if size > MESSAGE_LIMIT:
                raise Malformed(f"a handshake message of {size} bytes")
            if len(messages) < 4 + size:
                return
            body = bytes(messages[4 : 4 + size])
            kind = messages[0]
            del messages[: 4 + size]
            self._message(side, kind, body)

    def _message(self, side: int, kind: int, body: bytes) -> None:
        if kind == CLIENT_HELLO and side == CLIENT and self._client is None:
            self._client = parse_client_hello(body)
        elif kind == SERVER_HELLO and side == SERVER:
            self._take_server_hello(parse_server_hello(body))
        elif kind == CERTIFICATE and not self._chains[side]:
            self._take_certificates(side, body)

    def _take_server_hello(self, hello: ServerHello | None) -> None:
        if hello is None or (self._server is not None and not self._server.is_retry):
            return
        self._server = hello

    @property
    def _is_tls13(self) -> bool:
        version = self._server.chosen_version if self._server is not None else 0
        return version == TLS13 or version >> 8 == 0x7F

    def _take_certificates(self, side: int, body: bytes) -> None:
        reader = Reader(body)
        if self._is_tls13:
            reader.vector(1)
        chain = Reader(reader.vector(3))
        while chain.rest and len(self._chains[side]) < MAXIMUM_CERTIFICATES:
            self._chains[side].append(describe_certificate(chain.vector(3)))
            if self._is_tls13:
                chain.vector(2)

    def _finish(self) -> None:
        if self._client is not None or self._server is not None or any(self._chains):
            self.records.append(self._summary())

    def _summary(self) -> Record:
        return {
            "protocol": "tls",
            "time": self._started,
            "version": version_name(self._version()),
            **describe_client(self._client),
            **describe_server(self._server),
            "resumed": self._resumed(),
            "certificates": self._chains[SERVER],
            "client_certificates": self._chains[CLIENT],
            "alerts": self._alerts,
            "established": all(half.seen_protected for half in self._halves),
            "decrypted": self._decrypted,
            "flaws": self._flaws,
        }

    def _version(self) -> int:
        if self._server is not None:
            return self._server.chosen_version
        if self._ssl2_version or self._client is None:
            return self._ssl2_version
        return self._client.version

    def _resumed(self) -> bool | None:
        """Say whether an old session was taken up; TLS 1.3 tells by the server's choice of a shared key."""
        client, server = self._client, self._server
        if client is None or server is None:
            return None
        if self._is_tls13:
            return any(number == 41 for number, _ in server.extensions)
        return bool(server.session_id) and server.session_id == client.session_id
