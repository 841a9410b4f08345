"""The memory of processes: regions, programs in them, matches of YARA rules, and strings with meaning.

Options (``[procmemory]`` in processing.conf):
    maximum     dumps read; those beyond are counted (default 200)
    megabytes   data read, of all dumps together; larger dumps are named (default 4096)
    regions     regions kept of each dump (default 10000)
    images      programs of each dump that are saved and described (default 32)
    saved       bytes of programs that may be written to memory/ (default 536870912)
    indicators  indicators kept of each kind and dump, 0 for none (default 1000)
"""

import os
from itertools import islice

from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.options import whole_number
from lib.cuckoo.common.paths import INPUTS
from lib.cuckoo.files.memory_shapes import ProcessDump
from lib.cuckoo.files.output import OutputFolder
from lib.cuckoo.files.process_memory import (
    MemoryLimits,
    Tools,
    is_dump,
    problems_in_words,
    process_memory,
)
from lib.cuckoo.files.scanner import Scanner


class ProcessMemory(Processing):
    """Read the dumps `memory/<pid>.dmp` and `memory/<pid>-<number>.dmp`."""

    key = "procmemory"
    folder_only = True
    traceable = True

    def run(self) -> list[ProcessDump]:
        """Return a record for each dump, by name; what is missing from them is noted."""
        folder, place = AnalysisFolder(self.analysis_path), INPUTS["pmemory_path"]
        # `place` itself comes when it is no folder; reading it says why
        paths = (
            path for path in folder.walk(place) if path == place or is_dump(path.removeprefix(f"{place}/"))
        )
        tools = Tools(
            Scanner.configured("memory"),
            OutputFolder(self.analysis_path, place, whole_number(self.options, "saved", 512 << 20)),
            MemoryLimits(
                whole_number(self.options, "regions", 10_000),
                whole_number(self.options, "images", 32),
                whole_number(self.options, "indicators", 1000),
            ),
        )
        records = self._records(
            folder, list(islice(paths, whole_number(self.options, "maximum", 200))), tools
        )
        beyond = sum(1 for _ in paths)
        lines = [f"{beyond} more dumps are left out"] if beyond else []
        unsaved = tools.output.notes("programs")
        for line in [*problems_in_words(records), *tools.scanner.problems, *lines, *unsaved]:
            self.note(line)
        return records

    def _records(self, folder: AnalysisFolder, paths: list[str], tools: Tools) -> list[ProcessDump]:
        left = whole_number(self.options, "megabytes", 4096) << 20
        records: list[ProcessDump] = []
        for path in paths:
            try:
                left -= _size(folder, path, left)
                records.append(process_memory(folder, path, tools))
            except CuckooProcessingError as error:
                self.note(str(error))
        return records


def _size(folder: AnalysisFolder, path: str, maximum: int) -> int:
    with folder.open(path) as stream:
        size = os.fstat(stream.fileno()).st_size
    if size > maximum:
        raise CuckooProcessingError(f"left out {path}: {size} bytes are too many")
    return size
