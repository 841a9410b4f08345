"""The command line. The only place that prints or exits.

Exit status: 0 all well, 1 some module failed, 2 could not run, 130 interrupted.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from lib.cuckoo import __version__
from lib.cuckoo.common.exceptions import CuckooCriticalError, CuckooOperationalError
from lib.cuckoo.common.root import Root, find_root

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from lib.cuckoo.core.engine import Settings
    from lib.cuckoo.core.results import Results
    from lib.cuckoo.core.stage import Observer

_ROOT_HELP = "Working root; else $FLEDGE_ROOT, else the current folder if it has a conf/."
_FAILED, _COULD_NOT_RUN, _INTERRUPTED = 1, 2, 130
_PIPE_WIDTH = 160

_root_option = click.option("--root", metavar="DIR", type=click.Path(path_type=Path), help=_ROOT_HELP)
_modules_option = click.option(
    "--modules",
    metavar="DIR",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A further folder of processing modules; may be given several times.",
)
_signatures_option = click.option(
    "--signatures",
    metavar="DIR",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A further collection of signatures; may be given several times.",
)
_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for machines, one line a result."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="fledge")
def cli() -> None:
    """Turn the raw results of a malware sandbox into results people and programs can use.

    `fledge COMMAND --help` explains a command.
    """


@cli.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True)
@_root_option
@_modules_option
@_signatures_option
@click.option(
    "--jobs",
    "-j",
    default=1,
    type=click.IntRange(1, 256),
    help="Modules that may run at the same time (default: 1).",
)
@click.option("--in-process", is_flag=True, help="Run modules in one process, without limits, for debuggers.")
@click.option("--deterministic", is_flag=True, help="Leave times out: equal input gives equal reports.")
@_json_option
def process(
    folders: Sequence[str],
    root: Path | None,
    modules: Sequence[Path],
    signatures: Sequence[Path],
    jobs: int,
    in_process: bool,
    deterministic: bool,
    as_json: bool,
) -> None:
    """Process analysis folders and write their reports.

    FOLDER is a path, or an id below storage/analyses of the working root.

    \b
    fledge process 1                       an analysis of the working root
    fledge process /srv/analyses/2204      a folder anywhere
    fledge process 1 2 3 --json | jq .     several, for machines

    The exit status is 0 when all went well, 1 when some module failed (the report has the rest and says why),
    2 when an analysis could not be processed at all, 130 when interrupted.
    """  # noqa: D301 - the backspace is what click knows lines to keep by
    from lib.cuckoo.core.engine import Settings  # noqa: PLC0415 - `fledge --help` needs no engine

    working_root = find_root(root)
    status = 0
    for folder in folders:
        console, observer = _display(as_json)
        settings = Settings(
            root=working_root,
            modules=modules,
            signatures=signatures,
            jobs=jobs,
            in_process=in_process,
            deterministic=deterministic,
            observer=observer,
        )
        status = max(status, _process_one(folder, settings, console, as_json))
    sys.exit(status)


@cli.command()
@click.argument("folder", metavar="FOLDER")
@_root_option
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
    found = matching_calls(_find_analysis(folder, find_root(root)), wanted)
    if form == "parquet":
        write_parquet(found, output)
    else:
        output.writelines(_for_terminal(TEXT_FORMATS[form](found), output))


@cli.command()
@click.argument("folder", metavar="FOLDER")
@click.argument("signature", metavar="SIGNATURE")
@_root_option
@_modules_option
@_signatures_option
@_json_option
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
    engine = Engine(_find_analysis(folder, settings.root), settings)
    engine.process()
    found = engine.explain(signature)
    if as_json:
        _print_json(found.as_record())
    else:
        _print_all(_console(), explanation_parts(found))


@cli.command()
@click.argument("folder", metavar="FOLDER")
@click.argument("sections", metavar="[SECTION]...", nargs=-1)
@_root_option
@click.option("--json", "path", metavar="PATH.TO.VALUE", help="Print one value of the report as JSON.")
def show(folder: str, sections: Sequence[str], root: Path | None, path: str | None) -> None:
    """Tell the story of an analysis that was processed before.

    FOLDER is a path, or an id below storage/analyses of the working root; its report.json is read. Sections: summary,
    processes, signatures, network (these four by default), dropped, static, memory, strings, other, calls, ledger.

    \b
    fledge show 1                              the story in short
    fledge show 1 calls ledger                 some sections of it
    fledge show 1 --json network.dns.0.request
    """  # noqa: D301 - the backspace is what click knows lines to keep by
    from lib.cuckoo.console.show import SECTION_NAMES, pick, read_report, story  # noqa: PLC0415 - only here

    unknown = [name for name in sections if name not in SECTION_NAMES]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is no section; there are {', '.join(SECTION_NAMES)}")
    results = read_report(_find_analysis(folder, find_root(root)))
    if path is not None:
        click.echo(json.dumps(pick(results, path), indent=2))
    else:
        _print_all(_console(), story(results, sections))


@cli.command()
@_root_option
@_modules_option
@_json_option
def modules(root: Path | None, modules: Sequence[Path], as_json: bool) -> None:
    """Show which modules would run, and why each other one would not.

    They stand in the order in which they would run.
    """
    from lib.cuckoo.console.plan import plan, plan_record  # noqa: PLC0415 - only here
    from lib.cuckoo.core.engine import Settings, discover_processing, discover_reporting  # noqa: PLC0415 - only here

    settings = Settings(find_root(root), list(modules))
    stages = {"processing": discover_processing(settings), "reporting": discover_reporting(settings)}
    if as_json:
        _print_json({name: plan_record(found) for name, found in stages.items()})
        return
    console = _console()
    for name, found in stages.items():
        _print_all(console, plan(name, found))


@cli.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
def lint(files: Sequence[Path]) -> None:
    """Check that files of modules or signatures keep the contract.

    The exit status is 1 when there is something to complain about.
    """
    from lib.cuckoo.console.text import visible  # noqa: PLC0415 - only here
    from lib.cuckoo.core.lint import lint_file  # noqa: PLC0415 - only here

    findings = [finding for file in files for finding in lint_file(file)]
    for finding in findings:
        click.echo(visible(str(finding)))
    if findings:
        sys.exit(_FAILED)
    click.echo(f"{len(files)} file(s), nothing to complain about")


@cli.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Make a working root in DIR: configuration, folders, an example.

    Files that exist already are left alone.
    """
    from lib.cuckoo.core.scaffold import make_root  # noqa: PLC0415 - only here

    for file in make_root(folder):
        click.echo(f"wrote {file}")
    click.echo(f"\nnow: cd {folder} && fledge modules")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    try:
        cli.main(arguments, prog_name="fledge", standalone_mode=False)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except click.ClickException as error:
        error.show()
        sys.exit(_COULD_NOT_RUN)
    except (CuckooCriticalError, CuckooOperationalError) as error:
        _complain(error)
        sys.exit(_COULD_NOT_RUN)


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


