"""What commands print, and the status with which they exit."""

import json
from typing import TYPE_CHECKING

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


def print_json(value: object, indent: int | None = None) -> None:
    """Print a value as JSON, fit for parsers and terminals."""
    click.echo(json_text(value, indent))


def json_text(value: object, indent: int | None = None) -> str:
    """Return a value as JSON that every parser takes, and in ASCII, which moves no terminal's cursor."""
    from lib.cuckoo.reporting.jsonstream import json_chunks  # noqa: PLC0415 - only for machines

    return json.dumps(json.loads(b"".join(json_chunks(value))), indent=indent)


def complain(error: Exception) -> None:
    """Print what went wrong to standard error, one line."""
    from lib.cuckoo.console.text import visible  # noqa: PLC0415 - only on errors

    click.echo(f"fledge: {visible(str(error))}", err=True)
