"""Which folders are analyses, which hold some, and what is known of each without processing it.

An analysis is what a sandbox wrote: a folder with one of the items of `ITEMS` in it. A folder without any that has
other folders in it holds analyses. Links in such a folder, like `latest`, and hidden names are passed over.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lib.cuckoo.analysis.inputs import LEFT_BY_SANDBOXES
from lib.cuckoo.analysis.task import load_task
from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.text import readable_name
from lib.cuckoo.core.batch.place import Place

ITEMS = LEFT_BY_SANDBOXES | {"reports"}
"""What lies at the top of an analysis, of whatever family."""
REPORTS = ("reports/report.json", "reports/report.json.gz", "reports/report.json.zst")
_PATH_CHARACTERS = 4096
_DIGITS = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Analysis:
    """An analysis folder of a place."""

    place: Place
    name: str

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> "Analysis":
        """Return the analysis that a path really leads to."""
        real = os.path.realpath(path)
        return cls(Place.beside(real), os.path.basename(real))  # noqa: PTH119 - a name may be no Unicode

    @property
    def path(self) -> Path:
        """The folder, absolute."""
        return self.place.folder / self.name

    @property
    def shown(self) -> str:
        """The path as journals and people get it."""
        return path_text(str(self.path))

    def has_report(self) -> bool:
        """Tell whether a report was written, which appears whole or not at all."""
        return any((self.path / report).is_file() for report in REPORTS)

    def time(self) -> datetime:
        """Return when it was completed or else started, as its task says; else when its folder was changed."""
        task = load_task(self.path).fields
        for key in ("completed_on", "started_on"):
            time = _parsed(task[key])
            if time is not None:
                return time
        return datetime.fromtimestamp(self.path.stat().st_mtime)  # noqa: DTZ006 - tasks tell local time


def path_text(path: str) -> str:
    """Return a path as valid Unicode of bounded length."""
    return readable_name(path)[:_PATH_CHARACTERS]


def holds_analyses(path: Path) -> bool:
    """Tell whether a folder is none itself and has folders in it that may be.

    Raises:
        OSError: it cannot be read.
    """
    found = False
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name in ITEMS:
                return False
            found = found or _may_be_analysis(entry)
    return found


def names_in(folder: Path) -> list[str]:
    """Return the names of the analyses in a folder: those that are numbers in their order, then the others.

    Raises:
        CuckooOperationalError: it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted((entry.name for entry in entries if _may_be_analysis(entry)), key=in_order)
    except OSError as error:
        raise CuckooOperationalError(f"cannot read the folder {folder}: {error.strerror}") from error


def in_order(name: str) -> tuple[int, int, str]:
    """Return the key by which names are sorted."""
    return (0, int(name), name) if _DIGITS.fullmatch(name) else (1, 0, name)


def found_at(path: Path) -> Iterator[Analysis]:
    """Yield the analyses that a path means: itself, or all those in it.

    Raises:
        CuckooOperationalError: the folder cannot be read.
    """
    try:
        several = holds_analyses(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CuckooOperationalError(f"cannot read the analysis folder {path}: {reason}") from error
    if not several:
        yield Analysis.at(path)
        return
    place = Place(path)
    for name in names_in(place.folder):
        yield Analysis(place, name)


def _may_be_analysis(entry: "os.DirEntry[str]") -> bool:
    return not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)


def _parsed(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=None) if text else None
    except ValueError:
        return None
