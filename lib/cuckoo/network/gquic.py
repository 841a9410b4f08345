"""Google's QUIC before the standard (its wire specification of 2016): version and server name of a connection.

Up to version Q046 the client's hello is in the clear. It is no hello of TLS: a message "CHLO" of tagged values.
Record "quic" as that of the standard's connections; what TLS alone has is None or empty.
"""

import re
from struct import Struct

from lib.cuckoo.network.conversation import Context, Record, printable
from lib.cuckoo.network.hello import describe_client, describe_server

_HEADER = re.compile(rb"(?:[\xc0-\xff]|[\x09-\x3f].{8})(Q0[2-5]\d)", re.DOTALL)
"""The long header of Q046 and later, or flags and connection of the versions before; the version follows."""
_HELLO = b"CHLO"
_HELLO_WITHIN = 96
"""Bytes of a datagram within which the hello begins: behind the header, a hash and a frame's header."""
_SERVER_NAME = b"SNI\0"
MOST_TAGS = 128
_tags = Struct("<4sI").iter_unpack


def is_gquic(payload: bytes) -> bool:
    """True when a datagram says which version of Google's QUIC it is of."""
    return _HEADER.match(payload) is not None


def server_name(payload: bytes) -> str | None:
    """Return the name that a client's hello asks for, "" for none; None when the datagram holds no hello.

    The hello is a number of tags, each with the offset where its value ends, and the values behind them.
    """
    at = payload.find(_HELLO, 0, _HELLO_WITHIN)
    if at < 0:
        return None
    count = min(int.from_bytes(payload[at + 4 : at + 6], "little"), MOST_TAGS)
    table = payload[at + 8 : at + 8 + 8 * count]
    start, values = 0, payload[at + 8 + 8 * count :]
    for tag, end in _tags(table[: len(table) - len(table) % 8]):
        if tag == _SERVER_NAME:
            return printable(values[start:end], 255)
        start = end
    return ""


class Gquic:
    """One UDP flow that carries Google's QUIC; every `data` is one datagram."""

    swapped = False

    def __init__(self, _context: Context) -> None:
        self.records: list[Record] = []
        self._started = 0.0
        self._version = ""
        self._name: str | None = None

    def data(self, _side: int, payload: bytes | memoryview, time: float) -> None:
        """Take a datagram; none matters behind the hello."""
        found = _HEADER.match(payload) if self._name is None else None
        if found is None:
            return
        self._started = self._started or time
        self._version = self._version or found[1].decode("ascii")
        self._name = server_name(bytes(payload))

    def gap(self, side: int, size: int) -> None:
        """Datagrams have no gaps."""

    def close(self) -> None:
        """Write the record."""
        if self._version:
            client = describe_client(None) | {"sni": self._name}
            record: Record = {"protocol": "quic", "time": self._started, "version": f"gQUIC {self._version}"}
            self.records.append(record | client | describe_server(None) | {"flaws": []})
