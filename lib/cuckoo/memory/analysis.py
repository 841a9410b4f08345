"""An image from beginning to end: open, find out the system, run each plugin apart, draw conclusions."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.memory.apart import Send, perform
from lib.cuckoo.memory.findings import connections, findings
from lib.cuckoo.memory.image import Image
from lib.cuckoo.memory.kernel import find_kernel
from lib.cuckoo.memory.legacy import classic_records
from lib.cuckoo.memory.regions import RegionLimits, Regions, Scanner, region_of
from lib.cuckoo.memory.settings import PluginSettings
from lib.cuckoo.memory.shapes import ImageRecord, Memory, TableRecord
from lib.cuckoo.memory.tables import Ending, Table, ending_of, table_of
from lib.cuckoo.memory.volatility import Places, Progress, Session, has_symbols, open_session


@dataclass(frozen=True)
class Wishes:
    """What is wanted of an image, and what it may cost."""

    plugins: Sequence[PluginSettings]
    deadline: float
    """On the monotonic clock; plugins that have not ended by then are ended."""
    table_bytes: int = 128 << 20
    """Of all tables together, as JSON."""
    findings: int = 1000
    regions: RegionLimits = RegionLimits(64, 1 << 20, 32 << 20)  # noqa: RUF009 - it is frozen
    analysis: Path = Path()
    scanner: Scanner | None = None
    """Looks for YARA matches in regions."""
    yara_file: str = ""
    """Rules for the plugins whose names end with "yarascan"."""


@dataclass(frozen=True)
class PluginRun:
    """A plugin that was to run, how it ended, and what it gave."""

    settings: PluginSettings
    ending: Ending
    table: Table = field(default_factory=Table)
    seconds: float = 0.0

    @property
    def notes(self) -> list[str]:
        """What the table lacks."""
        beyond = [f"{self.table.beyond:,} more rows are left out"] if self.table.beyond else []
        return [*beyond, *self.table.problems]


def found_system(image: Image, places: Places, version: str, progress: Progress) -> Session:
    """Return a session on an image.

    Raises:
        CuckooProcessingError: its system is not known; the message says which symbols are missing and where
            they belong, if the image tells.
    """
    session, problems = open_session(image.location, places, version, progress)
    if session is not None:
        return session
    said = "".join(f"; Volatility: {problem:.500}" for problem in dict.fromkeys(problems))
    raise CuckooProcessingError(_why_unknown(image, places, progress) + said)


def _why_unknown(image: Image, places: Places, progress: Progress) -> str:
    progress("looking for a kernel's name")
    image.stream.seek(0)
    kernel = find_kernel(image.stream)
    what = f"the memory image ({image.layout}, {image.size:,} bytes)"
    if kernel is None:
        return f"{what} names no kernel of Windows, Linux or macOS: it is no image of memory, or is cut short"
    if has_symbols(kernel, places):
        return (
            f"{what} names the kernel {kernel.identity!r}, whose symbols are there, but its page tables "
            f"cannot be read: it is cut short or damaged"
        )
    return f"there are no symbols for {what}: {kernel.wanted(str(places.symbols))}"


def run_plugins(session: Session, wishes: Wishes, progress: Progress) -> Iterator[PluginRun]:
    """Run the plugins of the image's system that are enabled, each in a child of its own, in their order."""
    wanted = [plugin for plugin in wishes.plugins if plugin.enabled and plugin.system == session.system]
    left_bytes = wishes.table_bytes
    for number, settings in enumerate(wanted, 1):
        progress(f"{settings.name} ({number} of {len(wanted)})")
        seconds = min(settings.timeout_seconds, wishes.deadline - time.monotonic())
        if seconds <= 0:
            yield PluginRun(settings, Ending("TIMED_OUT", "not started: the module's time is up"))
        elif _lacks_rules(settings, wishes):
            yield PluginRun(settings, Ending("DISABLED", "needs rules: the option yara_file names none"))
        else:
            run, used = _run_plugin(session, settings, wishes, seconds, left_bytes)
            left_bytes = max(1, left_bytes - used)
            yield run


def _lacks_rules(settings: PluginSettings, wishes: Wishes) -> bool:
    return settings.name.endswith("yarascan") and not wishes.yara_file


def _run_plugin(
    session: Session, settings: PluginSettings, wishes: Wishes, seconds: float, left_bytes: int
) -> tuple[PluginRun, int]:
    options = {"yara_file": Path(wishes.yara_file).as_uri()} if settings.name.endswith("yarascan") else {}

    def work(send: Send) -> None:
        if settings.key == "malfind":
            _run_malfind(session, settings, wishes, send)
        else:
            session.run(settings, send, options)

    arrived = perform(work, seconds, left_bytes, settings.memory_mb << 20)
    table = table_of(arrived.records)
    ending = ending_of(arrived, settings, seconds, len(table.rows))
    return PluginRun(settings, ending, table, arrived.seconds), arrived.size_bytes


def _run_malfind(session: Session, settings: PluginSettings, wishes: Wishes, send: Send) -> None:
    """Run malfind and keep the regions it finds, here, where the layers of the processes are."""
    rows: list[Any] = []

    def remember(record: Any) -> None:
        if record[0] == "row":
            rows.append(record[1])
        send(record)

    session.run(settings, remember, {})
    regions = Regions(wishes.analysis, wishes.regions, wishes.scanner)
    for region in filter(None, map(region_of, rows)):
        record = regions.keep(region, session.read)
        if record is not None:
            send(["region", record])
    if regions.left_out:
        send(["problem", f"{regions.left_out} regions are not dumped: the options allow no more"])
    for problem in wishes.scanner.problems if wishes.scanner else ():
        send(["problem", problem])


def section(
    image: Image, session: Session, runs: Sequence[PluginRun], wishes: Wishes, behavior: Mapping[str, Any]
) -> Memory:
    """Return the section: `image`, a table for each plugin that gave one, `findings`, `connections`, `regions`."""
    tables = {run.settings.key: run.table.rows for run in runs if run.table.columns}
    found, beyond = findings(session.system, tables, wishes.findings)
    answer: Memory = {"image": _described(image, session)}
    cast("dict[str, Any]", answer).update(
        {run.settings.key: _table_record(run) for run in runs if run.table.columns}
    )
    answer["findings"] = found
    answer["connections"] = connections(tables, behavior)
    answer["regions"] = [region for run in runs for region in run.table.regions]
    if beyond:
        answer["truncated"] = {"findings": beyond}
    return answer


def _described(image: Image, session: Session) -> ImageRecord:
    return {
        "size": image.size,
        "packed": image.packed,
        "format": image.layout,
        "system": session.system,
        "layers": session.layers,
        "symbols": session.symbols,
        "volatility": session.version,
    }


def _table_record(run: PluginRun) -> TableRecord:
    record: TableRecord = {"columns": run.table.columns, "rows": run.table.rows}
    classic = classic_records(run.settings.key, run.table.rows)
    if classic is not None:
        record["data"] = classic
    if run.ending.outcome != "COMPLETED":
        record["truncated"] = {"reason": run.ending.reason}
    elif run.table.beyond:
        record["truncated"] = {"rows": run.table.beyond}
    return record
