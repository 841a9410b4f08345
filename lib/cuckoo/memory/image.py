"""The image file: opened within the analysis, unpacked within a budget, and given a name that Volatility can open.

Volatility opens files by URL and as often as it likes, in forks too. So the image stays open here and is named by its
descriptor: a path that is swapped meanwhile gains nothing, and an unpacked image has no name at all on the disk, so
that nothing is left of it however the process ends.
"""

import gzip
import lzma
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder

_BUFFER_BYTES = 1 << 20
_MAGIC_BYTES = 8
_PACKED = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_FORMATS = {
    b"EMiL": "LiME",
    b"AVML": "AVML",
    b"PAGEDUMP": "Windows crash dump (32 bit)",
    b"PAGEDU64": "Windows crash dump (64 bit)",
    b"\x7fELF": "ELF core",
    b"\xd0\xbe\xd2\xbe": "VMware snapshot",
    b"\xd1\xba\xd1\xba": "VMware snapshot",
    b"\xd2\xbe\xd2\xbe": "VMware snapshot",
    b"\xd3\xbe\xd3\xbe": "VMware snapshot",
}
_SIBLINGS = (".vmss", ".vmsn")
"""Endings under which VMware keeps the layout of a memory file, beside it."""


@dataclass(frozen=True)
class Image:
    """An open image; `stream` is at its beginning, `location` the URL for Volatility."""

    stream: BinaryIO
    location: str
    size: int
    packed: str
    """"gzip", "xz", "zstd" or ""."""
    layout: str
    """What the first bytes say: "raw", "LiME", "ELF core" …"""


@contextmanager
def opened_image(folder: AnalysisFolder, name: str, scratch: Path, maximum: int) -> Iterator[Image]:
    """Open the image `name`, unpacked if it is packed; its files in `scratch` vanish at the end.

    Args:
        folder: the analysis.
        name: path of the image, absolute or relative to the folder.
        scratch: a folder on a disk with room for the unpacked image.
        maximum: bytes unpacked at most.

    Raises:
        CuckooProcessingError: it is empty, cannot be read or unpacked, or is larger than `maximum` unpacked.
        CuckooDependencyError: it is packed with zstd, and zstandard is not installed.
    """
    with folder.open(name) as stored:
        packed = _kind(_PACKED, stored) or ""
        with _unpacked(stored, packed, scratch, maximum) as stream:
            size = os.fstat(stream.fileno()).st_size
            if not size:
                raise CuckooProcessingError(f"the memory image {name} is empty")
            with _sibling(folder, name) as metadata, tempfile.TemporaryDirectory(dir=scratch) as names:
                location = _named(Path(names), stream, metadata)
                layout = "VMware" if metadata else _kind(_FORMATS, stream) or "raw"
                yield Image(stream, location.as_uri(), size, packed, layout)


def _kind(table: dict[bytes, str], stream: BinaryIO) -> str | None:
    head = os.pread(stream.fileno(), _MAGIC_BYTES, 0)
    return next((name for magic, name in table.items() if head.startswith(magic)), None)


@contextmanager
def _unpacked(stored: BinaryIO, packed: str, scratch: Path, maximum: int) -> Iterator[BinaryIO]:
    if not packed:
        yield stored
        return
    with tempfile.TemporaryFile(dir=scratch) as target:
        try:
            _copy(_unpacker(stored, packed), target, maximum)
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise CuckooProcessingError(f"cannot unpack the memory image ({packed}): {error}") from error
        target.seek(0)
        yield target


def _unpacker(stored: BinaryIO, packed: str) -> Any:
    if packed == "gzip":
        return gzip.GzipFile(fileobj=stored)
    if packed == "xz":
        return lzma.LZMAFile(stored)
    try:
        import zstandard  # noqa: PLC0415 - optional
    except ImportError as error:
        raise CuckooDependencyError(
            "the memory image is packed with zstd: pip install 'fledge[memory]'"
        ) from error
    return _Zstandard(zstandard, stored)


class _Zstandard:
    """Reads zstd, with its error as an OSError."""

    def __init__(self, library: Any, stored: BinaryIO) -> None:
        self._error = library.ZstdError
        self._stream = library.ZstdDecompressor().stream_reader(stored, read_across_frames=True)

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except self._error as error:
            raise OSError(str(error)) from error
        return data


def _copy(source: Any, target: Any, maximum: int) -> None:
    written = 0
    while chunk := source.read(_BUFFER_BYTES):
        written += len(chunk)
        if written > maximum:
            raise CuckooProcessingError(
                f"the memory image is larger than {maximum >> 20:,} MiB unpacked (option unpacked_mb)"
            )
        target.write(chunk)
    target.flush()


@contextmanager
def _sibling(folder: AnalysisFolder, name: str) -> Iterator[tuple[str, BinaryIO] | None]:
    """Open the description that VMware keeps beside the memory, if there is one."""
    base = os.path.splitext(name)[0]  # noqa: PTH122 - the name may be relative to the folder
    for ending in _SIBLINGS:
        if folder.exists(base + ending):
            with folder.open(base + ending) as stream:
                yield ending, stream
                return
    yield None


def _named(names: Path, stream: BinaryIO, metadata: tuple[str, BinaryIO] | None) -> Path:
    image = names / ("image.vmem" if metadata else "image.raw")
    image.symlink_to(f"/proc/self/fd/{stream.fileno()}")
    if metadata:
        ending, description = metadata
        (names / f"image{ending}").symlink_to(f"/proc/self/fd/{description.fileno()}")
    return image
