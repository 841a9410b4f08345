"""Reports packed while they are written."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooReportError

ENDINGS = {"no": "", "gzip": ".gz", "zstd": ".zst"}
"""How a report may be packed, and what its name ends with then."""
_GZIP_WINDOW = 31  # zlib.h, deflateInit2: 15 bits of window, and 16 for a gzip header, whose time is 0


def packer(how: str) -> Callable[[Iterable[bytes]], Iterator[bytes]]:
    """Return what packs chunks with "gzip" or "zstd", or for "no" passes them on; equal chunks give equal bytes.

    Raises:
        CuckooReportError: nothing packs that way.
        CuckooDependencyError: zstandard is not installed.
    """
    if how not in ENDINGS:
        raise CuckooReportError(f"cannot pack with {how!r}: there are {', '.join(ENDINGS)}")
    return iter if how == "no" else partial(_through, _compressor(how))


def _compressor(how: str) -> Any:
    if how == "gzip":
        return zlib.compressobj(wbits=_GZIP_WINDOW)
    try:
        import zstandard  # noqa: PLC0415 - optional
    except ImportError as error:
        raise CuckooDependencyError(
            "packing with zstd takes zstandard: pip install 'fledge[zstd]'"
        ) from error
    return zstandard.ZstdCompressor(write_checksum=True).compressobj()


def _through(compressor: Any, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        yield compressor.compress(chunk)
    yield compressor.flush()
