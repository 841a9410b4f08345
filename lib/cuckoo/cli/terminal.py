"""What commands print, and the status with which they exit."""

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console, RenderableType

FAILED, COULD_NOT_RUN, INTERRUPTED = 1, 2, 130
_PIPE_WIDTH = 160


def terminal() -> "Console":
    """Return the console on standard output, wide where it is no terminal."""
    from rich.console import Console  # noqa: PLC0415 - rich costs 50 ms

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def print_all(console: "Console", parts: "Iterable[RenderableType]") -> None:
    """Print tables fitted to the terminal and lines of text whole, so that paths can be copied."""
    from rich.text import Text  # noqa: PLC0415 - rich costs 50 ms

    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text))


def print_json(record: dict[str, Any]) -> None:
    """Print a record as every parser takes it, and in ASCII, which moves no terminal's cursor."""
    from lib.cuckoo.reporting.jsonstream import json_chunks  # noqa: PLC0415 - only for machines

    click.echo(json.dumps(json.loads(b"".join(json_chunks(record)))))


def complain(error: Exception) -> None:
    """Print what went wrong to standard error, one line."""
    from lib.cuckoo.console.text import visible  # noqa: PLC0415 - only on errors

    click.echo(f"fledge: {visible(str(error))}", err=True)
