"""The image of the guest's memory, `memory.dmp`, read with Volatility 3; needs the extra `memory`.

Which plugins run, for how long and which of their rows are kept stands in memory.conf.

Options (``[memory]`` in processing.conf):
    symbols_path    folder of symbol tables, relative to the working root (default storage/symbols)
    allow_download  let Volatility fetch missing symbols from the internet (default no)
    unpacked_mb     megabytes of an image that is packed with gzip, xz or zstd (default 65536)
    findings        findings kept (default 1000)
    regions         regions found by malfind that are dumped, 0 for none (default 64)
    region_kb       kilobytes dumped of each (default 1024)
    regions_mb      megabytes dumped of all together (default 32)
    yara_file       file of YARA rules for vadyarascan (default none: it does not run)
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.ini import read_sections
from lib.cuckoo.common.paths import INPUTS
from lib.cuckoo.common.root import find_root
from lib.cuckoo.files.scanner import Scanner
from lib.cuckoo.memory.analysis import Wishes, found_system, run_plugins, section
from lib.cuckoo.memory.image import opened_image
from lib.cuckoo.memory.regions import RegionLimits
from lib.cuckoo.memory.settings import plugin_settings
from lib.cuckoo.memory.shapes import Memory as MemorySection
from lib.cuckoo.memory.volatility import Places, library

NAMES = [INPUTS["memory_path"] + ending for ending in ("", ".gz", ".xz", ".zst")]
"""What an image may be called; what it is, its content tells."""


class Memory(Processing):
    """Run the plugins of the image's operating system, each in a process of its own."""

    key = "memory"
    order = 3
    traceable = True

    def run(self) -> MemorySection:
        """Return the section; {} for an analysis without an image, which is the usual case."""
        deadline = time.monotonic() + 0.9 * self._number("limit_wall_seconds", 300)
        folder = AnalysisFolder(self.analysis_path)
        name = next((name for name in NAMES if folder.exists(name)), None)
        if name is None:
            return {}
        wishes = self._wishes(deadline)
        with (
            self._places() as places,
            opened_image(folder, name, places.cache, self._number("unpacked_mb", 65536) << 20) as image,
            library(places) as version,
        ):
            session = found_system(image, places, version, self.progress)
            runs = list(run_plugins(session, wishes, self.progress))
            for run in runs:
                self.unit(
                    run.settings.key,
                    run.ending.outcome,
                    run.ending.reason,
                    seconds=run.seconds,
                    notes=run.notes,
                    traceback=run.ending.traceback,
                )
            return section(image, session, runs, wishes, self.results.get("behavior") or {})

    def _wishes(self, deadline: float) -> Wishes:
        return Wishes(
            plugins=plugin_settings(read_sections(find_root().configuration("memory"))),
            deadline=deadline,
            findings=self._number("findings", 1000),
            regions=RegionLimits(
                self._number("regions", 64),
                self._number("region_kb", 1024) << 10,
                self._number("regions_mb", 32) << 20,
            ),
            analysis=Path(self.analysis_path),
            scanner=Scanner.configured("memory"),
            yara_file=str(find_root().path / rules) if (rules := self.options.get("yara_file")) else "",
        )

    @contextmanager
    def _places(self) -> Iterator[Places]:
        """Make the cache, in the working root."""
        root = find_root().path
        cache = root / "storage" / "cache" / "volatility3"
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CuckooProcessingError(f"cannot make the cache {cache}: {error.strerror}") from error
        symbols = root / str(self.options.get("symbols_path") or "storage/symbols")
        yield Places(symbols, cache, self.options.get("allow_download", False) is True)

    def _number(self, option: str, default: int) -> int:
        value = self.options.get(option, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise CuckooProcessingError(
                f"the option {option} must be a whole number from 0, not {value!r:.100}"
            )
        return value
