"""What was found as a STIX 2.1 bundle for other platforms, `reports/stix.json`.

Options (``[stix]`` in reporting.conf):
    entries     findings of each kind; those beyond are counted in a note of the bundle (default 500)
    text        characters of one text; a longer one is cut, a longer value such as a URL is left out (default 1000)
    threshold   score from which the sample is called malware and indicators are given, 0 to 10 (default 4)
    indicators  kinds of indicators (default sha256 domain ip url email mutex registry)
    allowlist   files with what is of no interest, commas between them, relative to the working root (default none)
"""

from pathlib import Path
from typing import Any

from lib.cuckoo.common.abstracts import Report
from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.iocs.allowfiles import read_allowed
from lib.cuckoo.reporting.sharing.gather import bounds_from, gather
from lib.cuckoo.reporting.stix.bundle import bundle_chunks


class Stix(Report):
    """Write the bundle; it appears whole or not at all, and is the same each time."""

    order = 3
    traceable = True

    def run(self, results: dict[str, Any]) -> None:
        """Gather what is worth sharing, and write it; what is left out stands in the ledger too."""
        bounds, allowed = bounds_from(self.options), read_allowed(self.options.get("allowlist"))
        findings = gather(results, bounds, allowed)
        target = Path(self.reports_path) / "stix.json"
        try:
            write_whole(target, bundle_chunks(findings))
        except OSError as error:
            raise CuckooReportError(f"cannot write {target}: {error.strerror}") from error
        for missing in findings.left_out:
            self.note(f"left out: {missing}")
