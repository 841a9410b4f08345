"""What an answer depends on, said by those who alone know it.

Answers of modules are kept and taken again as long as nothing that they were made from has changed. What a module
opens and lists through Python is noticed by itself; the functions below are for the rest. They raise the
interpreter's audit events, so that they cost next to nothing where nobody listens.
"""

import os
import sys

READS = "fledge.reads"
UNTIL = "fledge.until"
PASSING = "fledge.passing"


def depends_on(path: str | os.PathLike[str]) -> None:
    """Say that the answer depends on a file or folder that Python does not open itself.

    For files that a native library opens by name, and for those that were looked for and are not there.
    """
    sys.audit(READS, os.fspath(path))


def holds_until(seconds: float) -> None:
    """Say when the answer may become another one although nothing changed, in seconds since 1970."""
    sys.audit(UNTIL, float(seconds))


def will_not_last(reason: str) -> None:
    """Say that the same question may have another answer next time, so that this one must not be kept.

    For what depends on the clock, on a time limit that was reached, on chance or on another machine.
    """
    sys.audit(PASSING, reason)
