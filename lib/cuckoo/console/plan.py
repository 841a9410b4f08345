"""The table of `fledge modules`: what would run, in which order, and why each other one would not."""

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lib.cuckoo.console.progress import style_of
from lib.cuckoo.console.text import visible
from lib.cuckoo.core.discovery import Candidate, Discovery
from lib.cuckoo.core.ledger import Run


def plan(title: str, found: Discovery) -> Iterator[RenderableType]:
    """Yield the plan of one stage as a table, then the problems."""
    table = Table(
        title=Text(title, style="bold"), title_justify="left", box=None, padding=(0, 2), header_style="dim"
    )
    for label in ("", "module", "class", "key", "order", "file"):
        table.add_column(label, overflow="fold")
    for number, candidate in enumerate(found.candidates, 1):
        table.add_row(str(number), *_candidate_row(candidate))
    for run in found.left_out:
        table.add_row(*_left_out_row(run))
    yield table
    for problem in found.problems:
        yield Text(visible(str(problem)), style="yellow")
    yield Text()


def plan_record(found: Discovery) -> dict[str, Any]:
    """Return the plan of one stage as plain data."""
    return {
        "run": [
            {
                "module": candidate.name,
                "class": candidate.cls.__name__,
                "key": candidate.key,
                "order": candidate.order,
                "file": str(candidate.file),
                "line": candidate.line,
            }
            for candidate in found.candidates
        ],
        "left_out": [
            {
                "module": run.module,
                "class": run.class_name,
                "file": run.file,
                "outcome": run.outcome,
                "reason": run.reason,
            }
            for run in found.left_out
        ],
        "problems": [vars(problem) for problem in found.problems],
    }


def _candidate_row(candidate: Candidate) -> tuple[str, ...]:
    key = candidate.key or ("set in run()" if hasattr(candidate.cls, "key") else "")
    return (candidate.name, candidate.cls.__name__, key, str(candidate.order), visible(candidate.file))


def _left_out_row(run: Run) -> tuple[Text, ...]:
    style = style_of(run.outcome)
    texts = ("-", run.module, run.class_name or "", str(run.outcome), "", run.reason)
    return tuple(Text(visible(text), style=style) for text in texts)
