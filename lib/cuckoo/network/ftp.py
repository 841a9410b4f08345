"""FTP control connections (RFC 959, 2428, 4217): commands, replies, and where the data connections are.

Record "ftp": time, banner, user, password, commands (command, argument, code, reply, time), transfers, tls
(the connection went on under TLS), commands_dropped, flaws. A transfer has command, name, code of the final
reply, time, and the data connection: mode (PORT, PASV, EPRT, EPSV), address and port that `listener`
("client" or "server") waits on, and content (what was transferred, as `save` describes it; None when that
was not captured, or is TLS).
"""

import re
from collections.abc import Callable
from functools import partial

from lib.cuckoo.network.body import Body
from lib.cuckoo.network.conversation import Context, Conversation, Record
from lib.cuckoo.network.dialogue import Command, Dialogue
from lib.cuckoo.network.tape import Cut, Steps, Tape

TRANSFERS = frozenset({"RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD"})
_HOST_PORT = re.compile(r"(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})")
_EXTENDED_PASSIVE = re.compile(r"\((.)\1\1(\d{1,5})\1\)")
_EXTENDED_ACTIVE = re.compile(r"(.)[12]\1([0-9A-Fa-f.:]{2,45})\1(\d{1,5})\1")
_SECURED = frozenset({0, 234})


class Ftp(Dialogue):
    """One control connection."""

    def __init__(self, context: Context, inside: Callable[[], Conversation], address: str = "") -> None:
        """Read one connection to `address`; `inside` makes the parser of what follows AUTH TLS."""
        self._inside = inside
        self._address = address
        self._credentials = {"USER": "", "PASS": ""}
        self._endpoint = _endpoint()
        self._transfers: list[tuple[Command, Record]] = []
        self._tls = False
        super().__init__(context)

    def _read_client(self, tape: Tape) -> Steps:
        try:
            while not self._tls:
                command = self.ask((yield from self.lines(tape)))
                yield from self._act(tape, command)
        except Cut:
            return

    def _act(self, tape: Tape, command: Command) -> Steps:
        if command.name in self._credentials:
            self._credentials[command.name] = command.argument
        elif command.name in {"PORT", "EPRT"}:
            self._note_active(command)
        elif command.name in TRANSFERS and command in self.commands[-1:]:
            self._transfers.append((command, self._endpoint))
            self._endpoint = _endpoint()
        elif command.name == "AUTH":
            yield from self.wait(tape, command)
            if command.code in _SECURED:
                self._tls = True
                self.hand_over(self._inside())

    def _note_active(self, command: Command) -> None:
        found = _HOST_PORT.search(command.argument)
        extended = _EXTENDED_ACTIVE.search(command.argument)
        if command.name == "PORT" and found is not None:
            self._listen(_endpoint("PORT", *_address(found), "client"))
        elif command.name == "EPRT" and extended is not None:
            self._listen(_endpoint("EPRT", extended[2], int(extended[3]), "client"))

    def _listen(self, endpoint: Record) -> None:
        """Note where the next transfer will go, and expect it there."""
        if self._transfers and self._transfers[-1][1]["mode"] is None and endpoint["listener"] == "server":
            self._transfers[-1][1].update(endpoint)
            endpoint = self._transfers[-1][1]
        else:
            self._endpoint = endpoint
        for address in {endpoint["address"], self._address if endpoint["listener"] == "server" else ""} - {
            ""
        }:
            self.context.expect(address, endpoint["port"], partial(FtpData, self.context, endpoint))

    def replied(self, command: Command) -> None:
        """Note where the server listens; for the transfer that was asked for before, or for the next."""
        found = _HOST_PORT.search(command.text) if command.code == 227 else None
        extended = _EXTENDED_PASSIVE.search(command.text) if command.code == 229 else None
        if found is not None:
            self._listen(_endpoint("PASV", *_address(found), "server"))
        elif extended is not None:
            self._listen(_endpoint("EPSV", self._address, int(extended[2]), "server"))

    def _finish(self) -> None:
        if not (self.commands or self.banner):
            return
        summary = {
            "protocol": "ftp",
            "time": self.started,
            "banner": self.banner,
            "user": self._credentials["USER"],
            "password": self._credentials["PASS"],
            "commands": [command.record() for command in self.commands],
            "transfers": [self._transfer(*transfer) for transfer in self._transfers],
            "tls": self._tls,
            "commands_dropped": self.commands_dropped,
            "flaws": self.flaws,
        }
        self.records.append(summary)

    def _transfer(self, command: Command, endpoint: Record) -> Record:
        """Return the record of a transfer, to which its data connection adds when it ends after this one."""
        asked = {
            "command": command.name,
            "name": command.argument,
            "code": command.code or None,
            "time": command.time,
        }
        known = endpoint.copy()
        endpoint.clear()
        endpoint.update(asked | known)
        return endpoint


class FtpData:
    """A data connection: what it carries becomes the content of its transfer."""

    def __init__(self, context: Context, endpoint: Record) -> None:
        self.records: list[Record] = []
        self._endpoint = endpoint
        self._bodies = (Body(context), Body(context))

    def data(self, side: int, payload: bytes | memoryview, _time: float) -> None:
        """Take the next bytes of one side; only one of them sends."""
        self._bodies[side].write(payload)

    def gap(self, side: int, size: int) -> None:
        """Note missing bytes."""
        self._bodies[side].lose(size)

    def close(self) -> None:
        """Save what was transferred."""
        body = max(self._bodies, key=lambda body: body.size + body.missing)
        self._endpoint["content"], _ = body.finish([], "ftp_data")
        for other in self._bodies:
            other.release()


def _endpoint(
    mode: str | None = None, address: str | None = None, port: int | None = None, listener: str | None = None
) -> Record:
    return {"mode": mode, "address": address, "port": port, "listener": listener, "content": None}


def _address(found: re.Match[str]) -> tuple[str, int]:
    numbers = [int(group) for group in found.groups()]
    return ".".join(map(str, numbers[:4])), (numbers[4] << 8 | numbers[5]) & 0xFFFF
