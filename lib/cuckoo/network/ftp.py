"""FTP control connections (RFC 959, 2428, 4217): commands, replies, and where the data connections are.

Record "ftp": time, banner, user, password, commands (command, argument, code, reply, time), transfers, tls
(the connection went on under TLS), commands_dropped, flaws. A transfer has command, name, code of the final
reply, time, and the data connection: mode (PORT, PASV, EPRT, EPSV), address and port that `listener`
("client" or "server") waits on. EPSV names no address: it is that of the server, and "address" is "".
"""

import re
from collections.abc import Callable

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

    def __init__(self, context: Context, inside: Callable[[], Conversation]) -> None:
        """Read one connection; `inside` makes the parser of what follows AUTH TLS."""
        self._inside = inside
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
            self._endpoint = _endpoint("PORT", *_address(found), "client")
        elif command.name == "EPRT" and extended is not None:
            self._endpoint = _endpoint("EPRT", extended[2], int(extended[3]), "client")

    def replied(self, command: Command) -> None:
        """Note where the server listens; for the transfer that was asked for before, or for the next."""
        found = _HOST_PORT.search(command.text) if command.code == 227 else None
        extended = _EXTENDED_PASSIVE.search(command.text) if command.code == 229 else None
        if found is not None:
            endpoint = _endpoint("PASV", *_address(found), "server")
        elif extended is not None:
            endpoint = _endpoint("EPSV", "", int(extended[2]), "server")
        else:
            return
        if self._transfers and self._transfers[-1][1]["mode"] is None:
            self._transfers[-1][1].update(endpoint)
        else:
            self._endpoint = endpoint

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
        return {
            "command": command.name,
            "name": command.argument,
            "code": command.code or None,
            "time": command.time,
            **endpoint,
        }


def _endpoint(
    mode: str | None = None, address: str | None = None, port: int | None = None, listener: str | None = None
) -> Record:
    return {"mode": mode, "address": address, "port": port, "listener": listener}


def _address(found: re.Match[str]) -> tuple[str, int]:
    numbers = [int(group) for group in found.groups()]
    return ".".join(map(str, numbers[:4])), (numbers[4] << 8 | numbers[5]) & 0xFFFF
