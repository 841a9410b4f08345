"""`fledge calls`."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import click

from lib.cuckoo.cli.options import find_analysis, root_option
from lib.cuckoo.common.root import find_root


@click.command()
@click.argument("folder", metavar="FOLDER")
@root_option
@click.option("--pid", "pids", multiple=True, type=int, help="Only this process; may be given several times.")
@click.option("--api", "apis", multiple=True, help="Only calls of this name; may be given several times.")
@click.option(
    "--category", "categories", multiple=True, help="Only this category; may be given several times."
)
@click.option(
    "--grep", "pattern", help="Only calls with an argument, as name=value, that holds this pattern."
)
@click.option("--since", default="", help='Not before this time: "2026-01-31 13:21:44", or only "13:21".')
@click.option(
    "--format",
    "form",
    default="table",
    type=click.Choice(["table", "ndjson", "csv", "parquet"]),
    help="How calls are written (default: one line each).",
)
@click.option(
    "--output",
    "-o",
    type=click.File("wb", lazy=False),
    default="-",
    help="A file (default: standard output).",
)
def calls(  # noqa: PLR0913, PLR0917 - click hands over each option as an argument
    folder: str,
    root: Path | None,
    pids: Sequence[int],
    apis: Sequence[str],
    categories: Sequence[str],
    pattern: str | None,
    since: str,
    form: str,
    output: IO[bytes],
) -> None:
    """Look at API calls without making a report.

    FOLDER is a path, or an id below storage/analyses of the working root.

    \b
    fledge calls 1 --api RegSetValueExW
    fledge calls 1 --category network --since 09:14:30
    fledge calls 1 --grep '(?i)ransom' --format ndjson
    fledge calls 1 --format parquet -o calls.parquet
    """  # noqa: D301 - the backspace is what click knows lines to keep by
    from lib.cuckoo.behavior.export import TEXT_FORMATS, write_parquet  # noqa: PLC0415 - only here
    from lib.cuckoo.behavior.listing import Wanted, matching_calls  # noqa: PLC0415 - only here

    compiled = _compiled(pattern) if pattern else None
    wanted = Wanted(frozenset(pids), frozenset(apis), frozenset(categories), compiled, since)
    found = matching_calls(find_analysis(folder, find_root(root)), wanted)
    if form == "parquet":
        write_parquet(found, output)
    else:
        output.writelines(_for_terminal(TEXT_FORMATS[form](found), output))


def _compiled(pattern: str) -> "re.Pattern[str]":
    try:
        return re.compile(pattern)
    except re.error as error:
        raise click.BadParameter(f"{pattern!r} is not a regular expression: {error}") from error


def _for_terminal(lines: Iterable[bytes], output: IO[bytes]) -> Iterable[bytes]:
    """Make lines fit for a terminal, if that is where they go."""
    if not output.isatty():
        return lines
    from lib.cuckoo.console.text import visible  # noqa: PLC0415 - files get the bytes as they are

    return (visible(line.decode().rstrip("\n")).encode() + b"\n" for line in lines)
