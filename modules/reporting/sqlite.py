"""Sections as tables of an SQLite database, `reports/report.sqlite`.

Options (``[sqlite]`` in reporting.conf):
    calls  also the API calls and events, which make the file large (default yes)
"""

import sqlite3
from pathlib import Path
from typing import Any

from lib.cuckoo.common.abstracts import Report
from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.reporting.sqlite.database import write_database


class Sqlite(Report):
    """Write the database; it appears whole or not at all."""

    order = 2

    def run(self, results: dict[str, Any]) -> None:
        """Stream the tables to disk."""
        target = Path(self.reports_path) / "report.sqlite"
        try:
            write_database(target, results, calls=bool(self.options.get("calls", True)))
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise CuckooReportError(f"cannot write {target}: {reason}") from error
