"""Limits of a child process, from conf/fledge.conf and, for one module, from its own section."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from lib.cuckoo.common.exceptions import CuckooStartupError

_MAXIMUM = 1_000_000_000  # more overflows what the kernel takes

PREFIX = "limit_"
"""What the options start with: `limit_wall_seconds`, `limit_memory_mb` …"""


@dataclass(frozen=True)
class Limits:
    """What one child process may use; every number is at least 1."""

    wall_seconds: int = 300
    """From launch to the end; then SIGTERM, and SIGKILL `grace_seconds` later."""
    cpu_seconds: int = 300
    """Of a processor."""
    memory_mb: int = 2048
    """MiB of private memory, beyond what the engine had when it forked."""
    answer_mb: int = 256
    """MiB of the encoded answer."""
    file_mb: int = 1024
    """MiB of any one file that is written."""
    grace_seconds: int = 2
    """From SIGTERM to SIGKILL."""

    @property
    def answer_bytes(self) -> int:
        """`answer_mb` in bytes."""
        return self.answer_mb << 20

    def overridden(self, options: Mapping[str, Any], where: str) -> "Limits":
        """Return these limits with the `limit_…` options of a section in place; `where` names it in errors.

        Raises:
            CuckooStartupError: a limit is not a whole number from 1 to a thousand millions.
        """
        changes: dict[str, int] = {}
        for name in sorted(OPTION_NAMES & options.keys()):
            value = options[name]
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MAXIMUM:
                raise CuckooStartupError(
                    f"{where}: {name} must be a whole number from 1 to {_MAXIMUM:,}, not {value!r:.100}"
                )
            changes[name.removeprefix(PREFIX)] = value
        return replace(self, **changes)


OPTION_NAMES = frozenset(PREFIX + limit.name for limit in fields(Limits))
"""The options that the engine reads from any module's section."""
