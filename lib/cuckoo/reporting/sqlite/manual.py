"""The tables in words, for the documentation."""

from collections.abc import Iterator

from lib.cuckoo.reporting.sqlite.shape import Column, Table
from lib.cuckoo.reporting.sqlite.tables import TABLES


def manual() -> str:
    """Return the chapter on each table, in Markdown."""
    return "\n\n".join("\n".join(_chapter(table)) for table in TABLES) + "\n"


def _chapter(table: Table) -> Iterator[str]:
    yield from (f"### {table.name}", "", f"{table.meaning[0].upper()}{table.meaning[1:]}.", "")
    yield from ("| column | type | what |", "|---|---|---|")
    for column in table.columns:
        yield f"| `{column.name}` | {column.kind} | {_meaning(column)} |"
    if table.indexes:
        yield from ("", f"Indexed by {'; '.join(f'`{columns}`' for columns in table.indexes)}.")


def _meaning(column: Column) -> str:
    told = column.meaning or column.name.replace("_", " ")
    return f"{told} → `{column.refers}.id`" if column.refers else told
