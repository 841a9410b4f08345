"""The part of `fledge process` that is about many analyses."""

import functools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from lib.cuckoo.cli.terminal import (
    COULD_NOT_RUN,
    FAILED,
    INTERRUPTED,
    json_text,
    print_all,
    print_json,
    terminal,
)

if TYPE_CHECKING:
    from lib.cuckoo.console.batch import LiveBatch, PlainBatch, Tally
    from lib.cuckoo.core.batch.journal import Listener
    from lib.cuckoo.core.engine import Settings

workers_option = click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Analyses that may be processed at the same time (default: the number of CPUs).",
)
log_option = click.option(
    "--log",
    metavar="FILE",
    type=click.File("a", lazy=False),
    help="Append to FILE what happens, one JSON object a line.",
)
_OPTIONS = [
    workers_option,
    click.option(
        "--since",
        metavar="TIME",
        type=click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]),
        help='Only analyses of this time or later: "2026-01-31", "2026-01-31 13:21".',
    ),
    click.option("--failed", is_flag=True, help="Only analyses whose last run failed or did not end."),
    click.option("--resume", is_flag=True, help="Go on with the last run over FOLDER that did not end."),
    log_option,
]


@dataclass(frozen=True)
class BatchOptions:
    """How many analyses are to be processed, and which."""

    workers: int | None
    since: datetime | None
    failed: bool
    resume: bool
    log: IO[str] | None

    def mean_many(self, folders: Sequence[Path]) -> bool:
        """Tell whether this is about more than one analysis that is named."""
        from lib.cuckoo.core.batch.analyses import holds_analyses  # noqa: PLC0415 - `fledge --help` needs none

        if len(folders) > 1 or self.since or self.failed or self.resume or self.log:
            return True
        try:
            return holds_analyses(folders[0])
        except (OSError, ValueError):
            return False


def batch_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of this file; they arrive as one argument, `batch`."""

    @functools.wraps(command)
    def gathered(
        *,
        workers: int | None,
        since: datetime | None,
        failed: bool,
        resume: bool,
        log: IO[str] | None,
        **others: Any,
    ) -> None:
        command(batch=BatchOptions(workers, since, failed, resume, log), **others)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered


def process_many(folders: Sequence[Path], settings: "Settings", options: BatchOptions, as_json: bool) -> int:
    """Process a selection of analyses, show how that went and return the exit status."""
    from lib.cuckoo.console.batch import Tally  # noqa: PLC0415 - rich costs 50 ms
    from lib.cuckoo.core.batch.run import Batch, Selection  # noqa: PLC0415 - `fledge --help` needs none
    from lib.cuckoo.core.batch.stopping import Stop  # noqa: PLC0415 - as above
    from lib.cuckoo.core.batch.supervisor import Conduct  # noqa: PLC0415 - as above

    tally, started = Tally(), time.monotonic()
    display = None if as_json else _display(tally)
    listeners: list[Listener] = [tally.hear, *sinks(options.log, as_json)]
    if display:
        listeners.append(display.hear)
    conduct = Conduct(options.workers or cpus(), listener=told_to(listeners))
    selection = Selection(folders, options.since, options.failed)
    batch = Batch(selection, settings, conduct, resume=options.resume)
    for event in batch.before():
        tally.hear(event)
    stop = Stop(lambda: display.tick(batch.running()) if display else None)
    try:
        with stop.listening():
            batch.go(stop)
    finally:
        if display:
            display.close()
    if not as_json:
        _conclude(tally, batch.journal, time.monotonic() - started, interrupted=stop.asked)
    return INTERRUPTED if stop.asked else _status(tally)


def sinks(log: IO[str] | None, as_json: bool) -> list["Listener"]:
    """Return who writes events down for machines."""
    found: list[Listener] = []
    if log is not None:
        found.append(lambda event: _write_line(log, event))
    if as_json:
        found.append(print_json)
    return found


def told_to(listeners: Sequence["Listener"]) -> "Listener":
    """Return a listener that passes events on to several."""

    def hear(event: dict[str, Any]) -> None:
        for listener in listeners:
            listener(event)

    return hear


def cpus() -> int:
    """Return how many processors we may use."""
    return len(os.sched_getaffinity(0))


def _write_line(log: IO[str], event: dict[str, Any]) -> None:
    log.write(json_text(event) + "\n")
    log.flush()


def _display(tally: "Tally") -> "LiveBatch | PlainBatch":
    from lib.cuckoo.console.batch import LiveBatch, PlainBatch  # noqa: PLC0415 - rich costs 50 ms

    console = terminal()
    return LiveBatch(console, tally) if console.is_terminal else PlainBatch(console, tally)


def _conclude(tally: "Tally", journal: Path, seconds: float, *, interrupted: bool) -> None:
    from rich.text import Text  # noqa: PLC0415 - rich costs 50 ms

    from lib.cuckoo.console.batch import batch_summary  # noqa: PLC0415 - as above

    console = terminal()
    print_all(console, batch_summary(tally, seconds))
    print_all(console, [Text(f"journal  {journal}")])
    if interrupted:
        left = max(tally.selected - tally.done, 0)
        print_all(console, [Text(f"interrupted: {left:,} to go; the same command with --resume does them")])


def _status(tally: "Tally") -> int:
    if tally.endings["UNPROCESSED"]:
        return COULD_NOT_RUN
    return FAILED if tally.endings["FAILED"] else 0
