"""Where kept answers lie on disk.

`<folder>/<first 32 digits of the SHA-256 of the analysis' path>/` holds for each module one file: a mark, the SHA-256
of what follows, the size of the record, the record (MessagePack), and the answer as the module's process wrote it.
Each appears whole or not at all. What is damaged, or could have been written by anybody else, counts as absent.
"""

import contextlib
import hashlib
import mmap
import os
import re
import shutil
import stat
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.common.ini import read_sections
from lib.cuckoo.common.options import Options
from lib.cuckoo.common.replacing import replacing
from lib.cuckoo.common.root import Root
from lib.cuckoo.core.answer import pack, unpack

_MARK = b"fledge-kept-1\n\0\0"
_HEAD = struct.Struct("<16s32sQ")
_NAMES = "path"
_ENDING = ".kept"
_INDEX = "files.index"
_SWEPT = "swept"
_SWEEP_SECONDS = 60
_DAY = 86_400
_NOBODY = b""
_PATH_BYTES = 4096
_PLACE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Kept:
    """An answer that was found."""

    record: dict[str, Any]
    answer: memoryview


@dataclass(frozen=True)
class Holding:
    """What is kept of one analysis."""

    folder: Path
    """In the cache."""
    analysis: str
    answers: list[str]
    """Names, as `<stage>.<module>.<class>`."""
    size_bytes: int
    used: float
    """When it was last kept or taken, in seconds since 1970."""

    @property
    def unused_days(self) -> float:
        """Days since then."""
        return (time.time() - self.used) / _DAY

    def as_record(self) -> dict[str, Any]:
        """Return it as plain data."""
        return vars(self) | {"folder": str(self.folder), "used": round(self.used, 3)}


class Shelf:
    """The folder of kept answers; bounded in size and age by `sweep`."""

    def __init__(self, folder: Path, megabytes: int, days: int) -> None:
        self.folder = folder
        self.megabytes = megabytes
        self.days = days

    def place(self, analysis: str) -> Path:
        """Return where the answers about an analysis lie, which is known by its path."""
        return self.folder / hashlib.sha256(os.fsencode(analysis)).hexdigest()[:32]

    def get(self, analysis: str, name: str) -> Kept | None:
        """Return an answer by its name, None if there is none or it is damaged."""
        return _read(self.place(analysis) / f"{name}{_ENDING}")

    def put(self, analysis: str, name: str, record: dict[str, Any], answer: memoryview | bytes) -> None:
        """Keep an answer in the place of an earlier one.

        Raises:
            OSError: it cannot be written, or others could change it.
            UnencodableError: the record is not plain data.
        """
        place = self._made(analysis)
        _write(place / f"{name}{_ENDING}", record, answer)

    def index(self, analysis: str) -> dict[str, Any]:
        """Return what `put_index` kept, {} if there is nothing."""
        kept = _read(self.place(analysis) / _INDEX)
        return kept.record if kept else {}

    def put_index(self, analysis: str, record: dict[str, Any]) -> None:
        """Keep what belongs to all answers of an analysis. Errors as from `put`."""
        _write(self._made(analysis) / _INDEX, record)

    def code(self) -> dict[str, Any]:
        """Return what `put_code` kept."""
        kept = _read(self.folder / "code.index")
        return kept.record if kept else {}

    def put_code(self, record: dict[str, Any]) -> None:
        """Keep what belongs to all analyses. Errors as from `put`."""
        _make_ours(self.folder)
        _write(self.folder / "code.index", record)

    def touch(self, analysis: str) -> None:
        """Remember that answers about an analysis were used."""
        with contextlib.suppress(OSError):
            os.utime(self.place(analysis))

    def holdings(self) -> Iterator[Holding]:
        """Yield what is kept, of each analysis, in no order.

        A folder counts by its name and the path that it notes: [cache] may name a folder in which other things lie.
        """
        with contextlib.suppress(OSError):
            for place in self.folder.iterdir():
                if _PLACE.fullmatch(place.name) and place.is_dir() and not place.is_symlink():
                    holding = _holding(place)
                    if place == self.place(holding.analysis):
                        yield holding

    def why_unused(self) -> str:
        """Return why nothing is taken from the folder or put there, "" when it is used."""
        try:
            _require_ours(os.lstat(self.folder), self.folder)
        except FileNotFoundError:
            return ""  # it is made when something is kept
        except OSError as error:
            return str(error)
        return "" if self.folder.is_dir() else f"{self.folder} is no folder"

    def drop(self, holding: Holding) -> None:
        """Remove all answers about one analysis; one that takes them meanwhile keeps what it has mapped."""
        shutil.rmtree(holding.folder, ignore_errors=True)

    def sweep(self, *, at_once: bool = False) -> None:
        """Remove what was not used for so many days, then what was used longest ago until the rest fits.

        Not more often than once a minute, unless `at_once`: a look at everything costs.
        """
        if self.why_unused():
            return
        mark = self.folder / _SWEPT
        with contextlib.suppress(OSError):
            if not at_once and 0 <= time.time() - mark.stat().st_mtime < _SWEEP_SECONDS:
                return
        with contextlib.suppress(OSError):
            mark.touch(0o600)
        left = self.megabytes << 20
        for holding in sorted(self.holdings(), key=lambda each: each.used, reverse=True):
            left -= holding.size_bytes
            if left < 0 or holding.unused_days > self.days:
                self.drop(holding)

    def _made(self, analysis: str) -> Path:
        """Make the folder of an analysis, with a note of its path for people."""
        place = self.place(analysis)
        _make_ours(self.folder)
        _make_ours(place)
        note = place / _NAMES
        if not note.exists():
            with replacing(note, 0o600) as stream:
                stream.write(os.fsencode(analysis))
        return place


