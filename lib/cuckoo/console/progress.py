"""What a person sees while the engine works: a live list on a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.text import Text

from lib.cuckoo.console.text import visible
from lib.cuckoo.core.discovery import Candidate
from lib.cuckoo.core.ledger import Outcome, Run

_SAID_CHARACTERS = 60
STYLES = {
    Outcome.COMPLETED: "green",
    Outcome.CACHED: "green",
    Outcome.DISABLED: "dim",
    Outcome.UNCONFIGURED: "dim",
    Outcome.UNAVAILABLE: "yellow",
}
"""Colour of an outcome; any other is red."""


def style_of(outcome: Outcome) -> str:
    """Return the colour that an outcome is shown in."""
    return STYLES.get(outcome, "red")


class PlainProgress:
    """One line for each module that ends, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def planned(self, stage: str, names: Sequence[str]) -> None:
        """Say nothing: the lines to come say it."""

    def started(self, candidate: Candidate) -> None:
        """Say nothing until it ends."""

    def progress(self, candidate: Candidate, text: str) -> None:
        """Say nothing until it ends."""

    def finished(self, run: Run) -> None:
        """Print how a module ended."""
        reason = f"  {visible(run.reason)}" if run.reason else ""
        line = f"  {run.module:<16} {run.outcome:<13} {run.wall_seconds:7.2f} s{reason}"
        self._console.print(Text(line), soft_wrap=True, highlight=False)

    def tick(self) -> None:
        """Do nothing."""


class LiveProgress:
    """The modules that run, with their clocks, and how many are done.

    It is redrawn by the engine's ticks: a thread that redraws would make forking unsafe.
    """

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._running: dict[tuple[str, str | None], float] = {}
        self._said: dict[tuple[str, str | None], str] = {}
        self._stage, self._since = "", 0.0
        self._planned = self._done = 0

    def planned(self, stage: str, names: Sequence[str]) -> None:
        """Start counting a stage."""
        self._stage, self._since = stage, time.monotonic()
        self._planned, self._done = len(names), 0
        self._live.start()
        self.tick()

    def started(self, candidate: Candidate) -> None:
        """Show a module as running."""
        self._running[candidate.name, candidate.cls.__name__] = time.monotonic()
        self.tick()

    def progress(self, candidate: Candidate, text: str) -> None:
        """Remember what a module says it does, for the next tick."""
        self._said[candidate.name, candidate.cls.__name__] = visible(text, _SAID_CHARACTERS)

    def finished(self, run: Run) -> None:
        """Count a module as done."""
        self._running.pop((run.module, run.class_name), None)
        self._said.pop((run.module, run.class_name), None)
        self._done += run.class_name is not None  # a part of a module has no class
        self.tick()

    def tick(self) -> None:
        """Draw the list again."""
        now = time.monotonic()
        running = "   ".join(
            f"{key[0]} {now - since:.0f} s {self._said.get(key, '')}".rstrip()
            for key, since in self._running.items()
        )
        done = f"{self._done} of {self._planned}" if self._running or self._done else f"{self._planned}"
        shown = f"  {self._stage}: {done}, {now - self._since:.0f} s   {running}"
        self._live.update(Text(shown, overflow="ellipsis", no_wrap=True), refresh=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._live.stop()
