"""`fledge show`."""

from collections.abc import Sequence
from pathlib import Path

import click

from lib.cuckoo.cli.options import find_analysis, root_option
from lib.cuckoo.cli.terminal import print_all, print_json, terminal
from lib.cuckoo.common.root import find_root
from lib.cuckoo.common.text import visible


@click.command()
@click.argument("folder", metavar="FOLDER")
@click.argument("sections", metavar="[SECTION]...", nargs=-1)
@root_option
@click.option("--json", "path", metavar="PATH.TO.VALUE", help="Print one value of the report as JSON.")
def show(folder: str, sections: Sequence[str], root: Path | None, path: str | None) -> None:
    """Tell the story of an analysis that was processed before.

    FOLDER is a path, or an id below storage/analyses of the working root, whose report.json is read; or it is a report
    itself, plain or packed, of another engine, too. Sections: summary, processes, signatures, network (these four by
    default), dropped, static, memory, strings, other, calls, ledger.

    \b
    fledge show 1                              the story in short
    fledge show 1 calls ledger                 some sections of it
    fledge show 1 --json network.dns.0.request
    """  # noqa: D301 - the backspace is what click knows lines to keep by
    from lib.cuckoo.console.show import SECTION_NAMES, pick, story, warning  # noqa: PLC0415 - only here
    from lib.cuckoo.core.batch.outdated import why_outdated  # noqa: PLC0415 - only here
    from lib.cuckoo.reporting.saved import find_report, read_report  # noqa: PLC0415 - only here
    from lib.cuckoo.reporting.view.contract import in_the_contracts_words  # noqa: PLC0415 - only here

    unknown = [name for name in sections if name not in SECTION_NAMES]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is no section; there are {', '.join(SECTION_NAMES)}")
    file = find_report(find_analysis(folder, find_root(root)))
    results = read_report(file)
    outdated = why_outdated(file)
    note = f"{file} is {outdated}" if outdated else ""
    if path is not None:
        if note:
            click.echo(f"fledge: {visible(note)}", err=True)
        print_json(pick(results, path), indent=2)
    else:
        print_all(terminal(), [*warning(note), *story(in_the_contracts_words(results), sections)])
