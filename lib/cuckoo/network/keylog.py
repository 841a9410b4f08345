"""Secrets of TLS connections, from the logs that programs and sandboxes write.

Three formats, line by line, in any mixture: the NSS key log (`LABEL client_random secret`, in hexadecimal,
as SSLKEYLOGFILE and pcapng carry it), the classic tlsmaster.txt (`RSA Session-ID:… Master-Key:…`), and that
of the monitor (`client_random: …, server_random: …, master_secret: …`).
"""

import re

MAXIMUM_SECRETS = 500_000
"""Secrets kept of one log; a line takes some 200 bytes."""
MASTER = "CLIENT_RANDOM"
"""The label of a master secret (TLS 1.2 and before)."""
_NSS = re.compile(r"([A-Z][A-Z0-9_]{2,40}) ([0-9A-Fa-f]{64}) ((?:[0-9A-Fa-f]{2}){16,64})")
_SESSION = re.compile(r"RSA Session-ID:((?:[0-9A-Fa-f]{2}){1,32}) Master-Key:([0-9A-Fa-f]{96})")

_DUMPED = re.compile(
    r"client_random: ([0-9A-Fa-f]{64}), server_random: [0-9A-Fa-f]{64}, master_secret: ([0-9A-Fa-f]{96})"
)


class Secrets:
    """Secrets, by the connection that they belong to."""

    def __init__(self) -> None:
        self._by_random: dict[bytes, dict[str, bytes]] = {}
        self._by_session: dict[bytes, bytes] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def read(self, log: bytes | str) -> int:
        """Add the secrets of a log; return how many. Lines that are none, comments among them, are skipped."""
        text = log if isinstance(log, str) else log.decode("ascii", "replace")
        before = self._count
        for line in text.splitlines():
            if self._count >= MAXIMUM_SECRETS:
                break
            self._add(line.strip())
        return self._count - before

    def _add(self, line: str) -> None:
        if (found := _NSS.fullmatch(line)) is not None:
            of_connection = self._by_random.setdefault(bytes.fromhex(found[2]), {})
            of_connection[found[1]] = bytes.fromhex(found[3])
        elif (found := _DUMPED.fullmatch(line)) is not None:
            self._by_random.setdefault(bytes.fromhex(found[1]), {})[MASTER] = bytes.fromhex(found[2])
        elif (found := _SESSION.fullmatch(line)) is not None:
            self._by_session[bytes.fromhex(found[1])] = bytes.fromhex(found[2])
        else:
            return
        self._count += 1

    def find(self, label: str, client_random: bytes) -> bytes | None:
        """Return the secret of this label of the connection with this client random."""
        return self._by_random.get(client_random, {}).get(label)

    def master(self, client_random: bytes, session_id: bytes) -> bytes | None:
        """Return the master secret of a connection, by its client random or its session."""
        return self.find(MASTER, client_random) or self._by_session.get(session_id)
