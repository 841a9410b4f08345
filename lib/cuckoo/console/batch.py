"""What a person sees of a run over many analyses: progress meanwhile, a summary at its end."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from lib.cuckoo.console.text import NOTHING_TO_READ, count_text, visible
from lib.cuckoo.core.batch.pool import Worker

_DRAW_SECONDS = 0.2
_NAMES_KEPT, _KINDS_SHOWN, _WORKERS_SHOWN = 20, 20, 16

_STYLES = {
    "COMPLETED": "green",
    "FAILED": "yellow",
    "UNPROCESSED": "red",
    "INTERRUPTED": "red",
    "skipped": "dim",
}
_MEANINGS = {
    "COMPLETED": "",
    "FAILED": "some module failed; the report has the rest",
    "UNPROCESSED": "no report",
    "INTERRUPTED": "stopped before the end; a resumed run does them",
    "skipped": "left to another process",
}


class Tally:
    """Counts what the events of a run say, in memory that does not grow with the run."""

    def __init__(self) -> None:
        self.selected = 0
        self.endings: Counter[str] = Counter()
        self.empty = 0
        """Analyses with nothing to read."""
        self.seconds = 0.0
        self.failures: Counter[tuple[str, str]] = Counter()
        """Module and outcome."""
        self.reasons: dict[tuple[str, str], str] = {}
        """Why the first of each kind failed."""
        self.unwell: list[str] = []
        """The first that did not go well: path and why."""

    @property
    def done(self) -> int:
        """How many analyses are through, one way or another."""
        return sum(count for ending, count in self.endings.items() if ending != "INTERRUPTED")

    def hear(self, event: dict[str, Any]) -> None:
        """Count an event."""
        match event.get("event"):
            case "selected":
                self.selected = self.done + int(event["count"])
            case "finished":
                self._finished(event)
            case "skipped":
                self.endings["skipped"] += 1
            case "interrupted" if not event.get("recovered"):
                self.endings["INTERRUPTED"] += 1

    def _finished(self, event: dict[str, Any]) -> None:
        self.endings[str(event.get("ending"))] += 1
        self.empty += bool(event.get("empty"))
        self.seconds += float(event.get("seconds") or 0)
        for failure in event.get("failures") or ():
            kind = (str(failure.get("module")), str(failure.get("outcome")))
            self.failures[kind] += 1
            self.reasons.setdefault(kind, str(failure.get("reason")))
        if event.get("ending") == "UNPROCESSED" and len(self.unwell) < _NAMES_KEPT:
            self.unwell.append(f"{event.get('path')}: {event.get('error')}")


def line_of(event: dict[str, Any], position: str = "") -> Text:
    """Return how an analysis ended, as one line."""
    ending = visible(event.get("ending", event["event"]), 20)
    why = event.get("error") or event.get("reason") or _first_failure(event) or _remark(event)
    seconds = f"{event['seconds']:8.2f} s" if event.get("seconds") else " " * 10
    name = visible(str(event.get("path", "")).rpartition("/")[2], 60)
    text = Text(f"  {position}")
    text.append(f"{ending:<12}", _STYLES.get(ending, ""))
    text.append(f"{seconds}  {name}")
    text.append(f"  {visible(why, 200)}" if why else "", "dim")
    return text


def _remark(event: dict[str, Any]) -> str:
    """Return what is worth to know of an analysis that did not fail."""
    if event.get("recovered"):
        return "its last run was killed"
    return NOTHING_TO_READ if event.get("empty") else ""


def _first_failure(event: dict[str, Any]) -> str:
    failures = event.get("failures") or []
    if not failures:
        return ""
    first = f"{failures[0].get('module')}: {failures[0].get('reason')}"
    return first if event.get("failed") == 1 else f"{first} (and {event['failed'] - 1} more)"


class PlainBatch:
    """A line for each analysis that ends, for logs and pipes."""

    def __init__(self, console: Console, tally: Tally) -> None:
        self._console = console
        self._tally = tally

    def hear(self, event: dict[str, Any]) -> None:
        """Print how an analysis ended."""
        if event["event"] in {"finished", "skipped", "interrupted"}:
            position = f"{self._tally.done}/{self._tally.selected}  " if self._tally.selected else ""
            self._console.print(line_of(event, position), soft_wrap=True)

    def tick(self, workers: Sequence[Worker]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class LiveBatch:
    """A bar, what is worked on, and a line for each analysis that did not go well, as it comes.

    It is redrawn by the supervisor's own loop: a thread that redraws would make forking unsafe.
    """

    def __init__(self, console: Console, tally: Tally) -> None:
        self._console = console
        self._tally = tally
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._started, self._drawn = time.monotonic(), 0.0
        self._before = 0

    def hear(self, event: dict[str, Any]) -> None:
        """Print what did not go well or had nothing to read; the time left is reckoned from when the work begins."""
        if event["event"] == "selected":
            self._started, self._before = time.monotonic(), self._tally.done
        if event["event"] == "finished" and event.get("ending") == "COMPLETED" and not event.get("empty"):
            return
        if event["event"] in {"finished", "skipped"}:
            self._console.print(line_of(event), soft_wrap=True)

    def tick(self, workers: Sequence[Worker]) -> None:
        """Draw again, if that was some time ago."""
        now = time.monotonic()
        if now - self._drawn < _DRAW_SECONDS:
            return
        self._drawn = now
        self._live.start()
        self._live.update(self._picture(workers, now), refresh=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._live.stop()

    def _picture(self, workers: Sequence[Worker], now: float) -> RenderableType:
        tally = self._tally
        if not tally.selected:
            return Text(f"  selecting, {now - self._started:.0f} s", "dim")
        head = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=tally.selected, completed=tally.done, width=30)
        failed = tally.endings["FAILED"] + tally.endings["UNPROCESSED"]
        head.add_row(
            Text(""),
            bar,
            Text(f"{tally.done:,} of {tally.selected:,}"),
            Text(f"{failed:,} failed" if failed else "", "yellow"),
            Text(self._left(now), "dim"),
        )
        return Group(head, *_workers(workers, now))

    def _left(self, now: float) -> str:
        done = self._tally.done - self._before
        if not done:
            return ""
        seconds = (now - self._started) / done * (self._tally.selected - self._tally.done)
        return f"about {duration_text(seconds)} left"


def _workers(workers: Sequence[Worker], now: float) -> Iterator[Text]:
    for worker in workers[:_WORKERS_SHOWN]:
        name = visible(worker.job.analysis.name, 40)
        yield Text(
            f"    {name:<24} {visible(worker.at, 24):<20} {now - worker.started:5.0f} s",
            overflow="ellipsis",
            no_wrap=True,
        )
    if len(workers) > _WORKERS_SHOWN:
        yield Text(f"    and {len(workers) - _WORKERS_SHOWN} more", "dim")


def batch_summary(tally: Tally, seconds: float) -> Iterator[RenderableType]:
    """Yield the parts of the summary, ready to be printed."""
    title = f"{count_text(tally.done, 'analysis', 'analyses')} in {duration_text(seconds)}"
    yield Rule(Text(title), align="left", style="bold")
    yield _endings(tally)
    if tally.failures:
        yield Text("")
        yield _failures(tally)
    if tally.empty:
        yield Text(f"  {count_text(tally.empty, 'analysis', 'analyses')} with {NOTHING_TO_READ}", "yellow")
    for line in tally.unwell:
        yield Text(f"  {visible(line, 400)}", "red")
    hidden = tally.endings["UNPROCESSED"] - len(tally.unwell)
    if hidden > 0:
        yield Text(f"  and {hidden:,} more without a report", "dim")


def _endings(tally: Tally) -> Table:
    table = _table("", "analyses", "")
    for ending, meaning in _MEANINGS.items():
        if count := tally.endings[ending]:
            table.add_row(Text(ending, _STYLES[ending]), Text(f"{count:,}"), Text(meaning, "dim"))
    return table


def _failures(tally: Tally) -> Table:
    table = _table("module", "analyses", "outcome", "the first of them")
    for (module, outcome), count in tally.failures.most_common(_KINDS_SHOWN):
        reason = visible(tally.reasons[module, outcome], 200)
        table.add_row(
            Text(visible(module, 40)),
            Text(f"{count:,}"),
            Text(visible(outcome, 20), "red"),
            Text(reason, "dim"),
        )
    return table


def _table(*labels: str) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim", show_edge=False)
    for label in labels:
        right = label == "analyses"
        table.add_column(label, justify="right" if right else "left", no_wrap=label != labels[-1])
    return table


def duration_text(seconds: float) -> str:
    """Return a duration for people: "8 s", "4 min", "3 h 20 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def watch_line(event: dict[str, Any]) -> Text | None:
    """Return an event of a watch as a line with its time; None for one that needs none."""
    stamp = f"{time.strftime('%H:%M:%S')}  "
    match event["event"]:
        case "finished" | "skipped" | "interrupted":
            line = line_of(event, stamp)
            if event.get("retry_at"):
                line.append(f"  again in {duration_text(event['retry_at'] - time.time())}", "dim")
            return line
        case "run":
            return Text(f"  {stamp}watching {visible(event['folders'][0])}")
        case "state":
            return Text(f"  {stamp}{_state_text(event)}", "dim")
        case "problem":
            return Text(f"  {stamp}{visible(event['error'], 400)}", "red")
        case "end":
            return Text(f"  {stamp}{visible(event['ending'])}")
    return None


def _state_text(event: dict[str, Any]) -> str:
    counts = event["counts"]
    parts = [f"{event['known']:,} known", f"{len(event['running'])} running", f"{event['waiting']:,} waiting"]
    parts += [f"{count:,} {word.lower()}" for word, count in counts.items()]
    return ", ".join(parts)
