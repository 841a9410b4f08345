"""The database file: written beside, complete with its indexes, and renamed into place."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from lib.cuckoo.common.replacing import drafted
from lib.cuckoo.reporting.iocs.gather import gathered_indicators
from lib.cuckoo.reporting.iocs.writing import as_record
from lib.cuckoo.reporting.sqlite.shape import Added, Table
from lib.cuckoo.reporting.sqlite.tables import CALLS, EVENTS, TABLES
from lib.cuckoo.reporting.story.values import Record

VERSION = 1
"""Of the tables, as `PRAGMA user_version`; raised when a table or a column changes its meaning or goes."""
_SETTINGS = (
    *("journal_mode = OFF", "synchronous = OFF", "temp_store = FILE", "cache_size = -32000"),
    *("foreign_keys = ON", f"user_version = {VERSION}"),
)


def write_database(target: Path, results: Record, *, calls: bool = True) -> None:
    """Write the results as a database; without `calls` the tables of calls and events stay empty.

    Raises:
        OSError: the file cannot be made or cannot take its place.
        sqlite3.Error: SQLite cannot write it, or what the results hold exceeds its limits.
    """
    indicators = [as_record(each) for each in gathered_indicators(results)]
    with drafted(target) as draft:
        # every table is complete or the file is thrown away, so nothing needs a journal
        with closing(sqlite3.connect(draft, isolation_level=None)) as database:
            for setting in _SETTINGS:
                database.execute(f"PRAGMA {setting}")
            database.execute("BEGIN")
            _fill(database, {**results, Added.INDICATORS: indicators}, () if calls else (CALLS, EVENTS))
            database.execute("COMMIT")
        _sync(draft)


def _fill(database: sqlite3.Connection, results: Record, empty: Sequence[Table]) -> None:
    for table in TABLES:
        database.execute(table.declaration())
        if table not in empty:
            database.executemany(table.insertion(), table.cells(results))
    for table in TABLES:
        for index in table.index_declarations():
            database.execute(index)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
