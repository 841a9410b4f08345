"""Reports that were written before: found, unpacked within a bound, and read.

A folder that somebody passed on may hold anything in the place of a report. It is opened as everything in an analysis
folder is, told by its first bytes whether it is packed, and refused when it is larger than a report may be.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooOperationalError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.text import readable_name, size_text
from lib.cuckoo.reporting.callfiles import with_saved_calls

REPORT_NAMES = ("report.json", "report.json.gz", "report.json.zst")
MOST_BYTES = 1 << 30
"""Of a report, unpacked; in memory it takes several times as much."""
MOST_PARTS = 50_000_000
"""Lists and records of a report; an empty one takes three bytes of text, and more than twenty times as much memory."""
_PIECE_BYTES = 1 << 20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def read_report(path: str | os.PathLike[str], maximum: int = MOST_BYTES) -> dict[str, Any]:
    """Return the results that an analysis folder's newest report holds, or a report file, packed or not.

    Calls that lie in files of their own stand in their place as `SavedCalls`.

    Args:
        path: an analysis folder, whose `reports/` is looked into, or a file: JSON, plain or packed with gzip or zstd.
        maximum: bytes read at most, unpacked.

    Raises:
        CuckooOperationalError: there is none, it cannot be read, is larger than `maximum` or no report; the message
            names the path.
        CuckooDependencyError: it is packed with zstd, and zstandard is not installed.
    """
    file = find_report(path)
    with open_report(file) as stream:
        found = json.loads(_bounded(stream, maximum).decode("utf-8", "surrogateescape"))
    if not isinstance(found, dict):
        raise CuckooOperationalError(f"cannot read {readable_name(str(file))}: it holds no report")
    return with_saved_calls(found, AnalysisFolder(analysis_around(file)), file.parent)


@contextmanager
def open_report(file: Path) -> Iterator[Any]:
    """Open a report file for reading, unpacked; what goes wrong with it within the block becomes one error.

    Raises:
        CuckooOperationalError: the file or what is in it cannot be read; the message names the path.
        CuckooDependencyError: as from `read_report`.
    """
    shown = readable_name(str(file))
    try:
        with AnalysisFolder(analysis_around(file)).open(file) as stored, _unpacked(stored, shown) as stream:
            yield stream
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        raise CuckooOperationalError(f"cannot read {shown}: {error}") from error


def find_report(path: str | os.PathLike[str]) -> Path:
    """Return the report file that `path` means: itself, or the newest one in the `reports/` of a folder.

    Raises:
        CuckooOperationalError: there is none.
    """
    given = Path(path).absolute()
    if not os.path.isdir(given):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
        return given
    found = [file for name in REPORT_NAMES if (file := given / "reports" / name).is_file()]
    if not found:
        shown = readable_name(str(given))
        raise CuckooOperationalError(f"no report in {shown}/reports: run fledge process {shown} first")
    return max(found, key=lambda file: file.stat().st_mtime_ns)


def analysis_around(file: Path) -> Path:
    """Return the folder that a report and the files beside it may lie in."""
    return file.parent.parent if file.parent.name == "reports" else file.parent


def _bounded(stream: Any, maximum: int) -> bytearray:
    text, parts = bytearray(), 0
    while chunk := stream.read(_PIECE_BYTES):
        text += chunk
        if len(text) > maximum:
            raise ValueError(f"it is larger than {size_text(maximum)}")
        parts += chunk.count(b"[") + chunk.count(b"{")
        if parts > MOST_PARTS:
            raise ValueError(f"it has more than {MOST_PARTS:,} lists and records")
    return text


@contextmanager
def _unpacked(stored: BinaryIO, shown: str) -> Iterator[Any]:
    head = stored.read(4)
    stored.seek(0)
    if head.startswith(_GZIP):
        with gzip.GzipFile(fileobj=stored) as stream:
            yield stream
    elif head == _ZSTD:
        yield from _from_zstd(stored, shown)
    else:
        yield stored


def _from_zstd(stored: BinaryIO, shown: str) -> Iterator[Any]:
    try:
        import zstandard  # noqa: PLC0415 - optional
    except ImportError as error:
        raise CuckooDependencyError(
            f"{shown} is packed with zstd, which takes zstandard: pip install 'fledge[zstd]'"
        ) from error
    try:
        with zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True) as stream:
            yield stream
    except zstandard.ZstdError as error:
        raise OSError(str(error)) from error
