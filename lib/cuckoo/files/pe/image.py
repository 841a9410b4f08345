"""One Portable Executable, opened with pefile, and the places in it.

The format is Microsoft's "PE Format". pefile checks much and survives most, yet a hostile file can still make one of
its parsers stumble. Each part is therefore read through `attempt`, which costs that part and leaves the others.
"""

import struct
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooProcessingError
from lib.cuckoo.files.budget import Budget, Data
from lib.cuckoo.files.measure import Parts

T = TypeVar("T")
SECTIONS_MAPPED = 256
"""Sections that addresses are looked up in, one after another; programs have five to thirty."""
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
        self.sections = list(self.pe.sections)
        self.pe.sections = self.sections[:SECTIONS_MAPPED]

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

    def parse(self, name: str) -> None:
        """Let pefile read one directory; its attributes appear on `pe`, or not."""
        if self.directory(name) == (0, 0):
            return
        number = self.pefile.DIRECTORY_ENTRY[f"IMAGE_DIRECTORY_ENTRY_{name}"]
        words = name.lower().replace("_", " ")
        self.attempt(
            f"the directory {words}", lambda: self.pe.parse_data_directories(directories=[number]), None
        )

    def attempt(self, what: str, read: Callable[[], T], otherwise: T) -> T:
        """Return what `read` returns; where that stumbles over the data, say so and return `otherwise`."""
        try:
            return read()
        except self._errors as error:
            self.anomalies.append(f"{what} cannot be read: {_text(error)}")
            return otherwise

    def offset(self, address: int) -> int | None:
        """Return where in the file an address relative to the base lies, or None."""
        try:
            offset: int | None = self.pe.get_offset_from_rva(address)
        except self._errors:
            return None
        return offset if offset is not None and 0 <= offset < len(self.data) else None

    def at(self, address: int, size: int) -> bytes:
        """Return at most `size` bytes from an address relative to the base."""
        offset = self.offset(address)
        return b"" if offset is None else self.data[offset : offset + size]

    def text_at(self, address: int, maximum: int = 4096) -> str:
        """Return the text that ends with a zero at an address."""
        return plain(self.at(address, maximum).partition(b"\0")[0])


def plain(raw: bytes | None) -> str:
    r"""Decode a name of ASCII bytes; others become `\xNN`."""
    return (raw or b"").decode("ascii", "backslashreplace")


def _text(error: Exception) -> str:
    """Return pefile's own words, or those of the error that it ran into."""
    return str(getattr(error, "value", "") or error or type(error).__name__).strip("'\"")[:200]
