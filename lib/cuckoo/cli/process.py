"""`fledge process`."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lib.cuckoo.cli.batch import BatchOptions, batch_options, process_many
from lib.cuckoo.cli.options import find_analysis, json_option, modules_option, root_option, signatures_option
from lib.cuckoo.cli.partly import Part, part_options
from lib.cuckoo.cli.terminal import COULD_NOT_RUN, FAILED, complain, print_all, print_json, terminal
from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.root import find_root

if TYPE_CHECKING:
    from rich.console import Console

    from lib.cuckoo.core.engine import Settings
    from lib.cuckoo.core.results import Results
    from lib.cuckoo.core.stage import Observer


@click.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True)
@root_option
@modules_option
@signatures_option
@click.option(
    "--jobs",
    "-j",
    default=1,
    type=click.IntRange(1, 256),
    help="Modules that may run at the same time (default: 1).",
)
@click.option("--in-process", is_flag=True, help="Run modules in one process, without limits, for debuggers.")
@click.option("--deterministic", is_flag=True, help="Leave times out: equal input gives equal reports.")
@batch_options
@part_options
@json_option
def process(  # noqa: PLR0913, PLR0917 - click hands over each option as an argument
    folders: Sequence[str],
    root: Path | None,
    modules: Sequence[Path],
    signatures: Sequence[Path],
    jobs: int,
    in_process: bool,
    deterministic: bool,
    batch: BatchOptions,
    part: Part,
    as_json: bool,
) -> None:
    """Process analysis folders and write their reports.

    FOLDER is a path, or an id below storage/analyses of the working root; one that holds analyses means all of them.

    \b
    fledge process 1                       an analysis of the working root
    fledge process /srv/analyses/2204      a folder anywhere
    fledge process 1 2 3 --json | jq .     several, for machines
    fledge process storage/analyses --since 2026-01-01 --failed --workers 4
    fledge process storage/analyses --resume
    fledge process 1 --only network        one module; the rest as it was, where nothing has changed

    What was computed before from the same is taken from the cache (see `fledge cache`), and says CACHED.

    The exit status is 0 when all went well, 1 when some module failed (the report has the rest and says why),
    2 when an analysis could not be processed at all, 130 when interrupted.
    """  # noqa: D301 - the backspace is what click knows lines to keep by
    from lib.cuckoo.core.engine import Settings  # noqa: PLC0415 - `fledge --help` needs no engine

    settings = Settings(
        root=find_root(root),
        modules=modules,
        signatures=signatures,
        jobs=jobs,
        in_process=in_process,
        deterministic=deterministic,
        **vars(part),
    )
    paths = [find_analysis(folder, settings.root) for folder in folders]
    if batch.mean_many(paths):
        sys.exit(process_many(paths, settings, batch, as_json))
    console, observer = _display(as_json)
    sys.exit(_process_one(paths[0], replace(settings, observer=observer), console, as_json))


def _process_one(folder: Path, settings: "Settings", console: "Console", as_json: bool) -> int:
    """Process one analysis, show what came out and return the exit status."""
    try:
        results = _results(folder, settings)
    except CuckooOperationalError as error:
        complain(error)
        if as_json:
            print_json({"path": str(folder), "error": str(error)})
        return COULD_NOT_RUN
    _show(results, console, as_json)
    return FAILED if results.failures else 0


def _results(folder: Path, settings: "Settings") -> "Results":
    """Process one analysis, apart from batch runs and watches that share its folder.

    Raises:
        CuckooOperationalError: it cannot be read, or another process works on it.
    """
    from lib.cuckoo.core.batch.single import Kept, keeping  # noqa: PLC0415 - `fledge --help` needs no engine
    from lib.cuckoo.core.engine import Engine  # noqa: PLC0415 - as above
    from lib.cuckoo.core.results import Results  # noqa: PLC0415 - as above

    engine = Engine(folder, settings)
    with keeping(engine.path, settings.root) as keeper:
        if keeper is not None:
            engine.settings = replace(settings, observer=Kept(settings.observer, keeper))
        try:
            engine.process()
            engine.match()
            engine.report()
        finally:
            _close(settings.observer)
        results = Results(engine.path, engine.results, engine.ledger)
        if keeper is not None:
            keeper.record(results)
    return results


def _show(results: "Results", console: "Console", as_json: bool) -> None:
    if as_json:
        print_json(_outcome_record(results))
        return
    from lib.cuckoo.console.summary import summary  # noqa: PLC0415 - machines need no tables

    print_all(console, summary(results))


def _outcome_record(results: "Results") -> dict[str, Any]:
    return {
        "path": str(results.path),
        "sections": list(results),
        "modules": [run.as_record() for run in results.runs],
        "problems": [vars(problem) for problem in results.problems],
        "failed": len(results.failures),
    }


def _display(as_json: bool) -> tuple["Console", "Observer"]:
    """Return where to print and who shows the progress."""
    from lib.cuckoo.console.progress import LiveProgress, PlainProgress  # noqa: PLC0415 - rich costs 50 ms
    from lib.cuckoo.core.stage import Silence  # noqa: PLC0415 - only here

    console = terminal()
    if as_json:
        return console, Silence()
    return console, LiveProgress(console) if console.is_terminal else PlainProgress(console)


def _close(observer: "Observer") -> None:
    close = getattr(observer, "close", None)
    if close is not None:
        close()
