"""`fledge diff`."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lib.cuckoo.cli.options import find_analysis, json_option, root_option
from lib.cuckoo.cli.terminal import FAILED, print_all, print_json, terminal
from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.common.root import find_root

if TYPE_CHECKING:
    from lib.cuckoo.reporting.diff.record import Difference
    from lib.cuckoo.reporting.story.parts import Limits

_ROWS_IN_TERMINAL, _ROWS_ON_PAGE = 20, 500


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@root_option
@click.option(
    "--only", "parts", metavar="SECTION", multiple=True, help="Only this; may be given several times."
)
@click.option(
    "--context", default=3, type=click.IntRange(0, 1000), help="Calls before a divergence (default: 3)."
)
@click.option(
    "--exact", is_flag=True, help="Let handles, addresses, times and temporary names count as well."
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    help=f"Rows of a table (default: {_ROWS_IN_TERMINAL}, on the page {_ROWS_ON_PAGE}); the others are counted.",
)
@click.option(
    "--html", "page", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write a page."
)
@json_option
def diff(  # noqa: PLR0913, PLR0917 - click hands over each option as an argument
    a: str,
    b: str,
    root: Path | None,
    parts: Sequence[str],
    context: int,
    exact: bool,
    limit: int | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """Tell what is different between two analyses that were processed.

    A and B are paths of analyses or of report files, packed or not, or ids below storage/analyses of the working root.
    Sections: summary, sections, modules, signatures, processes, calls, activity, network, dropped, static.

    \b
    fledge diff 1 2
    fledge diff 1 2 --only calls --context 10     where each process parts
    fledge diff before.json.gz after.json.gz --html diff.html

    The exit status is 0 when there is no difference, 1 when there is one, 2 when they could not be compared.
    """  # noqa: D301 - the backspace is what click knows lines to keep by
    from lib.cuckoo.core.runs import opened_run  # noqa: PLC0415 - only here
    from lib.cuckoo.reporting.diff.compare import PARTS, Wanted, compare  # noqa: PLC0415 - only here

    unknown = [name for name in parts if name not in PARTS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is no section; there are {', '.join(PARTS)}")
    working_root = find_root(root)
    with ExitStack() as runs:
        one, other = (
            runs.enter_context(opened_run(find_analysis(name, working_root), name)) for name in (a, b)
        )
        found = compare(one, other, Wanted(parts, exact, context))
    _tell(found, limit, page, as_json)
    sys.exit(FAILED if found else 0)


def _tell(found: "Difference", limit: int | None, page: Path | None, as_json: bool) -> None:
    from lib.cuckoo.common.text import visible  # noqa: PLC0415 - only here
    from lib.cuckoo.console.difference import difference, headline  # noqa: PLC0415 - only here
    from lib.cuckoo.reporting.story.parts import Limits  # noqa: PLC0415 - only here

    limits = Limits(entries=limit or _ROWS_IN_TERMINAL, text=300)
    if page is not None:
        _write(found, page, Limits(entries=limit or _ROWS_ON_PAGE))
    if as_json:
        print_json(found.as_record())
    else:
        print_all(terminal(), difference(found, limits) if page is None else headline(found, limits))
        if page is not None:
            click.echo(f"page  {visible(page)}")


def _write(found: "Difference", page: Path, limits: "Limits") -> None:
    from lib.cuckoo.reporting.files import write_whole  # noqa: PLC0415 - only here
    from lib.cuckoo.reporting.html.difference import difference_chunks  # noqa: PLC0415 - only here

    try:
        write_whole(page, difference_chunks(found, limits))
    except OSError as error:
        raise CuckooReportError(f"cannot write {page}: {error.strerror}") from error
