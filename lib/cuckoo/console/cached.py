"""What the cache holds, as a table."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lib.cuckoo.common.text import size_text
from lib.cuckoo.console.text import visible
from lib.cuckoo.core.cache.shelf import Holding, Shelf

_HOUR, _MINUTE = 1 / 24, 1 / 1440


def cached(shelf: Shelf, holdings: Sequence[Holding]) -> Iterator[RenderableType]:
    """Yield a table with a line for each analysis, and the sum of all."""
    table = Table(box=None, padding=(0, 2), header_style="dim", show_edge=False)
    table.add_column("analysis", overflow="fold")
    for label in ("answers", "size", "last used"):
        table.add_column(label, justify="right", no_wrap=True)
    for holding in holdings:
        table.add_row(
            Text(visible(holding.analysis or f"unknown ({holding.folder.name})")),
            str(len(holding.answers)),
            size_text(holding.size_bytes),
            age_text(holding.unused_days),
        )
    yield table
    yield Text(f"{total(holdings)} in {visible(shelf.folder)}, of at most {size_text(shelf.megabytes << 20)}")


def total(holdings: Sequence[Holding]) -> str:
    """Return how much several holdings are together."""
    answers, size = sum(len(each.answers) for each in holdings), sum(each.size_bytes for each in holdings)
    noun = "analysis" if len(holdings) == 1 else "analyses"
    return f"{answers} answers on {len(holdings)} {noun}, {size_text(size)}"


def age_text(days: float) -> str:
    """Return an age in the unit that fits: "5 min ago", "3 h ago", "12 d ago"."""
    if days < _HOUR:
        return f"{max(0, days) / _MINUTE:.0f} min ago"
    return f"{days / _HOUR:.0f} h ago" if days < 1 else f"{days:.0f} d ago"
