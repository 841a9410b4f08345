"""SOCKS 4, 4a and 5 (RFC 1928, 1929): where a tunnel leads; what it carries is read on.

Record "socks": time, version, command ("connect", "bind", "associate"), host, port, user, password, granted
(None when the answer was not captured).
"""

import re
from collections.abc import Callable, Generator
from ipaddress import ip_address

from lib.cuckoo.network.conversation import CLIENT, Context, Conversation, Record, printable
from lib.cuckoo.network.tape import Cut, Steps, Tape, TwoTapes

USER_AND_PASSWORD = 2
COMMANDS = {1: "connect", 2: "bind", 3: "associate"}
_TEXT_LIMIT = 256
WAIT_LIMIT = 64 << 10
"""Bytes a client may send before the tunnel is granted; who sends more has not waited."""
_ZERO = re.compile(rb"\0")


class Socks(TwoTapes):
    """One connection to a SOCKS server."""

    def __init__(self, context: Context, inside: Callable[[str, int], Conversation]) -> None:
        """Read one connection; `inside` makes the parser of what the tunnel carries, given host and port."""
        self._inside = inside
        self._method: int | None = None
        self._impatient = False
        self._request: Record = {"user": "", "password": "", "granted": None}
        super().__init__(context)

    def _read_client(self, tape: Tape) -> Steps:
        try:
            version = (yield from tape.exactly(1))[0]
            yield from (self._request4(tape) if version == 4 else self._request5(tape))
        except Cut:
            return
        while len(tape.buffer) < WAIT_LIMIT:
            yield
        self._impatient = True

    def _request4(self, tape: Tape) -> Steps:
        command, *rest = yield from tape.exactly(7)
        host, port = bytes(rest[2:]), int.from_bytes(rest[:2], "big")
        self._request["user"] = yield from _text(tape)
        named = host[:3] == bytes(3) and host[3] != 0
        self._ask(4, command, (yield from _text(tape)) if named else str(ip_address(host)), port)

    def _request5(self, tape: Tape) -> Steps:
        yield from tape.exactly((yield from tape.exactly(1))[0])
        while self._method is None:
            yield
        if self._method == USER_AND_PASSWORD:
            yield from tape.exactly(1)
            for key in ("user", "password"):
                size = (yield from tape.exactly(1))[0]
                self._request[key] = printable((yield from tape.exactly(size)))
        _, command, _ = yield from tape.exactly(3)
        host, port = yield from _address(tape)
        self._ask(5, command, host, port)

    def _ask(self, version: int, command: int, host: str, port: int) -> None:
        name = COMMANDS.get(command, str(command))
        asked = {"protocol": "socks", "time": self.time, "version": version, "command": name}
        self._request |= asked | {"host": host, "port": port}

    def _read_server(self, tape: Tape) -> Steps:
        first, second = yield from tape.exactly(2)
        if first == 5:
            self._method = second
            self.tapes[CLIENT].resume()
            if second == USER_AND_PASSWORD:
                yield from tape.exactly(2)
            _, code, _ = yield from tape.exactly(3)
            yield from _address(tape)
            granted = code == 0
        else:
            yield from tape.exactly(6)
            granted = second == 90
        self._request["granted"] = granted
        if granted and "host" in self._request and not self._impatient:
            self.hand_over(self._inside(self._request["host"], self._request["port"]))

    def _finish(self) -> None:
        if "host" in self._request:
            self.records.append(self._request)


def is_socks(client: bytes, server: bytes) -> bool:
    """True when a client asks for a tunnel and the server answers to that."""
    if len(client) < 3 or len(server) < 2:
        return False
    if client[0] == 5:
        return server[0] == 5 and (server[1] == 255 or server[1] in client[2 : 2 + client[1]])
    return client[0] == 4 and client[1] in COMMANDS and server[0] == 0 and 90 <= server[1] <= 93


def _text(tape: Tape) -> Generator[None, None, str]:
    text, _ = yield from tape.until(_ZERO, _TEXT_LIMIT)
    return printable(text.rstrip(b"\0"))


def _address(tape: Tape) -> Generator[None, None, tuple[str, int]]:
    kind = (yield from tape.exactly(1))[0]
    if kind in {1, 4}:
        host = str(ip_address((yield from tape.exactly(4 if kind == 1 else 16))))
    else:
        size = (yield from tape.exactly(1))[0]
        host = printable((yield from tape.exactly(size)))
    return host, int.from_bytes((yield from tape.exactly(2)), "big")
