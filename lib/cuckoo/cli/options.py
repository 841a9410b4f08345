"""Options that several commands take, and what they mean."""

import os
from pathlib import Path

import click

from lib.cuckoo.common.root import Root

_ROOT_HELP = "Working root; else $FLEDGE_ROOT, else the current folder if it has a conf/."

root_option = click.option("--root", metavar="DIR", type=click.Path(path_type=Path), help=_ROOT_HELP)
modules_option = click.option(
    "--modules",
    metavar="DIR",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A further folder of processing modules; may be given several times.",
)
signatures_option = click.option(
    "--signatures",
    metavar="DIR",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A further collection of signatures; may be given several times.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for machines, one line a result."
)


def find_analysis(folder: str, root: Root) -> Path:
    """Return the path that is meant by a path or an id, which is a plain name."""
    by_id = root.analyses / folder
    plain = folder not in {"", ".", ".."} and "/" not in folder
    return by_id if plain and not os.path.isdir(folder) and os.path.isdir(by_id) else Path(folder)  # noqa: PTH112 - Path.is_dir raises for a name that is too long
