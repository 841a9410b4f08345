"""TLS connections (RFC 8446, 5246; SSL 3, and the hellos of SSL 2): one record of the handshake for each.

Record "tls": time, version (agreed on; where no server answered, the latest that the client offers), sni, alpn
(offered), alpn_selected, cipher and cipher_name (chosen), ciphers, extensions, groups (offered, as numbers),
client_random, server_random and session_id (of the server; hexadecimal), resumed (the server took up an old
session; None when that cannot be seen), certificates and client_certificates (see `certificates`), ja3,
ja3_string, ja3s, ja3s_string, ja4, alerts, established (both sides sent protected records), decrypted (bytes),
flaws. What belongs to a side whose hello was not captured is None or empty.

When the context holds the connection's secrets, its application bytes are handed to an inner conversation.
"""

import hashlib
from collections.abc import Callable
from functools import partial

from lib.cuckoo.network.certificates import describe_certificate
from lib.cuckoo.network.conversation import (
    CLIENT,
    SERVER,
    SIDES,
    Context,
    Conversation,
    Record,
    Unread,
    weight,
)
from lib.cuckoo.network.decrypt import (
    ENCRYPT_THEN_MAC,
    SUITES,
    TLS13_SUITES,
    Connection,
    Opener,
    Successive,
    Suite,
    Tls13Opener,
)
from lib.cuckoo.network.hello import (
    ClientHello,
    Reader,
    ServerHello,
    describe_client,
    describe_server,
    parse_client_hello,
    parse_extensions,
    parse_server_hello,
    parse_ssl2_client_hello,
    parse_ssl2_server_hello,
    version_name,
)
from lib.cuckoo.network.tape import UNACCOUNTED, Cut, Drain, Malformed, Steps, Tape, TwoTapes

CHANGE_CIPHER, ALERT, HANDSHAKE, APPLICATION, HEARTBEAT = 20, 21, 22, 23, 24
CLIENT_HELLO, SERVER_HELLO, ENCRYPTED_EXTENSIONS, CERTIFICATE, KEY_UPDATE = 1, 2, 8, 11, 24
EARLY_DATA = 42
TLS13 = 0x0304
RECORD_LIMIT = (1 << 14) + 2048
"""Bytes in a record (RFC 5246, 6.2.3)."""
MESSAGE_LIMIT = 512 << 10
"""Bytes in a handshake message that is read; longer ones end the reading of a side."""
MAXIMUM_CERTIFICATES = 32
MAXIMUM_ALERTS = 32
MAXIMUM_CHANGES = 32
"""Times that what opens the records of a connection is made anew."""
EXTENSION_SIZE = 160
"""Bytes that an extension takes beside its own."""
CIPHER_SIZE = 40
MAXIMUM_FAILURES = 100
"""Records in a row that the secrets do not open, after which a side is not tried any more."""


class Half:
    """The state of one direction."""

    def __init__(self) -> None:
        self.messages = bytearray()
        self.protected = False
        self.seen_protected = False
        self.opener: Opener | None = None
        self.failures = 0
        self.opened = 0
        self.unopened = 0
        """Since the first one that was opened, if any was: those before may be of secrets that are not known."""


