"""SMTP and LMTP (RFC 5321, 2033, 3030, 4954): the envelope and the content of each message.

Record "smtp": time, banner, hostname (of HELO, EHLO or LHLO), auth (mechanism, user, password, code; None
without), messages, commands (command, argument, code, reply, time), tls (the connection went on under TLS),
raw (what the client sent, as text), commands_dropped, flaws. A message has mail_from, rcpt_to, accepted
(the code of the last reply, None when not captured), time, subject, from, to, date, headers (pairs), text,
attachments and parts_dropped (see `mime`), and content (the whole message, as `save` describes it, kind
"mail").
"""

import binascii
import re
import sys
from collections.abc import Callable

from lib.cuckoo.network.body import Body
from lib.cuckoo.network.conversation import Context, Conversation, Record, printable, weight
from lib.cuckoo.network.dialogue import UNKNOWN, Command, Dialogue
from lib.cuckoo.network.mime import Mail, read_mail
from lib.cuckoo.network.tape import Cut, Steps, Tape

RAW_LIMIT = 64 << 10
"""Bytes of the client that go into the record as text."""
RAW_AHEAD = 2048
MAXIMUM_MESSAGES = 1000
MAXIMUM_RECIPIENTS = 1000
RECIPIENT_SIZE = 16
"""Bytes that one takes beside its text."""
LONGEST_KNOWN = 1 << 20
"""Bytes of a message that is not read again when it is sent again."""
AUTH_STEPS = 4
"""Lines that a client sends to log in; LOGIN needs two."""
END_OF_DATA = re.compile(rb"\n\.\r?\n")
EMPTY_DATA = re.compile(rb"\.\r?\n")
_CHUNK = re.compile(r"(\d{1,12})(?:\s+(LAST))?\s*$", re.IGNORECASE)
_PATH = re.compile(r"(?:FROM|TO)\s*:\s*(?:<([^<>]*)>|<?([^<>\s]*))", re.IGNORECASE)


def unstuffed(content: bytes) -> bytes:
    """Take off the line with a dot that ends a message, and the dots put before lines that begin with one."""
    if content.endswith((b"\n.\r\n", b"\n.\n")) or content in {b".\r\n", b".\n"}:
        content = content[: content.rindex(b".")]
    return content.replace(b"\n..", b"\n.")[1 if content.startswith(b"..") else 0 :]


