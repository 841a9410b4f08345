"""`fledge init`."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Make a working root in DIR: configuration, folders, an example.

    Files that exist already are left alone.

    \b
    fledge init lab && cd lab && fledge modules
    """  # noqa: D301 - the backspace is what click knows lines to keep by
    from lib.cuckoo.core.scaffold import make_root  # noqa: PLC0415 - only here

    for file in dict.fromkeys(make_root(folder)):
        click.echo(f"wrote {file}")
    click.echo(f"\nnow: cd {folder} && fledge modules")