class Tls(TwoTapes):
    """One TLS connection."""

    def __init__(
        self, context: Context, inside: Callable[[], Conversation] = Unread, *, transport: str = "t"
    ) -> None:
        """Read one connection; `inside` makes the parser of its decrypted bytes, `transport` is that of JA4."""
        self._inside = inside
        self._transport = transport
        self._halves = (Half(), Half())
        self._started = 0.0
        self._client: ClientHello | None = None
        self._server: ServerHello | None = None
        self._ssl2_version = 0
        self._chains: tuple[list[Record], list[Record]] = ([], [])
        self._alerts: list[Record] = []
        self._flaws: list[str] = []
        self._decrypted = 0
        self._kept = 0
        self._changes = 0
        self._latest_client: ClientHello | None = None
        self._latest_server: ServerHello | None = None
        self._hidden_protocol = ""
        self._carried: Conversation | None = None
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
            elif half.opener is not None and not stop.ended:
                self._flaws.append(f"{SIDES[side]}: nothing is decrypted behind a {stop}")
                self._miss(side, stop.missing)
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
            self._change_cipher(side)
        elif not half.protected and kind != APPLICATION:
            self._plain(side, kind, (yield from tape.exactly(size)))
        elif half.opener is None:
            half.seen_protected = True
            yield from tape.pour(size, Drain())
        else:
            half.seen_protected = True
            self._open(side, half, header, (yield from tape.exactly(size)))

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

    def _change_cipher(self, side: int) -> None:
        """Make ready to open what follows, when the secret is known (before TLS 1.3)."""
        client, server = self._latest_client, self._latest_server
        if client is None or server is None or self._is_tls13:
            return
        suite = SUITES.get(server.cipher)
        master = self.context.secrets.master(client.random, server.session_id)
        if suite is None or master is None:
            return
        later = any(number == ENCRYPT_THEN_MAC for number, _ in server.extensions)
        connection = Connection(server.version, suite, client.random, server.random, master, later)
        self._set_opener(side, partial(connection.opener, side))

    def _change_secrets(self, client: ClientHello, server: ServerHello) -> None:
        """Make ready to open what follows a ServerHello of TLS 1.3."""
        suite = SUITES.get(server.cipher)
        for side, name in enumerate(("CLIENT", "SERVER")):
            labels = (f"{name}_HANDSHAKE_TRAFFIC_SECRET", f"{name}_TRAFFIC_SECRET_0")
            secrets = [self.context.secrets.find(label, client.random) for label in labels]
            known = [(suite, secret) for secret in secrets if secret is not None and suite is not None]
            if known:
                self._set_opener(side, partial(self._successive, side, known))

    def _expect_early_data(self, client: ClientHello) -> None:
        """Make ready to open what a client of TLS 1.3 sends before it has heard from the server.

        The suite is that of an earlier connection: those that are offered and fit the length of the secret are tried.
        """
        secret = self.context.secrets.find("CLIENT_EARLY_TRAFFIC_SECRET", client.random)
        if secret is None or client.extension(EARLY_DATA) is None:
            return
        suites = [SUITES[number] for number in client.ciphers if number in TLS13_SUITES]
        known = [(suite, secret) for suite in suites if hashlib.new(suite.hash).digest_size == len(secret)]
        if known:
            self._set_opener(CLIENT, partial(self._successive, CLIENT, known))

    def _successive(self, side: int, secrets: list[tuple[Suite, bytes]]) -> Successive:
        openers = [Tls13Opener(suite, secret) for suite, secret in secrets]
        earlier = self._halves[side].opener
        if not isinstance(earlier, Successive):
            return Successive(openers)
        earlier.extend(openers)
        return earlier

    def _set_opener(self, side: int, make: Callable[[], Opener]) -> None:
        self._changes += 1
        if self._changes > MAXIMUM_CHANGES:
            return
        try:
            self._halves[side].opener = make()
        except ImportError:
            self._flaws.append("cryptography is not installed")

    def _open(self, side: int, half: Half, header: bytes, payload: bytes) -> None:
        found = half.opener.open(header, payload) if half.opener is not None else None
        if found is None:
            self._unopened(side, half, len(payload))
            return
        half.unopened *= bool(half.opened)
        half.failures = 0
        half.opened += 1
        kind, content = found
        if kind != APPLICATION:
            self._plain(side, kind, content)
            return
        self._decrypted += len(content)
        if self._carried is None:
            self._carried = self._inside()
            self._carried.records = self.records
        self._carried.data(side, content, self.time)

    def _unopened(self, side: int, half: Half, size: int) -> None:
        half.unopened += 1
        half.failures += 1
        if half.failures >= MAXIMUM_FAILURES:
            half.opener = None
        if half.opened:
            self._miss(side, size)

    def _miss(self, side: int, size: int) -> None:
        """Tell the conversation inside that some of its bytes are not there; `size` is about how many."""
        if self._carried is not None:
            self._carried.gap(side, size)

    def _handshake(self, side: int, payload: bytes) -> None:
        messages = self._halves[side].messages
        messages += payload
        self._account()
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

    def _account(self) -> None:
        waiting = sum(len(half.messages) for half in self._halves)
        if not self.hold.resize(self._kept + (waiting if waiting > UNACCOUNTED else 0)):
            raise Malformed("no room for handshake messages")

    def _keep(self, size: int) -> None:
        """Hold so many bytes until the end."""
        self._kept += size
        self._account()

    def _message(self, side: int, kind: int, body: bytes) -> None:
        if kind == CLIENT_HELLO and side == CLIENT:
            self._take_client_hello(parse_client_hello(body))
        elif kind == KEY_UPDATE and isinstance(opener := self._halves[side].opener, Successive):
            if not self._halves[side].messages:  # it is the last message of its record (RFC 8446, 5.1)
                opener.update()
        elif kind == SERVER_HELLO and side == SERVER:
            self._take_server_hello(parse_server_hello(body))
        elif kind == ENCRYPTED_EXTENSIONS and side == SERVER:
            self._hidden_protocol = ServerHello(0, b"", b"", 0, parse_extensions(body)).protocol
        elif kind == CERTIFICATE and not self._chains[side]:
            self._take_certificates(side, body)

    def _take_client_hello(self, hello: ClientHello | None) -> None:
        self._keep(0 if hello is None else _weight(hello.extensions) + CIPHER_SIZE * len(hello.ciphers))
        self._client = self._client or hello
        self._latest_client = hello
        if hello is not None:
            self._expect_early_data(hello)

    def _take_server_hello(self, hello: ServerHello | None) -> None:
        self._keep(0 if hello is None else _weight(hello.extensions))
        if self._server is None or self._server.is_retry:
            self._server = hello or self._server
        client, self._latest_server = self._latest_client, hello
        if client is not None and hello is not None and self._is_tls13 and not hello.is_retry:
            self._change_secrets(client, hello)

    @property
    def _is_tls13(self) -> bool:
        version = self._server.chosen_version if self._server is not None else 0
        return version == TLS13 or version >> 8 == 0x7F

    def _take_certificates(self, side: int, body: bytes) -> None:
        reader = Reader(body)
        if self._is_tls13:
            reader.vector(1)
        chain = Reader(reader.vector(3))
        while chain.left and len(self._chains[side]) < MAXIMUM_CERTIFICATES:
            self._chains[side].append(describe_certificate(chain.vector(3)))
            self._keep(weight(self._chains[side][-1]))
            if self._is_tls13:
                chain.vector(2)

    def _finish(self) -> None:
        for name, half in zip(SIDES, self._halves, strict=True):
            if half.unopened:
                self._flaws.append(f"{name}: {half.unopened} protected records could not be decrypted")
        if self._client is not None or self._server is not None or any(self._chains):
            self.records.append(self._summary())
        if self._carried is not None:
            self._carried.close()

    def _summary(self) -> Record:
        server = describe_server(self._server)
        return {
            "protocol": "tls",
            "time": self._started,
            "version": version_name(self._version()),
            **describe_client(self._client, self._transport),
            **server,
            "alpn_selected": self._hidden_protocol or server["alpn_selected"],
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
        return self._client.highest_version

    def _resumed(self) -> bool | None:
        """Say whether an old session was taken up; TLS 1.3 tells by the server's choice of a shared key."""
        client, server = self._client, self._server
        if client is None or server is None:
            return None
        if self._is_tls13:
            return any(number == 41 for number, _ in server.extensions)
        return bool(server.session_id) and server.session_id == client.session_id


def _weight(extensions: list[tuple[int, bytes]]) -> int:
    return sum(EXTENSION_SIZE + len(body) for _, body in extensions)
