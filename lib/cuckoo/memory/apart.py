"""Work in a forked child that streams records back, so that one plugin's crash or hang costs that plugin.

The child starts from what its parent has built already: image, layers and symbols are read once for all. Records are
lines of JSON: whoever controls the child can lie in them, and do no more. What had arrived when the child died is kept.
"""

import json
import os
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Send = Callable[[Any], None]
_READ_BYTES = 1 << 16
_MAX_TEXT = 4000


@dataclass
class Arrived:
    """What came of a child."""

    records: list[Any] = field(default_factory=list)
    error: dict[str, str] | None = None
    """`type`, `bases` (names of its base classes), `text` and `traceback` of what it raised."""
    ending: str = ""
    """Why it ended before it was done: "time", "memory", "size", or the name of a signal; "" when it was done."""
    seconds: float = 0.0
    size_bytes: int = 0
    """Of what arrived."""


def perform(work: Callable[[Send], None], seconds: float, answer_bytes: int, memory_bytes: int) -> Arrived:
    """Do `work` in a fork, for at most so many seconds; it gets a function that sends a record of plain data.

    Args:
        work: called in the child; may raise anything.
        seconds: wall-clock time, after which it is killed.
        answer_bytes: size of all its records together, as JSON.
        memory_bytes: private memory beyond what this process has.
    """
    read_end, write_end = os.pipe()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        _be_child(work, write_end, memory_bytes)
    os.close(write_end)
    arrived = Arrived()
    reader = _Reader(arrived, answer_bytes)
    try:
        arrived.ending = _listen(reader, read_end, started + seconds)
    finally:
        os.close(read_end)
        if arrived.ending or not reader.finished:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    arrived.seconds = time.monotonic() - started
    if not arrived.ending and not reader.finished:
        arrived.ending = _name_of_end(status)
    return arrived


class _Reader:
    """Puts lines together and sorts them into an `Arrived`."""

    def __init__(self, arrived: Arrived, maximum: int) -> None:
        self.finished = False
        self._arrived = arrived
        self._left = maximum
        self._pieces: list[bytes] = []

    def take(self, chunk: bytes) -> bool:
        """File the records of a chunk; False when there are more bytes than agreed."""
        self._left -= len(chunk)
        self._arrived.size_bytes += len(chunk)
        if self._left < 0:
            return False
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._file(b"".join([*self._pieces, line]))
            self._pieces = []
        self._pieces.append(rest)
        return True

    def _file(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(message, dict):
            return
        if "record" in message:
            self._arrived.records.append(message["record"])
        elif isinstance(message.get("error"), dict):
            self._arrived.error = {str(name): str(text) for name, text in message["error"].items()}
            self.finished = True
        elif "done" in message:
            self.finished = True


def _listen(reader: _Reader, source: int, deadline: float) -> str:
    """Read until the child is done or gone; return why it has to be ended."""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return "time"
        if not select.select([source], [], [], left)[0]:
            continue
        chunk = os.read(source, _READ_BYTES)
        if not chunk:
            return ""
        if not reader.take(chunk):
            return "size"


def _name_of_end(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit status {os.waitstatus_to_exitcode(status)}"


def _be_child(work: Callable[[Send], None], pipe: int, memory_bytes: int) -> None:
    """Do the work and leave; nothing of the parent's stack may run in the child."""
    reserve = bytearray(1 << 20)  # given back when memory runs out, so that there is some to say so
    try:
        with os.fdopen(pipe, "wb") as stream:

            def write(message: dict[str, Any]) -> None:
                stream.write(json.dumps(message, default=str).encode() + b"\n")
                stream.flush()

            try:
                _limit_memory(memory_bytes)
                work(lambda record: write({"record": record}))
                write({"done": True})
            except BaseException as error:  # noqa: BLE001 - the end of the child's stack
                reserve.clear()
                write({"error": _described(error)})
    finally:
        os._exit(0)


def _described(error: BaseException) -> dict[str, str]:
    trace = "".join(traceback.format_exception(error, limit=-20))
    return {
        "type": type(error).__name__,
        "bases": " ".join(base.__name__ for base in type(error).__mro__),
        "text": str(error)[:_MAX_TEXT],
        "traceback": trace[-_MAX_TEXT:],
    }


def _limit_memory(memory_bytes: int) -> None:
    """Bound private memory (RLIMIT_DATA), never above what already holds."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    used = next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData:")), 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bounds = [used + memory_bytes, *(bound for bound in (soft, hard) if bound != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), hard))
