"""Protocols of command lines and numbered replies (RFC 959, 5321): what SMTP and FTP share."""

import re
import sys
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass

from lib.cuckoo.network.conversation import CLIENT, Context, Record, printable
from lib.cuckoo.network.tape import Cut, Steps, Tape, TwoTapes

MAXIMUM_COMMANDS = 5000
"""Commands kept of one conversation."""
MAXIMUM_OPEN = 1000
"""Commands that may wait for their reply."""
COMMAND_SIZE = 700
"""Bytes that a command takes beside its texts; a short reply is among them."""
SHORT_REPLY = 100
UNKEPT_LIMIT = 256
"""Characters of the argument of a command that waits for its reply and is not kept."""
MAXIMUM_FLAWS = 100
"""Flaws named of one conversation."""
REPLY_LINES = 100
"""Lines kept of one reply."""
REPLY_LIMIT = 2048
"""Bytes kept of one reply."""
LINE_LIMIT = 4096
"""Bytes kept of one line."""
WAIT_LIMIT = 1 << 20
"""Bytes a client may send before a reply that decides how they are read."""
UNKNOWN = 0
"""The code of a reply that was not captured."""
_REPLY = re.compile(rb"(\d{3})(?:([ -])(.*))?", re.DOTALL)


@dataclass
class Command:
    """One command and the reply to it."""

    name: str
    argument: str
    time: float
    code: int | None = None
    """None while the reply is open."""
    text: str = ""

    def record(self) -> Record:
        """Return the plain form; a reply that was not captured is None."""
        return {
            "command": self.name,
            "argument": self.argument,
            "code": self.code or None,
            "reply": self.text,
            "time": self.time,
        }


class Dialogue(TwoTapes):
    """Commands of the client, each with its reply, though they may be sent in one go."""

    def __init__(self, context: Context) -> None:
        self.banner = ""
        self.commands: list[Command] = []
        self.commands_dropped = 0
        self.flaws: list[str] = []
        self.started = 0.0
        self._open: deque[Command] = deque()
        self._greeted = False
        self._alone = False
        super().__init__(context)

    def close(self) -> None:
        """Flush what is pending: replies that have not come are taken for agreement."""
        self._lose_replies()
        super().close()

    def ask(self, line: bytes, *, nameless: bool = False) -> Command:
        """Take a line of the client as the next command, or as a `nameless` answer to a question."""
        name, _, argument = (b"", b"", line) if nameless else line.strip().partition(b" ")
        command = Command(printable(name, 64).upper(), printable(argument.strip(), LINE_LIMIT), self.time)
        self.started = self.started or self.time
        self._open.append(command)
        room = self.take_room(COMMAND_SIZE + sys.getsizeof(command.argument))
        if room and len(self.commands) < MAXIMUM_COMMANDS:
            self.commands.append(command)
        else:
            self.commands_dropped += 1
            command.argument = command.argument[:UNKEPT_LIMIT]
        if len(self._open) > MAXIMUM_OPEN:
            self._open.popleft()
        return command

    def take_room(self, size: int) -> bool:
        """Hold so many bytes more; False when there is no room for them."""
        return self.hold.resize(self.hold.size + size)

    def note(self, flaw: str) -> None:
        """Name a flaw, within bounds."""
        if len(self.flaws) < MAXIMUM_FLAWS:
            self.flaws.append(flaw)

    def wait(self, tape: Tape, command: Command) -> Steps:
        """Wait for the reply to a command, if there are replies."""
        while command.code is None and not self._alone and len(tape.buffer) < WAIT_LIMIT:
            yield
        if command.code is None:
            command.code = UNKNOWN

    def replied(self, command: Command) -> None:
        """Called with each command whose reply has come."""

    def lines(self, tape: Tape) -> Generator[None, None, bytes]:
        """Return the next line of the client that is not blank; a gap costs the lines it touches."""
        while True:
            try:
                line = yield from tape.line(LINE_LIMIT)
            except Cut as cut:
                if cut.ended and not cut.rest.strip():
                    raise
                if cut.ended:
                    return cut.rest[:LINE_LIMIT]
                self.note("client: gap in the stream")
                line = b""
            if line.strip():
                return line

    def _read_server(self, tape: Tape) -> Steps:
        while True:
            try:
                code, text = yield from _reply(tape)
            except Cut as cut:
                if cut.ended:
                    return
                self.note("server: gap in the stream")
                self._lose_replies()
                continue
            self._take_reply(code, text)

    def _take_reply(self, code: int, text: str) -> None:
        if not self._greeted:
            self._greeted = True
            if code in {220, 120, 421, 554}:
                self.banner = text
                return
        if self._open and not 100 <= code < 200:
            command = self._open.popleft()
            command.code = code
            if len(text) <= SHORT_REPLY or self.take_room(sys.getsizeof(text)):
                command.text = text
            else:
                self.note("server: no room for a reply")
            self.replied(command)
            self.tapes[CLIENT].resume()

    def _lose_replies(self) -> None:
        for command in self._open:
            command.code = UNKNOWN
        self._open.clear()
        self._alone = True
        self.tapes[CLIENT].resume()
        self._alone = False


def _reply(tape: Tape) -> Generator[None, None, tuple[int, str]]:
    """Read a reply of one or several lines; lines without a number outside of one are skipped."""
    lines: list[bytes] = []
    code, size = b"", 0
    while True:
        line = yield from tape.line(LINE_LIMIT)
        found = _REPLY.match(line)
        if not code and found is None:
            continue
        code = code or (found[1] if found is not None else b"")
        last = found is not None and found[1] == code and found[2] != b"-"
        if len(lines) < REPLY_LINES and size <= REPLY_LIMIT:
            lines.append((found[3] or b"") if found is not None and found[1] == code else line)
            size += len(lines[-1]) + 1
        if last:
            return int(code), printable(b"\n".join(lines), REPLY_LIMIT)
