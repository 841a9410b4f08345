"""One Portable Executable, opened with pefile, and the places in it.

The format is Microsoft's "PE Format". pefile checks much and survives most, yet a hostile file can still make one of
its parsers stumble. Each part is therefore read through `attempt`, which costs that part and leaves the others.
"""

import struct
from bisect import bisect_right
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooProcessingError
from lib.cuckoo.files.budget import Budget, Data
from lib.cuckoo.files.measure import Parts

T = TypeVar("T")
_STUMBLES = (
    struct.error, AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError,
)  # fmt: skip


def pefile_module() -> ModuleType:
    """Import pefile.

    Raises:
        CuckooDependencyError: it is not installed.
    """
    try:
        import pefile  # noqa: PLC0415 - 60 ms to import, and an extra
    except ImportError as error:
        raise CuckooDependencyError(
            "Portable Executables need pefile: pip install 'fledge[static]'"
        ) from error
    module: ModuleType = pefile
    return module


class Image:
    """The headers of a Portable Executable, and what turned out odd about it while it was read."""

    def __init__(self, data: Data, budget: Budget) -> None:
        self.data = data
        self.budget = budget
        self.parts = Parts(data)
        self.pefile = pefile_module()
        self.anomalies: list[str] = []
        self._errors = (*_STUMBLES, self.pefile.PEFormatError)
        try:
            self.pe: Any = self.pefile.PE(data=data, fast_load=True, max_symbol_exports=0)
        except self._errors as error:
            raise CuckooProcessingError(f"the headers of the PE cannot be read: {_text(error)}") from error
        self.sections: list[Any] = sorted(self.pe.sections, key=lambda section: section.get_file_offset())
        none: list[tuple[int, int, int]] = []
        self._places = sorted(self.attempt("the places of the sections", self._read_places, none))
        self._starts = [start for start, _, _ in self._places]

    @property
    def is_64bit(self) -> bool:
        """Tell a PE32+ from a PE32."""
        return bool(self.pe.OPTIONAL_HEADER.Magic == 0x20B)

    @property
    def base(self) -> int:
        """The preferred address of the image in memory."""
        return int(getattr(self.pe.OPTIONAL_HEADER, "ImageBase", 0))

    def directory(self, name: str) -> tuple[int, int]:
        """Return address and size of a data directory, (0, 0) where there is none."""
        number = self.pefile.DIRECTORY_ENTRY[f"IMAGE_DIRECTORY_ENTRY_{name}"]
        directories = getattr(self.pe.OPTIONAL_HEADER, "DATA_DIRECTORY", [])
        if number >= len(directories):
            return 0, 0
        return directories[number].VirtualAddress, directories[number].Size

    def attempt(self, what: str, read: Callable[[], T], otherwise: T) -> T:
        """Return what `read` returns; where that stumbles over the data, say so and return `otherwise`."""
        try:
            return read()
        except self._errors as error:
            self.anomalies.append(f"{what} cannot be read: {_text(error)}")
            return otherwise

    def offset(self, address: int) -> int | None:
        """Return where in the file an address relative to the base lies, None where it does not."""
        number = bisect_right(self._starts, address) - 1
        if number >= 0:
            start, size, offset = self._places[number]
            if address < start + size:
                place = offset + address - start
                return place if place < len(self.data) else None
        return address if 0 <= address < len(self.data) else None

    def _read_places(self) -> list[tuple[int, int, int]]:
        """Return address, size and offset of the sections, rounded as the loader of Windows rounds them."""
        return [
            (
                int(section.get_VirtualAddress_adj()),
                max(section.Misc_VirtualSize, section.SizeOfRawData),
                int(section.get_PointerToRawData_adj()),
            )
            for section in self.sections
        ]

    def at(self, address: int, size: int) -> bytes:
        """Return at most `size` bytes from an address relative to the base."""
        offset = self.offset(address)
        return b"" if offset is None else self.data[offset : offset + size]

    def ordinal_name(self, dll: str, ordinal: int) -> str | None:
        """Return the name of a function that a well-known library exports by number."""
        name: bytes | None = self.pefile.ordlookup.ordLookup(dll.lower().encode(), ordinal)
        return plain(name) if name else None

    def odd(self, text: str) -> None:
        """Remember an anomaly; the same words count once."""
        if text not in self.anomalies:
            self.anomalies.append(text)

    def text_at(self, address: int, maximum: int = 4096) -> str:
        """Return the text that ends with a zero at an address."""
        return plain(self.at(address, maximum).partition(b"\0")[0])


def plain(raw: bytes | None) -> str:
    r"""Decode a name of ASCII bytes; others become `\xNN`."""
    return (raw or b"").decode("ascii", "backslashreplace")


def _text(error: Exception) -> str:
    """Return pefile's own words, or those of the error that it ran into."""
    return str(getattr(error, "value", "") or error or type(error).__name__).strip("'\"")[:200]
