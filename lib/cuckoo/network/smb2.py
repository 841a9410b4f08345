"""Messages of SMB 2 and 3 (MS-SMB2, 2.2)."""

from collections.abc import Callable, Iterator

from lib.cuckoo.network.smb_activity import DISPOSITIONS, MAXIMUM_ENTRIES, Activity, little, named, utf16

HEADER = 64
MAXIMUM_CHAIN = 64
"""Messages in one compound."""
DIALECTS = {
    0x0202: "SMB 2.0.2",
    0x0210: "SMB 2.1",
    0x02FF: "SMB 2.???",
    0x0300: "SMB 3.0",
    0x0302: "SMB 3.0.2",
    0x0311: "SMB 3.1.1",
}
_NAMES = (
    "negotiate session_setup logoff tree_connect tree_disconnect create close flush read write lock ioctl cancel "
    "echo query_directory change_notify query_info set_info oplock_break"
)
COMMANDS = dict(enumerate(_NAMES.split()))
NEGOTIATE, SESSION_SETUP, TREE_CONNECT, CREATE, QUERY_DIRECTORY, SET_INFO = 0, 1, 3, 5, 14, 17
DELETE_ON_CLOSE = 0x1000
PENDING = 0x103
LAST_CREATED = b"\xff" * 16
"""The file of a request that belongs to the one before it in a compound."""
_FILE_INFO, _RENAME, _DISPOSITION = 1, 10, 13
_NAME_OFFSETS = {1: 64, 2: 68, 3: 94, 37: 104, 38: 80}
"""Where the name stands in an entry of a directory, by the class that was asked for; its length is at 60."""
_NAMES_ONLY = 12


def compound(message: bytes) -> Iterator[bytes]:
    """Yield the messages that were sent as one."""
    for _ in range(MAXIMUM_CHAIN):
        following = little(message, 20, 4)
        if following < HEADER or following >= len(message):
            break
        yield message[:following]
        message = message[following:]
    yield message


class Smb2:
    """Reads the messages of one connection into its activity."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity
        self._names: dict[bytes, str] = {}
        self._last_created = ""
        self._readers: dict[int, Callable[[bytes, int], None]] = {
            NEGOTIATE: self._negotiate,
            SESSION_SETUP: self._session_setup,
            TREE_CONNECT: self._tree_connect,
            CREATE: self._create,
            QUERY_DIRECTORY: self._query_directory,
            SET_INFO: self._set_info,
        }

    def request(self, message: bytes) -> None:
        """Read a message of the client."""
        command = little(message, 12, 2)
        self._activity.count(named(COMMANDS, command))
        if command in self._readers:
            self._readers[command](message, little(message, 24, 8))

    def response(self, message: bytes) -> None:
        """Read a message of the server."""
        command, status = little(message, 12, 2), little(message, 8, 4)
        if command == NEGOTIATE and status == 0:
            self._activity.dialect = named(DIALECTS, little(message, 68, 2))
        if status == PENDING:
            return
        entry = self._activity.answered(little(message, 24, 8), status)
        if entry is None or status != 0:
            return
        if command == TREE_CONNECT and "path" in entry:
            self._activity.name_share(little(message, 36, 4), entry["path"])
        elif command == CREATE and len(self._names) < MAXIMUM_ENTRIES and entry.get("name"):
            self._names[message[128:144]] = entry["name"]
        elif command == QUERY_DIRECTORY and "class" in entry:
            self._list(message, entry["class"])

    def _negotiate(self, message: bytes, _identifier: int) -> None:
        count = min(little(message, 66, 2), 32)
        revisions = (little(message, 100 + 2 * place, 2) for place in range(count))
        self._activity.dialects = [named(DIALECTS, revision) for revision in revisions]

    def _session_setup(self, message: bytes, _identifier: int) -> None:
        self._activity.log_in(_part(message, 76))

    def _tree_connect(self, message: bytes, identifier: int) -> None:
        self._activity.ask(identifier, self._activity.tree(utf16(_part(message, 68))))

    def _create(self, message: bytes, identifier: int) -> None:
        action = named(DISPOSITIONS, little(message, 100, 4))
        if little(message, 104, 4) & DELETE_ON_CLOSE:
            action = "delete_on_close"
        self._last_created = utf16(_part(message, 108))
        entry = self._activity.file(action, self._last_created, little(message, 36, 4))
        self._activity.ask(identifier, entry)

    def _query_directory(self, message: bytes, identifier: int) -> None:
        self._activity.ask(identifier, {"class": little(message, 66, 1)})

    def _set_info(self, message: bytes, identifier: int) -> None:
        kind, detail = little(message, 66, 1), little(message, 67, 1)
        start = little(message, 72, 2)
        change = message[start : start + little(message, 68, 4)]
        share, name = little(message, 36, 4), self._name(message[80:96])
        entry = None
        if kind == _FILE_INFO and detail == _RENAME:
            new_name = utf16(change[20 : 20 + little(change, 16, 4)])
            entry = self._activity.file("rename", name, share, new_name)
        elif kind == _FILE_INFO and detail == _DISPOSITION and change[:1] == b"\1":
            entry = self._activity.file("delete", name, share)
        if entry is not None:
            self._activity.ask(identifier, entry)

    def _name(self, file: bytes) -> str:
        return self._last_created if file == LAST_CREATED else self._names.get(file, "")

    def _list(self, message: bytes, kind: int) -> None:
        start, size = little(message, 66, 2), little(message, 68, 4)
        entries = message[start : start + size]
        name_at, size_at = (12, 8) if kind == _NAMES_ONLY else (_NAME_OFFSETS.get(kind, 0), 60)
        at = 0
        while name_at and at < len(entries):
            size = little(entries, at + size_at, 4)
            self._activity.listed(utf16(entries[at + name_at : at + name_at + size]))
            step = little(entries, at, 4)
            if step < name_at:
                return
            at += step


def _part(message: bytes, at: int) -> bytes:
    """Return the bytes whose offset in the message and size stand at `at`, in two bytes each."""
    start, size = little(message, at, 2), little(message, at + 2, 2)
    return message[start : start + size] if start >= HEADER else b""
