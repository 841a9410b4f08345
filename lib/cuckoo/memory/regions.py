"""Regions that malfind points at: read, typed, hashed and written into the analysis, within bounds."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.filetype import describe_bytes
from lib.cuckoo.common.shapes import YaraMatch
from lib.cuckoo.memory.shapes import DumpedRegion

FOLDER = "memory_regions"
"""The folder inside the analysis; `memory/` holds the sandbox's own dumps."""
_TYPED_BYTES = 4096
_DIGITS = 16


@dataclass(frozen=True)
class RegionLimits:
    """How much is dumped: regions, bytes of one, bytes of all."""

    regions: int
    region_bytes: int
    total_bytes: int


class Scanner(Protocol):
    """Gives the YARA matches of some bytes, and what went wrong meanwhile, in sentences."""

    problems: list[str]

    def scan(self, data: Any) -> list[YaraMatch]:
        """Return the records of the matches."""


@dataclass(frozen=True)
class Region:
    """A stretch of a process's memory; `end` is the first address behind it."""

    pid: int
    start: int
    end: int


def region_of(row: Mapping[str, Any]) -> Region | None:
    """Return the region that a row of malfind describes; None if it describes none.

    Windows gives the address of the last byte ("End VPN"), the others that behind it.
    """
    try:
        start = int(str(row.get("Start VPN", row.get("Start"))), 16)
        last = row.get("End VPN")
        end = int(str(row.get("End") if last is None else last), 16) + (last is not None)
        pid = int(row["PID"])
    except (KeyError, TypeError, ValueError):
        return None
    return Region(pid, start, end) if 0 <= start < end and pid >= 0 else None


class Regions:
    """Writes regions below the bounds and remembers what it left out."""

    def __init__(self, analysis: Path, limits: RegionLimits, scanner: Scanner | None) -> None:
        """Write into `memory_regions/` of the analysis; regions are not scanned without a scanner."""
        self.left_out = 0
        self._folder = analysis / FOLDER
        self._limits = limits
        self._left = limits.total_bytes
        self._files = 0
        self._scanner = scanner

    def keep(self, region: Region, read: Callable[[Region, int], bytes]) -> DumpedRegion | None:
        """Write a region and return its record; None for one that is left out or cannot be read.

        Args:
            region: what to keep.
            read: gives the first bytes of a region, of which there may be fewer than it is asked for.

        Returns:
            pid, start, size (of the region), path, dumped (bytes written), sha256, type, yara.

        Raises:
            CuckooProcessingError: the folder cannot be written.
        """
        size = min(region.end - region.start, self._limits.region_bytes)
        if self._files >= self._limits.regions or size > self._left:
            self.left_out += 1
            return None
        data = read(region, size)[:size]
        if not data:
            return None
        self._files += 1
        self._left -= len(data)
        return {
            "pid": region.pid,
            "start": f"{region.start:#x}",
            "size": region.end - region.start,
            "path": self._write(f"{region.pid}-{region.start:#0{_DIGITS + 2}x}.bin", data),
            "dumped": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "type": describe_bytes(data[:_TYPED_BYTES]),
            "yara": self._scanner.scan(data) if self._scanner else [],
        }

    def _write(self, name: str, data: bytes) -> str:
        """Write a file anew; neither folder nor file may be a link to elsewhere."""
        path = self._folder / name
        try:
            self._folder.mkdir(exist_ok=True)
            if self._folder.is_symlink():
                raise NotADirectoryError(f"{self._folder} is a link")
            path.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        except OSError as error:
            raise CuckooProcessingError(f"cannot save a region: {error}") from error
        return str(path)
