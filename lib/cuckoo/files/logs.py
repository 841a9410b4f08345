"""The sandbox's own logs of an analysis, from guest and host, and the errors in them.

Lines look like `2016-08-25 22:44:59,002 [lib.cuckoo.core.scheduler] INFO: message`, the format that all families
give Python's logging; a traceback follows its message, line by line, without a prefix.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.text import readable_text

_RECORD = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d+ \[[^\]\n]{0,200}\] (?P<level>[A-Z]{4,8}): ?(?P<message>.*)"
)
_TRACEBACK = "Traceback (most recent call last)"
_LEVELS = {"ERROR", "CRITICAL"}
_NOTICES = ("Encountered an unknown process while in monitoring mode",)
"""What the guest logs as CRITICAL although nothing went wrong: it tells of every process that it did not expect."""
LONGEST_ERROR = 10_000
"""Characters kept of one error; a traceback can hold values of the sample's choosing."""


@dataclass(frozen=True)
class Log:
    """The text of a log; `left_out` counts the bytes missing in its middle, where the text says so, too."""

    text: str
    left_out: int


def read_log(stream: BinaryIO, maximum: int) -> Log:
    """Read a log of at most `maximum` bytes whole, of a longer one the beginning and the end, a half each.

    Bytes that are not UTF-8 become backslash escapes.

    Raises:
        CuckooProcessingError: reading failed.
    """
    try:
        size = stream.seek(0, 2)
        stream.seek(0)
        if size <= maximum:
            return Log(readable_text(stream.read(maximum)), 0)
        head = stream.read(maximum // 2)
        stream.seek(size - (maximum - len(head)))
        tail = stream.read(maximum - len(head))
    except OSError as error:
        raise CuckooProcessingError(f"cannot read {stream.name}: {error.strerror}") from error
    left_out = size - len(head) - len(tail)
    return Log(f"{readable_text(head)}\n[{left_out} bytes left out]\n{readable_text(tail)}", left_out)


def log_errors(text: str) -> Iterator[str]:
    """Yield the errors in a log, in order: records of level ERROR and CRITICAL, and tracebacks.

    An error is its record with the lines that follow it up to the next record; a traceback below a record of
    a lower level counts with that record.
    """
    for record in _records(text):
        head = _RECORD.match(record)
        bad = head is not None and head["level"] in _LEVELS and not head["message"].startswith(_NOTICES)
        if bad or _TRACEBACK in record:
            yield record[:LONGEST_ERROR].rstrip()


def _records(text: str) -> Iterator[str]:
    """Split a log into records, each with the lines that belong to it."""
    lines: list[str] = []
    for line in text.split("\n"):
        if lines and _RECORD.match(line):
            yield "\n".join(lines)
            lines = []
        lines.append(line.removesuffix("\r"))
    yield "\n".join(lines)
