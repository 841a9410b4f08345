"""`fledge cache`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lib.cuckoo.cli.options import find_analysis, json_option, root_option
from lib.cuckoo.cli.terminal import print_all, print_json, terminal
from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.common.root import Root, find_root

if TYPE_CHECKING:
    from lib.cuckoo.core.cache.shelf import Holding, Shelf


@click.command()
@click.argument("folders", metavar="[FOLDER]...", nargs=-1)
@root_option
@click.option("--clear", is_flag=True, help="Forget the answers that are shown.")
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    type=click.FloatRange(0),
    help="Only analyses whose answers were not used for so many days.",
)
@json_option
def cache(folders: Sequence[str], root: Path | None, clear: bool, days: float | None, as_json: bool) -> None:
    """Show or clear what is kept so that nothing is computed twice.

    FOLDER is a path, or an id below storage/analyses of the working root; without one it is about all analyses.

    \b
    fledge cache                           what is kept of each analysis: answers, size, last use
    fledge cache --older-than 30 --clear
    fledge cache 1 --clear                 have analysis 1 computed anew
    """  # noqa: D301 - the backspace is what click knows lines to keep by
    from lib.cuckoo.core.cache.shelf import configured_shelf  # noqa: PLC0415 - `fledge --help` needs none

    working_root = find_root(root)
    shelf = configured_shelf(working_root)
    if shelf is None:
        raise CuckooStartupError("there is no cache: [cache] in conf/fledge.conf disables it")
    chosen = _chosen(shelf, _places(shelf, folders, working_root), days)
    if reason := shelf.why_unused():
        raise CuckooStartupError(f"the cache is not used: {reason}")
    if clear:
        for holding in chosen:
            shelf.drop(holding)
    if as_json:
        for holding in chosen:
            print_json(holding.as_record())
    else:
        _show(shelf, chosen, cleared=clear)


def _places(shelf: "Shelf", folders: Sequence[str], root: Root) -> set[Path] | None:
    """Return the places of the analyses that are named, None when none is; one that is gone may be named too."""
    paths = [find_analysis(folder, root).resolve() for folder in folders]
    return {shelf.place(str(path)) for path in paths} if folders else None


def _chosen(shelf: "Shelf", places: set[Path] | None, days: float | None) -> list["Holding"]:
    """Return what is kept of the analyses in question, used last first."""
    holdings = sorted(shelf.holdings(), key=lambda each: each.used, reverse=True)
    return [
        each
        for each in holdings
        if (places is None or each.folder in places) and (days is None or each.unused_days >= days)
    ]


def _show(shelf: "Shelf", holdings: Sequence["Holding"], *, cleared: bool) -> None:
    from lib.cuckoo.console.cached import cached, total  # noqa: PLC0415 - rich costs 50 ms

    if cleared:
        click.echo(f"forgot {total(holdings)}")
    elif not holdings:
        click.echo(f"nothing is kept in {shelf.folder}")
    else:
        print_all(terminal(), cached(shelf, holdings))
