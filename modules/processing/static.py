"""What the sample is made of, without running it: headers, sections, imports, resources, signatures.

Options (``[static]`` in processing.conf):
    entries     records kept of each list, for example of imports (default 10000)
    text        characters kept of each text, for example of a manifest (default 1048576)
    unpacked    bytes that may be decompressed or decoded altogether (default 67108864)
    saved       bytes of objects, for example icons, that may be written to static/ (default 67108864)
    indicators  indicators kept of each kind, for example of URLs, 0 for none (default 1000)
    scanned     bytes from which on a resource is scanned with YARA, 0 for none (default 4096)
"""

import mmap
import os
from typing import Any, BinaryIO, cast

from lib.cuckoo.analysis.sample import sample_name
from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.filetype import describe
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.options import whole_number
from lib.cuckoo.files.budget import Budget, Data
from lib.cuckoo.files.describe import describe_file
from lib.cuckoo.files.indicators import indicators
from lib.cuckoo.files.kinds import kind_of
from lib.cuckoo.files.output import OutputFolder
from lib.cuckoo.files.pe.classic import classic_keys
from lib.cuckoo.files.pe.matches import scan_resources
from lib.cuckoo.files.scanner import Scanner
from lib.cuckoo.files.shapes import Static as StaticSection


class Static(Processing):
    """Describe the sample by its kind; objects taken from it are written to `static/` in the analysis folder."""

    key = "static"
    folder_only = True
    traceable = True

    def run(self) -> StaticSection:
        """Return `kind`, the section of that kind, for example `pe`, and `indicators`.

        Raises:
            CuckooProcessingError: the sample cannot be read, or an option makes no sense.
        """
        if self.task.get("category") != "file":
            return {}
        budget = Budget(self._limit("entries"), self._limit("text"), self._limit("unpacked"))
        output = OutputFolder(self.analysis_path, "static", self._limit("saved"))
        folder = AnalysisFolder(self.analysis_path)
        with folder.open(sample_name(folder)) as stream:
            data = _contents(stream)
            kind = kind_of(data, describe(stream.fileno()))
            answer = describe_file(data, kind, budget, output.save)
            answer["indicators"] = self._indicators(data)
            pe = cast("dict[str, Any]", answer.get("pe", {}))
            self._scan_resources(data, pe)
        for note in (*budget.notes, *output.notes()):
            self.note(note)
        answer.update(cast("StaticSection", classic_keys(pe)))
        return answer

    def _indicators(self, data: Data) -> list[dict[str, Any]]:
        limit = self._limit("indicators")
        if not limit:
            return []
        result = indicators(data, "sample", limit)
        for kind, more in result.truncated.items():
            self.note(f"{more} more indicators of the kind {kind} are left out")
        return result.as_dicts()

    def _scan_resources(self, data: Data, pe: dict[str, Any]) -> None:
        least, resources = self._limit("scanned"), pe.get("resources", [])
        if not least or not resources:
            return
        scanner = Scanner.configured("binaries")
        scan_resources(data, pe["sections"], resources, scanner, least)
        for problem in scanner.problems:
            self.note(problem)

    def _limit(self, name: str) -> int:
        return whole_number(self.options, name, _DEFAULTS[name])


_DEFAULTS = {
    "entries": 10_000,
    "text": 1 << 20,
    "unpacked": 64 << 20,
    "saved": 64 << 20,
    "indicators": 1000,
    "scanned": 4096,
}


def _contents(stream: BinaryIO) -> Data:
    """Map the file into memory: most readers look at a small part of it."""
    if not os.fstat(stream.fileno()).st_size:
        return b""
    try:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise CuckooProcessingError(f"cannot read {stream.name}: {error}") from error