class Smtp(Dialogue):
    """One connection between a client and a mail server."""

    def __init__(self, context: Context, inside: Callable[[], Conversation]) -> None:
        """Read one connection; `inside` makes the parser of what follows STARTTLS."""
        self._inside = inside
        self._raw = bytearray()
        self._raw_held = 0
        self._hostname = ""
        self._auth: Record | None = None
        self._sender = ""
        self._recipients: list[str] = []
        self._envelope = 0  # bytes held for them
        self._messages: list[tuple[Command | None, Record]] = []
        self._content: Body | None = None
        self._messages_dropped = 0
        self._tls = False
        super().__init__(context)

    def _read_client(self, tape: Tape) -> Steps:
        try:
            while not self._tls:
                yield from self._command(tape)
        except Cut:
            return

    def _command(self, tape: Tape) -> Steps:
        line = yield from self.lines(tape)
        self._note_raw(line + b"\r\n")
        command = self.ask(line)
        if command.name in {"HELO", "EHLO", "LHLO"}:
            self._hostname = command.argument
        elif command.name in {"MAIL", "RCPT", "RSET"}:
            self._note_envelope(command)
        elif command.name in _STEPS:
            yield from _STEPS[command.name](self, tape, command)

    def _note_raw(self, sent: bytes) -> None:
        room = RAW_LIMIT - len(self._raw)
        if room and self._hold_raw(len(self._raw) + min(len(sent), room)):
            self._raw += sent[:room]

    def _hold_raw(self, size: int) -> bool:
        """Hold what was sent as text, some lines ahead."""
        if size <= self._raw_held:
            return True
        more = size - self._raw_held + RAW_AHEAD
        if not self.take_room(more):
            return False
        self._raw_held += more
        return True

    def _note_envelope(self, command: Command) -> None:
        found = _PATH.match(command.argument)
        path = (found[1] or found[2] or "") if found is not None else command.argument
        if command.name == "RCPT":
            self._add_recipient(path)
        else:
            self._end_envelope()
            self._sender = path if command.name == "MAIL" else ""
            if self._content is not None:
                self._content.release()
                self._content = None

    def _add_recipient(self, path: str) -> None:
        size = RECIPIENT_SIZE + sys.getsizeof(path)
        if len(self._recipients) < MAXIMUM_RECIPIENTS and self.take_room(size):
            self._recipients.append(path)
            self._envelope += size
        else:
            self.note("client: recipients let go")

    def _end_envelope(self) -> None:
        self._sender, self._recipients = "", []
        self.hold.resize(self.hold.size - self._envelope)
        self._envelope = 0

    def _start_tls(self, tape: Tape, command: Command) -> Steps:
        yield from self.wait(tape, command)
        if command.code in {220, UNKNOWN}:
            self._tls = True
            self.hand_over(self._inside())

    def _log_in(self, tape: Tape, command: Command) -> Steps:
        mechanism, _, initial = command.argument.partition(" ")
        mechanism = mechanism.upper()
        answers = [initial] if initial else []
        step = command
        for _ in range(AUTH_STEPS):
            yield from self.wait(tape, step)
            expected = step.code == UNKNOWN and len(answers) < _ANSWERS.get(mechanism, 1)
            if step.code != 334 and not expected:
                break
            line = yield from self.lines(tape)
            self._note_raw(line + b"\r\n")
            step = self.ask(line, nameless=True)
            answers.append(step.argument)
        user, password = _credentials(mechanism, answers)
        code = step.code or None
        self._auth = {"mechanism": mechanism, "user": user, "password": password, "code": code}

    def _data(self, tape: Tape, command: Command) -> Steps:
        yield from self.wait(tape, command)
        if command.code not in {354, UNKNOWN}:
            return
        body = Body(self.context)
        try:
            while bytes(tape.buffer[:3]) in {b"", b".", b".\r"}:
                yield
            empty = EMPTY_DATA.match(tape.buffer)
            yield from (
                tape.pour(empty.end(), body) if empty else tape.pour_until(END_OF_DATA, b"\n.", 3, body)
            )
        except Cut:
            self._deliver(body, None, stuffed=True)
            raise
        self._deliver(body, self.ask(b"."), stuffed=True)

    def _chunk(self, tape: Tape, command: Command) -> Steps:
        found = _CHUNK.match(command.argument)
        if found is None:
            return
        self._content = self._content or Body(self.context)
        before = self._content.size
        yield from tape.pour(int(found[1]), self._content)
        if before < RAW_LIMIT:
            self._note_raw(self._content.start(RAW_LIMIT)[before:])
        if found[2]:
            self._deliver(self._content, command, stuffed=False)
            self._content = None

    def _deliver(self, body: Body, end: Command | None, *, stuffed: bool) -> None:
        content = body.release()
        losses = body.losses(len(content))
        if stuffed:
            self._note_raw(content[:RAW_LIMIT])
        described, size = self._read(content, stuffed=stuffed)
        message: Record = {
            "mail_from": self._sender,
            "rcpt_to": self._recipients,
            "time": self.time,
            **described,
        }
        message["content"] = message["content"] | losses
        size += weight(self._recipients) + sys.getsizeof(self._sender)
        self._end_envelope()
        if len(self._messages) < MAXIMUM_MESSAGES and self.take_room(size):
            self._messages.append((end, message))
        else:
            self._messages_dropped += 1

    def _read(self, sent: bytes, *, stuffed: bool) -> tuple[Record, int]:
        """Describe a message and weigh that; programs that mail in bulk send one message again and again."""
        for before, known in self.context.mails:
            if before == (stuffed, sent):
                return known
        content = unstuffed(sent) if stuffed else sent
        described = _described(read_mail(content, self.context.save))
        described["content"] = self.context.save(content, "mail")
        weighed = described, weight(described)
        if len(content) <= LONGEST_KNOWN:
            self.context.mails.append(((stuffed, sent), weighed))
        return weighed

    def _finish(self) -> None:
        if self._content is not None:
            self._deliver(self._content, None, stuffed=False)
        if not (self.commands or self.banner):
            return
        summary = {
            "protocol": "smtp",
            "time": self.started,
            "banner": self.banner,
            "hostname": self._hostname,
            "auth": self._auth,
            "messages": [
                {**message, "accepted": end and (end.code or None)} for end, message in self._messages
            ],
            "commands": [command.record() for command in self.commands],
            "tls": self._tls,
            "raw": printable(self._raw, RAW_LIMIT),
            "commands_dropped": self.commands_dropped,
            "messages_dropped": self._messages_dropped,
            "flaws": self.flaws,
        }
        self.records.append(summary)


_STEPS: dict[str, Callable[[Smtp, Tape, Command], Steps]] = {
    "STARTTLS": Smtp._start_tls,  # noqa: SLF001 - of the class above
    "AUTH": Smtp._log_in,  # noqa: SLF001 - as above
    "DATA": Smtp._data,  # noqa: SLF001 - as above
    "BDAT": Smtp._chunk,  # noqa: SLF001 - as above
}
"""What reads on behind a command. Not bound: a connection that refers to itself is freed late, by the collector."""
_ANSWERS = {"LOGIN": 2}
"""Lines of the client in a log-in, when the server's questions were not captured; 1 for others."""


def _described(mail: Mail) -> Record:
    return {
        "subject": mail.header("subject"),
        "from": mail.header("from"),
        "to": mail.header("to"),
        "date": mail.header("date"),
        "headers": mail.headers,
        "text": mail.text,
        "attachments": mail.attachments,
        "parts_dropped": mail.parts_dropped,
    }


def _credentials(mechanism: str, answers: list[str]) -> tuple[str, str]:
    """Return user and password, "" for what the mechanism does not tell."""
    texts = [printable(_base64(answer)) for answer in answers] + ["", ""]
    if mechanism == "LOGIN":
        return texts[0], texts[1]
    if mechanism == "PLAIN":
        _, user, password = ([*texts[0].split("\\x00"), "", "", ""])[:3]
        return user, password
    if mechanism.startswith("CRAM-"):
        return texts[0].partition(" ")[0], ""
    found = re.search(r"user=([^\\]*)", texts[0])
    return found[1] if found is not None else "", ""


def _base64(answer: str) -> bytes:
    try:
        return binascii.a2b_base64(answer.encode("ascii", "ignore"))
    except binascii.Error:
        return b""
