"""What a reader of a file may spend and keep, and what it left out.

A file of a few bytes can claim four billion imports, and a small archive can hold a terabyte. A reader takes lists,
texts and unpacked data through its budget, which cuts them and remembers by how much.
"""

import mmap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from lib.cuckoo.common.exceptions import CuckooProcessingError

Data = bytes | mmap.mmap
"""A file, in memory or mapped; slices of either are `bytes`."""
Save = Callable[[str, bytes], str | None]
"""Stores one object taken from the file under a name; returns its path in the analysis folder, or None."""

T = TypeVar("T")


@dataclass
class Budget:
    """Limits of one file, shared by all parts of its reader.

    `entries` is the number of records kept of each list, `text` of characters kept of each text, `unpacked` of
    bytes that may be decompressed or decoded altogether. `notes` tells in words what was left out.
    """

    entries: int = 10_000
    text: int = 1 << 20
    unpacked: int = 64 << 20
    notes: list[str] = field(default_factory=list)

    def take(self, what: str, items: Iterable[T]) -> list[T]:
        """Return the first `entries` items; `what` names them in the note when there are more."""
        waiting = iter(items)
        kept = list(islice(waiting, self.entries))
        if next(waiting, None) is not None:
            self.note(f"there are more than {self.entries} {what}")
        return kept

    def clip(self, what: str, text: str) -> str:
        """Return the first `text` characters; `what` names the text in the note when it is longer."""
        if len(text) > self.text:
            self.note(f"{what} has {len(text)} characters, {self.text} are kept")
        return text[: self.text]

    def spend(self, size: int) -> None:
        """Account for `size` bytes of unpacked data.

        Raises:
            CuckooProcessingError: that is more than is left.
        """
        self.unpacked -= size
        if self.unpacked < 0:
            raise CuckooProcessingError("the file unpacks to more than the option unpacked allows")

    def note(self, text: str) -> None:
        """Remember that something was left out; the same words count once."""
        if text not in self.notes:
            self.notes.append(text)
