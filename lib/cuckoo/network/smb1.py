"""Messages of SMB 1 (MS-CIFS, 2.2; MS-SMB)."""

import re
from collections.abc import Callable, Iterator

from lib.cuckoo.network.conversation import printable
from lib.cuckoo.network.smb_activity import DISPOSITIONS, NAME_LIMIT, Activity, little, named, utf16

HEADER = 32
UNICODE = 0x8000
COMMANDS = {
    0x00: "create_directory",
    0x01: "delete_directory",
    0x02: "open",
    0x03: "create",
    0x04: "close",
    0x06: "delete",
    0x07: "rename",
    0x08: "query_information",
    0x0A: "read",
    0x0B: "write",
    0x0F: "create_new",
    0x10: "check_directory",
    0x24: "locking_andx",
    0x25: "transaction",
    0x26: "transaction_secondary",
    0x2B: "echo",
    0x2D: "open_andx",
    0x2E: "read_andx",
    0x2F: "write_andx",
    0x32: "transaction2",
    0x33: "transaction2_secondary",
    0x34: "find_close2",
    0x70: "tree_connect",
    0x71: "tree_disconnect",
    0x72: "negotiate",
    0x73: "session_setup_andx",
    0x74: "logoff_andx",
    0x75: "tree_connect_andx",
    0xA0: "nt_transact",
    0xA1: "nt_transact_secondary",
    0xA2: "nt_create_andx",
    0xA4: "nt_cancel",
}
PATHS = frozenset({0x00, 0x01, 0x02, 0x03, 0x06, 0x08, 0x0F, 0x10})
"""Commands whose data is a path behind a format byte."""
RENAME, TRANSACTION, OPEN_ANDX, TRANSACTION2 = 0x07, 0x25, 0x2D, 0x32
NEGOTIATE, SESSION_SETUP, TREE_CONNECT, NT_CREATE = 0x72, 0x73, 0x75, 0xA2
ANDX = frozenset({0x24, 0x2D, 0x2E, 0x2F, 0x73, 0x74, 0x75, 0xA2})
"""Commands that another one may follow in the same message."""
NO_COMMAND = 0xFF
MAXIMUM_CHAIN = 16
MAXIMUM_DIALECTS = 64
_UNICODE = re.compile(rb"(?:[^\0].|\0[^\0])*", re.DOTALL)
_PATH_TRANSACTIONS = {1: (12, "find"), 5: (6, "query_path"), 6: (6, "set_path"), 13: (4, "create_directory")}
"""Subcommand of TRANSACTION2: where the path stands in its parameters, and what is done."""


class Block:
    """One command of a message: its parameter words, and its data."""

    def __init__(self, message: bytes, at: int) -> None:
        self.message = message
        self.words = message[at + 1 : at + 1 + 2 * little(message, at, 1)]
        self.data_at = at + 3 + 2 * little(message, at, 1)
        self.data = message[self.data_at : self.data_at + little(message, self.data_at - 2, 2)]
        self.unicode = bool(little(message, 10, 2) & UNICODE)

    def text(self, at: int) -> tuple[str, int]:
        """Return the text at an offset in the data, and the offset behind it."""
        if not self.unicode:
            end = self.data.find(b"\0", at)
            end = len(self.data) if end < 0 else end
            return printable(self.data[at:end], NAME_LIMIT), end + 1
        at += (self.data_at + at) & 1
        found = _UNICODE.match(self.data, at)
        end = at if found is None else found.end()
        return utf16(self.data[at:end]), end + 2

    def texts(self, at: int, count: int) -> list[str]:
        """Return texts that follow one another."""
        found = []
        for _ in range(count):
            text, at = self.text(at)
            found.append(text)
        return found


def chain(message: bytes) -> Iterator[tuple[int, Block]]:
    """Yield the commands of a message; each may name the one that follows it."""
    command, at = little(message, 4, 1), HEADER
    for _ in range(MAXIMUM_CHAIN):
        block = Block(message, at)
        yield command, block
        if command not in ANDX or len(block.words) < 4:
            return
        command, following = block.words[0], little(block.words, 2, 2)
        if command == NO_COMMAND or following <= at or following >= len(message):
            return
        at = following


class Smb1:
    """Reads the messages of one connection into its activity."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity
        self._readers: dict[int, Callable[[Block], None]] = {
            NEGOTIATE: self._negotiate,
            SESSION_SETUP: self._session_setup,
            TREE_CONNECT: self._tree_connect,
            NT_CREATE: self._nt_create,
            OPEN_ANDX: self._open_andx,
            RENAME: self._rename,
            TRANSACTION: self._transaction,
            TRANSACTION2: self._transaction2,
        }

    def request(self, message: bytes) -> None:
        """Read a message of the client."""
        for command, block in chain(message):
            name = named(COMMANDS, command)
            self._activity.count(name)
            if command in self._readers:
                self._readers[command](block)
            elif command in PATHS:
                self._file(block, name, block.text(1)[0])

    def response(self, message: bytes) -> None:
        """Read a message of the server."""
        status = little(message, 5, 4)
        entry = self._activity.answered(little(message, 30, 2), status)
        command, block = next(chain(message))
        if command == NEGOTIATE and len(block.words) >= 2:
            number = little(block.words, 0, 2)
            offered = self._activity.dialects
            self._activity.dialect = offered[number] if number < len(offered) else ""
        elif entry is not None and "path" in entry and status == 0:
            self._activity.name_share(little(message, 24, 2), entry["path"])

    def _file(self, block: Block, action: str, name: str, new_name: str | None = None) -> None:
        entry = self._activity.file(action, name, little(block.message, 24, 2), new_name)
        self._activity.ask(little(block.message, 30, 2), entry)

    def _negotiate(self, block: Block) -> None:
        offered = block.data.split(b"\0", MAXIMUM_DIALECTS)[:MAXIMUM_DIALECTS]
        self._activity.dialects = [printable(name.lstrip(b"\2"), 64) for name in offered if name]

    def _session_setup(self, block: Block) -> None:
        if len(block.words) == 24:
            self._activity.log_in(block.data[: little(block.words, 14, 2)])
        elif len(block.words) == 26:
            passwords = little(block.words, 14, 2) + little(block.words, 16, 2)
            user, domain = block.texts(passwords, 2)
            self._activity.user(user, domain)

    def _tree_connect(self, block: Block) -> None:
        path, _ = block.text(little(block.words, 6, 2))
        self._activity.ask(little(block.message, 30, 2), self._activity.tree(path))

    def _nt_create(self, block: Block) -> None:
        name, _ = block.text(0)
        self._file(block, named(DISPOSITIONS, little(block.words, 35, 4)), name)

    def _open_andx(self, block: Block) -> None:
        self._file(block, "open", block.text(0)[0])

    def _rename(self, block: Block) -> None:
        name, at = block.text(1)
        self._file(block, "rename", name, block.text(at + 1)[0])

    def _transaction(self, block: Block) -> None:
        name, _ = block.text(0)
        if name.upper().startswith(("\\PIPE\\", "\\MAILSLOT\\")) and len(name) > len("\\PIPE\\"):
            self._file(block, "transaction", name)

    def _transaction2(self, block: Block) -> None:
        place = _PATH_TRANSACTIONS.get(little(block.words, 28, 2))
        if place is not None:
            start = little(block.words, 20, 2) - block.data_at + place[0]
            if start >= 0:
                self._file(block, place[1], block.text(start)[0])
