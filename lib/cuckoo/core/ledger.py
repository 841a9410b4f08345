"""The ledger: what happened to each module, and what was wrong with the configuration."""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypedDict

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


class Outcome(StrEnum):
    """How a module ended. Only COMPLETED and CACHED put a section into the results."""

    COMPLETED = "COMPLETED"
    """Ran and answered."""
    CACHED = "CACHED"
    """Did not run: nothing that its last answer was made from has changed since, and that answer was taken."""
    DISABLED = "DISABLED"
    """Kept from running by the configuration, its class, its platform or a file that takes its place."""
    UNCONFIGURED = "UNCONFIGURED"
    """Has no section in the configuration, so did not run."""
    UNLOADABLE = "UNLOADABLE"
    """The file could not be imported."""
    UNAVAILABLE = "UNAVAILABLE"
    """A library or program it needs is not installed."""
    FAILED = "FAILED"
    """Reported that the data of this analysis cannot be processed, or broke the contract."""
    CRASHED = "CRASHED"
    """Raised something else, or its process died: a fault of the module."""
    TIMED_OUT = "TIMED_OUT"
    """Ended at its limit of wall-clock or CPU time."""
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    """Ended at its limit of memory."""
    TOO_LARGE = "TOO_LARGE"
    """Its answer was larger than the limit."""
    REFUSED = "REFUSED"
    """Its key belongs to a module that came before, or to the engine."""

    @property
    def is_failure(self) -> bool:
        """True when the user lost something to a fault: everything but a choice of the configuration."""
        return self not in _NO_FAILURES

    @property
    def is_answer(self) -> bool:
        """True when there is an answer, of this run or of an earlier one."""
        return self in {Outcome.COMPLETED, Outcome.CACHED}


_NO_FAILURES = frozenset(
    {
        Outcome.COMPLETED,
        Outcome.CACHED,
        Outcome.DISABLED,
        Outcome.UNCONFIGURED,
        Outcome.UNAVAILABLE,
    }
)


_CLASS = TypedDict("_CLASS", {"class": str | None})
"""Of the module; null when the file was not loaded, and for a part of a module's work."""


class RunRecord(_CLASS):
    """What became of a module, of a part of its work, or of a signature that failed."""

    module: str
    """File name without ending; of a part `memory.pslist`; of a signature its name."""
    file: str
    """Where it is defined."""
    outcome: str
    """COMPLETED, CACHED, DISABLED, UNCONFIGURED, UNLOADABLE, UNAVAILABLE, FAILED, CRASHED, TIMED_OUT …"""
    key: str | None
    """The section that it writes; null when that is not known."""
    order: int | None
    """Of the class: lower runs earlier."""
    reason: str
    """Why it ended so, in one line; empty when it completed."""
    traceback: str
    """Of a crash; of a process that was killed, what it said last."""
    notes: list[str]
    """What it says that its answer lacks."""
    output: str
    """The last 8 KiB of what it printed or logged."""
    wall_seconds: float
    """On the clock; 0 for what did not run."""
    cpu_seconds: float
    """Of a processor; 0 for what did not run."""
    peak_memory_bytes: int
    """Resident memory of its process, what it shares with the engine included."""
    answer_bytes: int
    """Size of the encoded answer."""
    cached_from: str
    """When an answer was computed that was taken from the cache, "2026-01-31 13:21:44" (UTC); else empty."""
    cached_seconds: float
    """What it took then, on the clock."""


@dataclass(frozen=True)
class Run:
    """One line of the ledger. Times in seconds, sizes in bytes."""

    module: str
    """File name without ending, which is also the section of the configuration."""
    file: str
    outcome: Outcome
    class_name: str | None = None
    key: str | None = None
    order: int | None = None
    reason: str = ""
    """Why it ended so, in one line; empty when it completed."""
    traceback: str = ""
    notes: tuple[str, ...] = ()
    """What the module says about its own answer: skipped, truncated, left out."""
    output: str = ""
    """The last of what the module printed or logged."""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    answer_bytes: int = 0
    units: tuple["Run", ...] = ()
    """Lines of their own for parts of the module's work; its class is not named in them."""
    cached_from: str = ""
    """When the answer was computed, as "2026-01-31 13:21:44" in UTC, for one that was taken from the cache."""
    cached_seconds: float = 0.0
    """What it took then, on the clock."""

    @property
    def error(self) -> str:
        """Reason and traceback, for a reader who wants to know all."""
        return "\n".join(part for part in (self.reason, self.traceback) if part)

    def as_record(self) -> RunRecord:
        """Return the line as plain data, without its units."""
        return {
            "module": self.module,
            "file": self.file,
            "outcome": str(self.outcome),
            "class": self.class_name,
            "key": self.key,
            "order": self.order,
            "reason": self.reason,
            "traceback": self.traceback,
            "notes": list(self.notes),
            "output": self.output,
            "wall_seconds": self.wall_seconds,
            "cpu_seconds": self.cpu_seconds,
            "peak_memory_bytes": self.peak_memory_bytes,
            "answer_bytes": self.answer_bytes,
            "cached_from": self.cached_from,
            "cached_seconds": self.cached_seconds,
        }

    def without_measures(self) -> "Run":
        """Return the line without what differs between two runs on the same input."""
        return replace(
            self,
            traceback=_ADDRESS.sub("0x…", self.traceback),
            reason=_ADDRESS.sub("0x…", self.reason),
            output="",
            wall_seconds=0.0,
            cpu_seconds=0.0,
            peak_memory_bytes=0,
            answer_bytes=0,
            units=tuple(unit.without_measures() for unit in self.units),
        )


@dataclass(frozen=True)
class Problem:
    """Something about configuration, modules or the task that the user should mend; it stopped nothing else."""

    kind: str
    """"section without a file", "file without a section", "unknown option", "import failed", "task", …"""
    message: str
    """What is wrong, in one line."""
    file: str
    """Where it is wrong."""
    line: int = 0
    """From 1; 0 where no line is to blame."""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.message}"


@dataclass
class Ledger:
    """All runs and problems of one analysis, in the order in which they came."""

    runs: list[Run] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def failures(self) -> list[Run]:
        """Return the runs that lost something."""
        return [run for run in self.runs if run.outcome.is_failure]
