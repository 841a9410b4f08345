"""`fledge modules`."""

from collections.abc import Sequence
from pathlib import Path

import click

from lib.cuckoo.cli.options import json_option, modules_option, root_option
from lib.cuckoo.cli.terminal import print_all, print_json, terminal
from lib.cuckoo.common.root import find_root


@click.command()
@root_option
@modules_option
@json_option
def modules(root: Path | None, modules: Sequence[Path], as_json: bool) -> None:
    """Show which modules would run, and why each other one would not.

    They stand in the order in which they would run.

    \b
    fledge modules
    fledge modules --modules ~/mine --json | jq .processing
    """  # noqa: D301 - the backspace is what click knows lines to keep by
    from lib.cuckoo.console.plan import plan, plan_record  # noqa: PLC0415 - only here
    from lib.cuckoo.core.engine import Settings, discover_processing, discover_reporting  # noqa: PLC0415 - only here

    settings = Settings(find_root(root), list(modules))
    stages = {"processing": discover_processing(settings), "reporting": discover_reporting(settings)}
    if as_json:
        print_json({name: plan_record(found) for name, found in stages.items()})
        return
    console = terminal()
    for name, found in stages.items():
        print_all(console, plan(name, found))
