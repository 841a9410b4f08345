"""All results as one JSON file, `reports/report.json`.

Options (``[jsondump]`` in reporting.conf):
    indent  spaces for each level of nesting, 0 for one line (default 0)
"""

from pathlib import Path
from typing import Any

from lib.cuckoo.common.abstracts import Report
from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.jsonstream import in_report_order, json_chunks


class JsonDump(Report):
    """Write the report, keys in a fixed order; it appears whole or not at all."""

    def run(self, results: dict[str, Any]) -> None:
        """Stream the results to disk, so that memory does not grow with them."""
        indent = int(self.options.get("indent", 0))
        target = Path(self.reports_path) / "report.json"
        try:
            write_whole(target, json_chunks(in_report_order(results), indent))
        except OSError as error:
            raise CuckooReportError(f"cannot write {target}: {error.strerror}") from error