def _process_one(folder: str, settings: "Settings", console: "Console", as_json: bool) -> int:
    """Process one analysis, show what came out and return the exit status."""
    from lib.cuckoo.core.engine import Engine  # noqa: PLC0415 - `fledge --help` needs no engine
    from lib.cuckoo.core.results import Results  # noqa: PLC0415 - `fledge --help` needs no engine

    try:
        engine = Engine(_find_analysis(folder, settings.root), settings)
    except CuckooOperationalError as error:
        _complain(error)
        if as_json:
            _print_json({"path": folder, "error": str(error)})
        return _COULD_NOT_RUN
    try:
        engine.process()
        engine.match()
        engine.report()
    finally:
        _close(settings.observer)
    results = Results(engine.path, engine.results, engine.ledger)
    _show(results, console, as_json)
    return _FAILED if results.failures else 0


def _show(results: "Results", console: "Console", as_json: bool) -> None:
    if as_json:
        _print_json(_outcome_record(results))
        return
    from lib.cuckoo.console.summary import summary  # noqa: PLC0415 - machines need no tables

    _print_all(console, summary(results))


def _print_json(record: dict[str, Any]) -> None:
    """Print a record as every parser takes it, and in ASCII, which moves no terminal's cursor."""
    from lib.cuckoo.reporting.jsonstream import json_chunks  # noqa: PLC0415 - only for machines

    click.echo(json.dumps(json.loads(b"".join(json_chunks(record)))))


def _outcome_record(results: "Results") -> dict[str, Any]:
    return {
        "path": str(results.path),
        "sections": list(results),
        "modules": [run.as_record() for run in results.runs],
        "problems": [vars(problem) for problem in results.problems],
        "failed": len(results.failures),
    }


def _find_analysis(folder: str, root: Root) -> Path:
    """Return the path that is meant by a path or an id, which is a plain name."""
    by_id = root.analyses / folder
    plain = folder not in {"", ".", ".."} and "/" not in folder
    return by_id if plain and not os.path.isdir(folder) and os.path.isdir(by_id) else Path(folder)  # noqa: PTH112 - Path.is_dir raises for a name that is too long


def _display(as_json: bool) -> tuple["Console", "Observer"]:
    """Return where to print and who shows the progress."""
    from lib.cuckoo.console.progress import LiveProgress, PlainProgress  # noqa: PLC0415 - rich costs 50 ms
    from lib.cuckoo.core.stage import Silence  # noqa: PLC0415 - only here

    console = _console()
    if as_json:
        return console, Silence()
    return console, LiveProgress(console) if console.is_terminal else PlainProgress(console)


def _close(observer: "Observer") -> None:
    close = getattr(observer, "close", None)
    if close is not None:
        close()


def _print_all(console: "Console", parts: "Iterable[RenderableType]") -> None:
    """Print tables fitted to the terminal and lines of text whole, so that paths can be copied."""
    from rich.text import Text  # noqa: PLC0415 - rich costs 50 ms

    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text))


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415 - rich costs 50 ms

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def _complain(error: Exception) -> None:
    from lib.cuckoo.console.text import visible  # noqa: PLC0415 - only on errors

    click.echo(f"fledge: {visible(str(error))}", err=True)