def configured_shelf(root: Root) -> Shelf | None:
    """Return the cache that [cache] in conf/fledge.conf describes, None when it is disabled or has no place.

    Raises:
        CuckooStartupError: an option makes no sense.
    """
    section = read_sections(root.configuration("fledge")).get("cache")
    options = section.options if section else Options()
    folder = _folder(root, str(options.get("folder") or ""))
    if folder is None or not options.get("enabled", True):
        return None
    return Shelf(folder, _number(options, "megabytes", 4096), _number(options, "days", 30))


def _folder(root: Root, named: str) -> Path | None:
    """Return where answers are kept: in the working root, or for one without storage/ where the user's caches are."""
    if named:
        return root.path / Path(named).expanduser()
    if (root.path / "storage").is_dir():
        return root.path / "storage" / "cache" / "answers"
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home, "fledge", "answers") if os.path.isabs(home) else None


def _number(options: Options, name: str, default: int) -> int:
    number = options.get(name, default)
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise CuckooStartupError(f"[cache] {name} must be a whole number of at least 1, not {number!r:.100}")
    return number


def _holding(place: Path) -> Holding:
    answers, size = [], 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(place):
            size += entry.stat(follow_symlinks=False).st_size
            if entry.name.endswith(_ENDING):
                answers.append(entry.name.removesuffix(_ENDING))
    analysis, used = _NOBODY, 0.0
    with contextlib.suppress(OSError, ValueError):  # an empty file cannot be mapped
        analysis = bytes(_mapped(place / _NAMES)[:_PATH_BYTES])
    with contextlib.suppress(OSError):
        used = place.stat().st_mtime
    return Holding(place, os.fsdecode(analysis), sorted(answers), size, used)


def _make_ours(folder: Path) -> None:
    """Make a folder that only we can write to; refuse one that others can.

    Raises:
        OSError: it cannot be made, or others can write to it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_ours(os.lstat(folder), folder)


def _require_ours(status: os.stat_result, path: Path) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise PermissionError(f"{path} is a link")
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"others may write {path}")


def _write(file: Path, record: dict[str, Any], answer: memoryview | bytes = b"") -> None:
    packed = pack(record)
    head = packed + bytes(-len(packed) % 8)  # what an answer refers to lies at multiples of eight
    digest = hashlib.sha256(head)
    digest.update(answer)
    with replacing(file, 0o600) as stream:
        stream.write(_HEAD.pack(_MARK, digest.digest(), len(packed)) + head)
        stream.write(answer)


def _read(file: Path) -> Kept | None:
    """Map a file and check it; None for what is absent, damaged, or not ours."""
    try:
        view = _mapped(file)
        mark, digest, size = _HEAD.unpack_from(view)
        body = view[_HEAD.size :]
        if mark != _MARK or size > len(body) or hashlib.sha256(body).digest() != digest:
            return None
        record = unpack(body[:size])
    except (OSError, ValueError, struct.error):
        return None
    return Kept(record, body[size + -size % 8 :]) if isinstance(record, dict) else None


def _mapped(file: Path) -> memoryview:
    _require_ours(os.lstat(file.parent), file.parent)
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        _require_ours(status, file)
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError(f"{file} is no file")
        return memoryview(mmap.mmap(descriptor, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ))
    finally:
        os.close(descriptor)
