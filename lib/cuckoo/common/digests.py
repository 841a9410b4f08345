"""All checksums and fuzzy hashes of a file in one pass over its data."""

import hashlib
import os
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

BUFFER_BYTES = 1 << 20
SSDEEP_MAXIMUM_BYTES = 2 << 20
"""Larger files get no ssdeep: ppdeep is pure Python, 4 MB a second and a tenth of that in bad cases."""
TLSH_MAXIMUM_BYTES = 64 << 20
"""Larger files get no TLSH, which halves the speed of the pass."""


@dataclass(frozen=True)
class Digests:
    """Checksums in hexadecimal, crc32 in upper case as sandbox reports show it.

    `ssdeep` and `tlsh` are None where the extra `fuzzy` is not installed and for files above the limits of
    this module; `tlsh` also for data below 50 bytes or with too little variation.
    """

    size: int
    crc32: str
    md5: str
    sha1: str
    sha256: str
    sha512: str
    ssdeep: str | None
    tlsh: str | None


def digest(stream: BinaryIO, *, fuzzy: bool = True) -> Digests:
    """Read `stream` to its end and hash it; without `fuzzy` ssdeep and tlsh stay None.

    Raises:
        OSError: reading failed.
    """
    expected = os.fstat(stream.fileno()).st_size
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha1", "sha256", "sha512")}
    tlsh = _tlsh() if fuzzy and expected <= TLSH_MAXIMUM_BYTES else None
    kept = SSDEEP_MAXIMUM_BYTES if fuzzy else -1
    updates = [each.update for each in hashes.values()] + ([tlsh.update] if tlsh else [])
    whole = bytearray()
    size = crc = 0
    while chunk := stream.read(BUFFER_BYTES):
        size += len(chunk)
        crc = zlib.crc32(chunk, crc)
        for update in updates:
            update(chunk)
        if size <= kept:
            whole += chunk
    return Digests(
        size=size,
        crc32=f"{crc:08X}",
        **{name: each.hexdigest() for name, each in hashes.items()},
        ssdeep=_ssdeep(bytes(whole)) if size <= kept else None,
        tlsh=_tlsh_text(tlsh),
    )


def _ssdeep(data: bytes) -> str | None:
    try:
        import ppdeep  # noqa: PLC0415 - an extra; absent from most installations
    except ImportError:
        return None
    text: str = ppdeep.hash(data)
    return text


def _tlsh() -> Any | None:
    try:
        import tlsh  # noqa: PLC0415 - an extra; absent from most installations
    except ImportError:
        return None
    return tlsh.Tlsh()


def _tlsh_text(tlsh: Any | None) -> str | None:
    if tlsh is None:
        return None
    try:
        tlsh.final()
        text: str = tlsh.hexdigest()
    except ValueError:
        return None
    return None if text in {"", "TNULL"} else text
