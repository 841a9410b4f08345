"""`fledge watch`."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

import click

from lib.cuckoo.cli.batch import cpus, log_option, sinks, told_to, workers_option
from lib.cuckoo.cli.options import json_option, modules_option, root_option, signatures_option
from lib.cuckoo.cli.terminal import COULD_NOT_RUN, FAILED, INTERRUPTED, terminal
from lib.cuckoo.common.root import find_root

if TYPE_CHECKING:
    from lib.cuckoo.core.batch.journal import Listener


def _marker(context: click.Context, option: click.Parameter, value: str) -> str:  # noqa: ARG001 - the form of a callback
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts:
        raise click.BadParameter("is no name inside an analysis")
    return value


@click.command()
@click.argument("folder", metavar="FOLDER", type=click.Path(exists=True, file_okay=False, path_type=Path))
@root_option
@modules_option
@signatures_option
@workers_option
@click.option(
    "--jobs", "-j", default=1, type=click.IntRange(1, 256), help="Modules of an analysis at the same time."
)
@click.option(
    "--interval",
    default=5.0,
    type=click.FloatRange(0.1, 3600),
    metavar="SECONDS",
    help="Pause between two looks at FOLDER (default: 5).",
)
@click.option(
    "--settle",
    default=30.0,
    type=click.FloatRange(0, 86400),
    metavar="SECONDS",
    help="An analysis is complete when nothing in it has changed for so long (default: 30).",
)
@click.option(
    "--marker",
    default="",
    metavar="NAME",
    callback=_marker,
    help="An analysis is complete when it has a file of this name, whatever changes.",
)
@click.option(
    "--retries",
    default=3,
    type=click.IntRange(0, 100),
    help="How often an analysis is tried again that did not go well (default: 3).",
)
@click.option(
    "--backoff",
    default=60.0,
    type=click.FloatRange(0, 3600),
    metavar="SECONDS",
    help="Pause before the first retry; four times as long before each further one (default: 60).",
)
@click.option("--once", is_flag=True, help="Process what is complete now, and end.")
@log_option
@json_option
def watch(  # noqa: PLR0913, PLR0917 - click hands over each option as an argument
    folder: Path,
    root: Path | None,
    modules: Sequence[Path],
    signatures: Sequence[Path],
    workers: int | None,
    jobs: int,
    interval: float,
    settle: float,
    marker: str,
    retries: int,
    backoff: float,
    once: bool,
    log: IO[str] | None,
    as_json: bool,
) -> None:
    """Process each new analysis in FOLDER once it is complete.

    An analysis is complete when nothing in it has changed for --settle seconds, or when it has the file --marker.
    Several watches may share FOLDER, also from several machines: each analysis is processed by one of them.

    \b
    fledge watch storage/analyses
    fledge watch /srv/analyses --marker analysis.done --workers 4
    fledge watch storage/analyses --once --json | jq .

    Ctrl-C and SIGTERM end it; what was being processed is done again when a watch is next started.
    """  # noqa: D301 - the backspace is what click knows lines to keep by
    from lib.cuckoo.core.batch.place import Place  # noqa: PLC0415 - `fledge --help` needs none
    from lib.cuckoo.core.batch.stopping import Stop  # noqa: PLC0415 - as above
    from lib.cuckoo.core.batch.supervisor import Conduct  # noqa: PLC0415 - as above
    from lib.cuckoo.core.batch.watch import Watch, Watching  # noqa: PLC0415 - as above
    from lib.cuckoo.core.engine import Settings  # noqa: PLC0415 - as above

    settings = Settings(find_root(root), modules, signatures, jobs, cache=True)
    listeners = sinks(log, as_json)
    if not as_json:
        listeners.append(_lines())
    conduct = Conduct(
        workers or cpus(), retries=retries, backoff_seconds=backoff, listener=told_to(listeners)
    )
    watched = Watch(Place(folder), settings, conduct, Watching(interval, settle, marker, once))
    stop = Stop()
    with stop.listening():
        watched.go(stop)
    sys.exit(_status(stop, watched.counts, once=once))


def _lines() -> "Listener":
    """Return who prints what happens, a line each."""
    from lib.cuckoo.console.batch import watch_line  # noqa: PLC0415 - rich costs 50 ms

    console = terminal()

    def hear(event: dict[str, Any]) -> None:
        line = watch_line(event)
        if line is not None:
            console.print(line, soft_wrap=True)

    return hear


def _status(stop: "Any", counts: dict[str, int], *, once: bool) -> int:
    """Return 130 after Ctrl-C, 0 when ended by a service manager, and with --once what happened."""
    if stop.number == signal.SIGINT:
        return INTERRUPTED
    if not once or stop.asked:
        return 0
    if counts.get("UNPROCESSED"):
        return COULD_NOT_RUN
    return FAILED if counts.get("FAILED") else 0
