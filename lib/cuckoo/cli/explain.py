"""`fledge explain`."""

from collections.abc import Sequence
from pathlib import Path

import click

from lib.cuckoo.cli.options import find_analysis, json_option, modules_option, root_option, signatures_option
from lib.cuckoo.cli.terminal import print_all, print_json, terminal
from lib.cuckoo.common.root import find_root


@click.command()
@click.argument("folder", metavar="FOLDER")
@click.argument("signature", metavar="SIGNATURE")
@root_option
@modules_option
@signatures_option
@json_option
def explain(
    folder: str,
    signature: str,
    root: Path | None,
    modules: Sequence[Path],
    signatures: Sequence[Path],
    as_json: bool,
) -> None:
    """Tell why a signature fired on an analysis, or why it did not.

    FOLDER is a path, or an id below storage/analyses of the working root; its sections are computed again.
    SIGNATURE is a name as it stands in reports, or the name of a class.

    \b
    fledge explain 1 persistence_run_key
    """  # noqa: D301 - the backspace is what click knows lines to keep by
    from lib.cuckoo.console.explanation import explanation_parts  # noqa: PLC0415 - only here
    from lib.cuckoo.core.engine import Engine, Settings  # noqa: PLC0415 - `fledge --help` needs no engine

    settings = Settings(find_root(root), modules=modules, signatures=signatures)
    engine = Engine(find_analysis(folder, settings.root), settings)
    engine.process()
    found = engine.explain(signature)
    if as_json:
        print_json(found.as_record())
    else:
        print_all(terminal(), explanation_parts(found))
