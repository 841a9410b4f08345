import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.reporting.sqlite.database import write_database
from lib.cuckoo.reporting.sqlite.manual import manual

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "sqlite.md"
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_page_describes_the_tables_as_they_are() -> None:
    described = PAGE.read_text(encoding="utf-8").partition("## Tables\n\n")[2]

    assert described == manual(), (
        "write lib.cuckoo.reporting.sqlite.manual.manual() below '## Tables' of the page"
    )


@pytest.mark.parametrize("query", QUERIES)
def test_the_queries_of_the_page_have_answers(
    example: tuple[Path, dict[str, Any]], tmp_path: Path, query: str
) -> None:
    write_database(tmp_path / "report.sqlite", example[1])

    with closing(sqlite3.connect(tmp_path / "report.sqlite")) as database:
        rows = database.execute(query).fetchall()

    assert len(rows) > 3
    assert all(row[0] for row in rows)


def test_there_are_three_queries() -> None:
    assert len(QUERIES) == 3
