"""Indicators of compromise, `reports/iocs.csv` and `reports/iocs.ndjson`.

Options (``[iocs]`` in reporting.conf):
    entries    indicators of each kind (default 10000)
    length     characters of a value; longer ones are left out (default 4096)
    calls      calls looked at for the time and process of files, keys and mutexes, 0 for none (default 100000)
    touched    also files and keys that were only opened or read (default no)
    allowlist  files with what is of no interest, commas between them (default none)

Files are named relative to the working root.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lib.cuckoo.common.abstracts import Report
from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.common.options import whole_number
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.iocs.allowfiles import read_allowed
from lib.cuckoo.reporting.iocs.gather import Bounds, gather
from lib.cuckoo.reporting.iocs.writing import as_csv, as_ndjson


class Iocs(Report):
    """Write both files; each appears whole or not at all."""

    order = 2
    traceable = True

    def run(self, results: dict[str, Any]) -> None:
        """Gather once, write twice; what was left out stands in the ledger."""
        gathered = gather(results, self._bounds(), read_allowed(self.options.get("allowlist")))
        for name, form in (("iocs.csv", as_csv), ("iocs.ndjson", as_ndjson)):
            target = Path(self.reports_path) / name
            try:
                write_whole(target, form(gathered.indicators))
            except OSError as error:
                raise CuckooReportError(f"cannot write {target}: {error.strerror}") from error
        self._tell("beyond the option entries", gathered.beyond)
        self._tell("longer than the option length", gathered.too_long)

    def _tell(self, why: str, counts: Mapping[str, int]) -> None:
        if counts:
            told = ", ".join(f"{number:,} {kind}" for kind, number in sorted(counts.items()))
            self.note(f"left out, {why}: {told}")

    def _bounds(self) -> Bounds:
        usual = Bounds()
        return Bounds(
            entries=whole_number(self.options, "entries", usual.entries),
            length=whole_number(self.options, "length", usual.length),
            calls=whole_number(self.options, "calls", usual.calls),
            touched=bool(self.options.get("touched", usual.touched)),
        )
