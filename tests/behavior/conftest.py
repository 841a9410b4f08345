"""Both scanners run every test that reads a log; the compiled one where it was built."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lib.cuckoo.behavior import reader
from lib.cuckoo.behavior.calls import Calls
from lib.cuckoo.behavior.log import LogIndex
from lib.cuckoo.behavior.source import LogSource

ReadLog = Callable[[bytes], LogIndex]


@pytest.fixture(params=sorted(reader.available()))
def scanner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let one of the scanners read, and tell its name."""
    monkeypatch.setattr(reader, "_active", reader.available()[request.param])
    return str(request.param)


@pytest.fixture
def read(
    scanner: str,  # noqa: ARG001 - chooses who reads
    tmp_path: Path,
) -> ReadLog:
    """Read bytes as the log of process 3052."""

    def read_log(log: bytes) -> LogIndex:
        path = tmp_path / "logs" / "3052.bson"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(log)
        index = LogIndex(LogSource(path, 1 << 20))
        index.read()
        return index

    return read_log


@pytest.fixture
def calls(read: ReadLog) -> Callable[[bytes], Calls]:
    """Read bytes as a log and give the calls of its last process."""
    return lambda log: read(log).calls("logs/3052.bson")[-1]
