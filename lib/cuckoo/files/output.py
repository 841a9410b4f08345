"""A folder inside the analysis folder into which objects taken from files are written.

Rules for whoever edits this file:

- what is there already was put there by somebody else: a link in the place of the folder or of a file is never followed
- names are ours, made of a few plain characters; a name from inside a sample never reaches the disk
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from lib.cuckoo.common.replacing import output_folder, replacing

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class OutputFolder:
    """The folder `name` of an analysis; `maximum` is the number of bytes that may be written altogether.

    What cannot be written costs the copy, never what is said of it: `notes` tells what is missing and why.
    """

    def __init__(self, analysis_path: str, name: str, maximum: int) -> None:
        self._path = os.path.join(analysis_path, name)  # noqa: PTH118 - paths of the analysis are text
        self._name = name
        self._left = maximum
        self.refused = 0
        self._fault = ""

    def save(self, name: str, content: bytes) -> str | None:
        """Write a file and return its path inside the analysis folder; a file of that name is replaced.

        None when the space is used up, or when the folder leads elsewhere or cannot be written.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a file")
        if len(content) > self._left:
            self.refused += 1
            return None
        try:
            self._write(name, content)
        except OSError as error:
            self._fault = self._fault or f"cannot write {self._path}/{name}: {error.strerror}"
            return None
        self._left -= len(content)
        return f"{self._name}/{name}"

    def notes(self, noun: str = "objects") -> Iterator[str]:
        """Yield, in sentences, what was not saved; `noun` names what that is."""
        if self.refused:
            yield f"{self.refused} {noun} were not saved: the option saved allows no more"
        if self._fault:
            yield f"{noun} were not saved: {self._fault}"

    def _write(self, name: str, content: bytes) -> None:
        with output_folder(self._path) as folder, replacing(Path(name), 0o644, folder=folder) as file:
            file.write(content)
