"""Shape of the section `procmemory`."""

from typing import Annotated, Any, NotRequired, TypedDict

from lib.cuckoo.common.shapes import YaraMatch
from lib.cuckoo.files.indicators import Indicator
from lib.cuckoo.files.pe.records import PortableExecutable, Refused


class MemoryRegion(TypedDict):
    """A stretch of a process's memory."""

    addr: str
    """Its first address, "0x00400000"."""
    end: str
    """The address behind it."""
    size: int
    """Bytes."""
    offset: int
    """Where its data begins in the dump."""
    state: str
    """`commit` and so on."""
    type: str
    """`private`, `mapped` or `image`."""
    protect: str
    """`r-x`, `rw- guard` and so on."""


class MemoryModule(TypedDict):
    """A module, as a minidump lists it."""

    addr: str
    """Its first address, "0x400000"."""
    size: int
    """Bytes."""
    name: str
    """Path of its file."""


class MemoryImage(TypedDict):
    """A program in the memory of a process, found by its headers; only the first are saved and described."""

    addr: str
    """Its first address, "0x00400000"."""
    size: int
    """Bytes, as its headers say."""
    type: str
    """Of the region: `private`, `mapped` or `image`."""
    protect: str
    """Of the region: `r-x` and so on."""
    module: str
    """The module that the dump has at this address, "" for none."""
    layout: NotRequired[str]
    """`mapped` when it lay there by virtual addresses, `file` for a copy of the file."""
    path: NotRequired[str | None]
    """Where it was saved; null when it could not be."""
    saved_bytes: NotRequired[int]
    """Size of the file that was saved."""
    md5: NotRequired[str]
    """Of the file that was saved."""
    sha256: NotRequired[str]
    """Of the file that was saved."""
    pe: NotRequired[PortableExecutable | Refused]
    """Its description."""


class ProcessDump(TypedDict):
    """The dump of a process's memory."""

    pid: int
    """The process, by the dump's name."""
    file: str
    """The dump."""
    path: str
    """The same."""
    format: str
    """`regions` or `minidump`."""
    size: int
    """Bytes of all regions."""
    regions: list[MemoryRegion]
    """By address."""
    modules: list[MemoryModule]
    """Of a minidump."""
    images: list[MemoryImage]
    """Programs, those first that no file stands behind."""
    yara: list[YaraMatch]
    """Matches of the group `memory`."""
    indicators: list[Annotated[dict[str, Any], Indicator]]
    """Strings with meaning, by address."""
    problems: dict[str, int]
    """What could not be read, by kind."""
    truncated: dict[str, int]
    """What was left out, by kind."""
