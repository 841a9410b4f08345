"""Secrets of TLS connections, from the logs that programs and sandboxes write.

Three formats, line by line, in any mixture: the NSS key log (`LABEL client_random secret`, in hexadecimal,
as SSLKEYLOGFILE and pcapng carry it), the classic tlsmaster.txt (`RSA Session-ID:… Master-Key:…`), and that
of the monitor (`client_random: …, server_random: …, master_secret: …`).
"""

import re
from binascii import unhexlify

MAXIMUM_SECRETS = 50_000
"""Secrets kept of all logs together; one takes some 800 bytes."""
MASTER = "CLIENT_RANDOM"
"""The label of a master secret (TLS 1.2 and before)."""
_LINE = re.compile(rb"[^\r\n\v\f\x1c-\x1e]{100,1000}")
"""What may be a line with a secret: the shortest has 101 characters."""
_NSS = re.compile(rb"([A-Z][A-Z0-9_]{2,40}) ([0-9A-Fa-f]{64}) ((?:[0-9A-Fa-f]{2}){16,64})")
_SESSION = re.compile(rb"RSA Session-ID:((?:[0-9A-Fa-f]{2}){1,32}) Master-Key:([0-9A-Fa-f]{96})")
_DUMPED = re.compile(
    rb"client_random: ([0-9A-Fa-f]{64}), server_random: [0-9A-Fa-f]{64}, master_secret: ([0-9A-Fa-f]{96})"
)
_OF_SESSION = ""
"""Stands for the label where a secret belongs to a session."""
Secret = tuple[str, bytes, bytes]
"""Label, what it belongs to, and the secret."""


class Secrets:
    """Secrets, by the connection that they belong to.

    Attributes:
        dropped: those beyond the bound.
    """

    def __init__(self) -> None:
        self._by_random: dict[bytes, dict[str, bytes]] = {}
        self._by_session: dict[bytes, bytes] = {}
        self._count = 0
        self.dropped = 0

    def __len__(self) -> int:
        return self._count

    def read(self, log: bytes | str) -> int:
        """Add the secrets of a log; return how many. Lines that are none, comments among them, are skipped."""
        content = log if isinstance(log, bytes) else log.encode("ascii", "replace")
        before = self._count
        for line in _LINE.finditer(content):
            secret = _secret(line[0].strip())
            if secret is None:
                continue
            if self._count < MAXIMUM_SECRETS:
                self._add(*secret)
            else:
                self.dropped += 1
        return self._count - before

    def _add(self, label: str, owner: bytes, secret: bytes) -> None:
        self._count += 1
        if label == _OF_SESSION:
            self._by_session[owner] = secret
        else:
            self._by_random.setdefault(owner, {})[label] = secret

    def find(self, label: str, client_random: bytes) -> bytes | None:
        """Return the secret of this label of the connection with this client random."""
        return self._by_random.get(client_random, {}).get(label)

    def master(self, client_random: bytes, session_id: bytes) -> bytes | None:
        """Return the master secret of a connection, by its client random or its session."""
        return self.find(MASTER, client_random) or self._by_session.get(session_id)


def _secret(line: bytes) -> Secret | None:
    """Read a line of any of the formats; None when it has no secret."""
    if (found := _NSS.fullmatch(line)) is not None:
        return found[1].decode("ascii"), unhexlify(found[2]), unhexlify(found[3])
    if (found := _DUMPED.fullmatch(line)) is not None:
        return MASTER, unhexlify(found[1]), unhexlify(found[2])
    if (found := _SESSION.fullmatch(line)) is not None:
        return _OF_SESSION, unhexlify(found[1]), unhexlify(found[2])
    return None
