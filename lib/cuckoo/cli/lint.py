"""`fledge lint`."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from lib.cuckoo.cli.terminal import FAILED


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
def lint(files: Sequence[Path]) -> None:
    """Check that files of modules or signatures keep the contract.

    \b
    fledge lint modules/processing/mine.py modules/signatures/windows/*.py

    The exit status is 1 when there is something to complain about.
    """  # noqa: D301 - the backspace is what click knows lines to keep by
    from lib.cuckoo.console.text import visible  # noqa: PLC0415 - only here
    from lib.cuckoo.core.lint import lint_file  # noqa: PLC0415 - only here

    findings = [finding for file in files for finding in lint_file(file)]
    for finding in findings:
        click.echo(visible(str(finding)))
    if findings:
        sys.exit(FAILED)
    click.echo(f"{len(files)} file(s), nothing to complain about")
