"""Who holds a lease: the text of a lease file, and whether its process still runs."""

import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

LARGEST_BYTES = 64 << 10


@dataclass(frozen=True)
class Holder:
    """A process that works on an analysis."""

    token: str
    """32 hexadecimal digits that no other lease has; they name this attempt at the analysis, too."""
    name: str = ""
    """Of the analysis, as the file system has it; bytes that are no UTF-8 are lone surrogates."""
    journal: str = ""
    """Path of the journal of its run."""
    host: str = ""
    machine: str = ""
    """What tells a running kernel and its process numbers from all others: boot id and process namespace."""
    pid: int = 0
    born: int = 0
    """When the process was started, in clock ticks since the kernel was: numbers are used again."""
    since: str = ""

    def as_bytes(self) -> bytes:
        """Return the text of the lease file."""
        return json.dumps(asdict(self)).encode() + b"\n"

    def runs_here(self) -> bool | None:
        """Tell whether the process runs; None if it belongs to another machine."""
        if not self.machine or self.machine != this_machine():
            return None
        return _birth(self.pid) == self.born

    def __str__(self) -> str:
        if not self.pid:
            return "somebody who left a damaged lease"
        since = f" since {self.since}" if self.since else ""
        return f"process {self.pid} on {self.host or 'an unknown host'}{since}"


def ourselves(token: str, name: str, journal: str) -> Holder:
    """Return this process as the holder of a lease on `name`."""
    pid = os.getpid()
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return Holder(token, name, journal, os.uname().nodename, this_machine(), pid, _birth(pid), since)


def parse(data: bytes) -> Holder:
    """Return the holder that a lease file names; what is damaged has a digest for token and no process."""
    try:
        record = json.loads(data)
        return Holder(**_typed(record))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Holder(hashlib.blake2b(data, digest_size=16).hexdigest())


def _typed(record: dict[str, Any]) -> dict[str, Any]:
    """Return the fields, all there and each of its type.

    Raises:
        TypeError: one is not.
    """
    defaults = asdict(Holder(""))
    fields: dict[str, Any] = {name: record.get(name) for name in defaults}
    if any(type(fields[name]) is not type(default) for name, default in defaults.items()):
        raise TypeError("not the text of a lease")
    if len(fields["token"]) != 32 or not fields["token"].isalnum():  # it becomes part of a file's name
        raise TypeError("not a token")
    return fields


def this_machine() -> str:
    """Return what no other kernel and no other container has; "" where that is not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _birth(pid: int) -> int:
    """Return when a process was started, in clock ticks; 0 if there is none or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in {"Z", "X"} else int(fields[19])
