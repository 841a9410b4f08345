"""A page for people, `reports/report.html`: one file that opens from disk and loads nothing.

Options (``[html]`` in reporting.conf):
    megabytes          largest size of the page; sections tell less until it fits (default 8)
    picture_megabytes  screenshots in the page, as they are on disk, 0 for none (default 2)
    calls              first calls of each process in the page (default 500)
    entries            rows of a table, values of a list (default 500)
    text               characters of one value (default 1000)
"""

from pathlib import Path
from typing import Any

from lib.cuckoo.common.abstracts import Report
from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.html.page import bounds_from, page_chunks


class HtmlReport(Report):
    """Write the page; it appears whole or not at all."""

    order = 2
    traceable = True

    def run(self, results: dict[str, Any]) -> None:
        """Render section by section, each within its share of the size."""
        bounds = bounds_from(self.options)
        target = Path(self.reports_path) / "report.html"
        try:
            write_whole(target, page_chunks(results, AnalysisFolder(self.analysis_path), bounds))
        except OSError as error:
            raise CuckooReportError(f"cannot write {target}: {error.strerror}") from error
