"""What happened on one connection of SMB, whatever its version, and how its messages are read."""

from collections import Counter, OrderedDict

from lib.cuckoo.network.conversation import Hold, Record, printable, weight

MAXIMUM_ENTRIES = 10_000
"""Entries of each list."""
ENTRY_SIZE = 100
"""Bytes that an entry takes beside what is in it."""
MAXIMUM_COMMANDS = 256
"""Commands that are counted by their numbers."""
OPEN_REQUESTS = 1000
"""Requests whose answers are waited for."""
NAME_LIMIT = 2048
"""Bytes of one name."""
DISPOSITIONS = dict(
    enumerate(("supersede", "open", "create", "open_or_create", "overwrite", "overwrite_or_create"))
)
"""What a request to open a file does, by its number."""
_NTLM_AUTHENTICATE = b"NTLMSSP\0\x03\0\0\0"


def little(source: bytes, at: int, size: int) -> int:
    """Return a little-endian number; bytes beyond the end count as nothing."""
    return int.from_bytes(source[at : at + size], "little")


def utf16(source: bytes) -> str:
    """Return text as Windows writes it, unprintable characters as escapes."""
    text = source[:NAME_LIMIT].decode("utf-16-le", "replace")
    return printable(text.rstrip("\0").encode(), 2 * NAME_LIMIT)


def named(names: dict[int, str], number: int) -> str:
    """Return the name of a number, or the number."""
    return names.get(number, f"0x{number:x}")


class Activity:
    """The record of one connection, as it grows."""

    def __init__(self, room: Hold) -> None:
        """Hold what is kept, until the end of the connection."""
        self._room = room
        self.dialect = ""
        self.dialects: list[str] = []
        self.commands: Counter[str] = Counter()
        self.encrypted = 0
        self.dropped = 0
        self.time = 0.0
        self._trees: list[Record] = []
        self._files: list[Record] = []
        self._users: list[Record] = []
        self._listed: dict[str, None] = {}
        self._asked: OrderedDict[int, Record] = OrderedDict()
        self._shares: dict[int, str] = {}

    def ask(self, identifier: int, entry: Record) -> None:
        """Remember an entry until its answer comes."""
        self._asked[identifier] = entry
        if len(self._asked) > OPEN_REQUESTS:
            self._asked.popitem(last=False)

    def answered(self, identifier: int, status: int) -> Record | None:
        """Return the entry that an answer belongs to, with its status."""
        entry = self._asked.pop(identifier, None)
        if entry is not None:
            entry["status"] = status
        return entry

    def tree(self, path: str) -> Record:
        """Add a share that the client connects to."""
        return self._add(self._trees, {"path": path, "status": None, "time": self.time})

    def name_share(self, number: int, path: str) -> None:
        """Note the number by which later requests call a share."""
        if len(self._shares) < MAXIMUM_ENTRIES and self._take(ENTRY_SIZE):
            self._shares[number] = path

    def count(self, command: str) -> None:
        """Count a command; one of a kind beyond the bound is counted as "other"."""
        known = command in self.commands or len(self.commands) < MAXIMUM_COMMANDS
        self.commands[command if known else "other"] += 1

    def _take(self, size: int) -> bool:
        return self._room.resize(self._room.size + size)

    def file(self, action: str, name: str, share: int, new_name: str | None = None) -> Record:
        """Add what is done to a file."""
        entry: Record = {"action": action, "name": name, "tree": self._shares.get(share, "")}
        if new_name is not None:
            entry["new_name"] = new_name
        return self._add(self._files, entry | {"status": None, "time": self.time})

    def listed(self, name: str) -> None:
        """Add a name from a directory."""
        if name in {"", ".", ".."} or name in self._listed:
            return
        if len(self._listed) < MAXIMUM_ENTRIES and self._take(ENTRY_SIZE + weight(name)):
            self._listed[name] = None
        else:
            self.dropped += 1

    def log_in(self, blob: bytes) -> None:
        """Add who logs in, from the AUTHENTICATE message of NTLM (MS-NLMP, 2.2.1.3) in a blob."""
        at = blob.find(_NTLM_AUTHENTICATE)
        if at < 0:
            return
        message = blob[at:]
        texts = []
        for place in (36, 28, 44):
            size, start = little(message, place, 2), little(message, place + 4, 4)
            texts.append(utf16(message[start : start + size]))
        self.user(*texts)

    def user(self, name: str, domain: str, workstation: str = "") -> None:
        """Add who logs in."""
        entry = {"user": name, "domain": domain, "workstation": workstation}
        if any(entry.values()) and entry not in self._users[-20:]:
            self._add(self._users, entry)

    def record(self) -> Record:
        """Return the plain form."""
        return {
            "protocol": "smb",
            "dialect": self.dialect,
            "dialects": self.dialects,
            "trees": self._trees,
            "files": self._files,
            "listed": list(self._listed),
            "users": self._users,
            "commands": dict(self.commands),
            "encrypted": self.encrypted,
            "dropped": self.dropped,
        }

    def close(self) -> None:
        """Give back the room."""
        self._room.resize(0)

    def _add(self, entries: list[Record], entry: Record) -> Record:
        if len(entries) < MAXIMUM_ENTRIES and self._take(ENTRY_SIZE + weight(entry)):
            entries.append(entry)
            return entry
        self.dropped += 1
        return dict.fromkeys(entry, "")
