"""Which kernel an image is of, read off its bytes, for when there are no symbols to read it with.

Linux and Darwin leave a banner (`linux_proc_banner`, `version`), Windows the CodeView record of its kernel ("RSDS",
GUID, age, name of the PDB).
"""

import re
import struct
import uuid
from dataclasses import dataclass
from typing import BinaryIO

_CHUNK_BYTES = 8 << 20
_LONGEST = 1024
_SIGNS = {
    b"Linux version ": re.compile(
        rb"(?P<linux>Linux version \d{1,3}\.\d{1,4}\.[^\n\0]{1,480} #\d[^\n\0]{1,240})"
    ),
    b"Darwin Kernel ": re.compile(rb"(?P<mac>Darwin Kernel Version \d{1,3}\.[^\n\0]{1,240})"),
    b"RSDS": re.compile(
        rb"RSDS(?P<guid>[\s\S]{16})(?P<age>[\s\S]{4})(?P<pdb>nt(?:oskrnl|krnlmp|krnlpa|krpamp)\.pdb)\0"
    ),
}
"""What each sign begins with, which is quick to find, and the whole of it."""


@dataclass(frozen=True)
class Kernel:
    """A kernel as its symbols are named."""

    system: str
    """"linux", "mac" or "windows"."""
    identity: str
    """The banner, or "ntkrnlmp.pdb/<GUID>-<age>"."""

    def wanted(self, symbols: str) -> str:
        """Say where its symbols belong."""
        if self.system == "windows":
            return f"put the symbol table of {self.identity} at {symbols}/windows/{self.identity}.json.xz"
        return (
            f"put a symbol table made for exactly this kernel (dwarf2json makes it from the kernel's debug "
            f"file) into {symbols}/{self.system}/; the banner is {self.identity!r}"
        )


def find_kernel(image: BinaryIO) -> Kernel | None:
    """Return the first kernel that the bytes name, from the current position to the end; None if none is named.

    Raises:
        OSError: the image cannot be read.
    """
    tail = b""
    while chunk := image.read(_CHUNK_BYTES):
        data = tail + chunk
        signs = [sign for beginning in _SIGNS if (sign := _first(data, beginning))]
        if signs:
            return _kernel(min(signs, key=lambda sign: sign.start()))
        tail = data[-_LONGEST:]
    return None


def _first(data: bytes, beginning: bytes) -> re.Match[bytes] | None:
    position = data.find(beginning)
    while position >= 0:
        if sign := _SIGNS[beginning].match(data, position):
            return sign
        position = data.find(beginning, position + 1)
    return None


def _kernel(sign: re.Match[bytes]) -> Kernel:
    found = sign.groupdict()
    if "pdb" in found:
        guid = uuid.UUID(bytes_le=sign["guid"]).hex.upper()
        (age,) = struct.unpack("<I", sign["age"])
        return Kernel("windows", f"{sign['pdb'].decode('ascii')}/{guid}-{age:X}")
    ((system, banner),) = found.items()
    return Kernel(system, banner.decode("ascii", errors="backslashreplace"))
