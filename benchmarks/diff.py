"""What comparing two runs costs.

    python -m benchmarks.diff

Two runs of a million calls, as `benchmarks.behavior` writes them, of which the last are not the same, from their
report.json files. They are compared in a process of its own; memory is its largest resident set.
"""

import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

import fledge  # noqa: F401 - binds lib.cuckoo
from benchmarks.behavior import folder
from lib.cuckoo.behavior.sections import Shown, logs_of, read_logs, sections
from lib.cuckoo.core.runs import opened_run
from lib.cuckoo.reporting.diff.compare import compare
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.jsonstream import json_chunks


def main() -> None:
    """Measure and print the table."""
    rows = Table(title="fledge diff", title_justify="left")
    for label in ("runs", "reports", "opened", "compared", "memory"):
        rows.add_column(label, justify="left" if label == "runs" else "right")
    with tempfile.TemporaryDirectory() as scratch:
        reports = [saved(Path(scratch) / name, calls) for name, calls in (("a", 1_000_000), ("b", 999_990))]
        size = sum((each / "reports" / "report.json").stat().st_size for each in reports)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            opened, compared, memory = pool.apply(diffed, reports)
        rows.add_row(
            *("two of a million calls, each with a name of its own", f"{size / 1e6:.0f} MB"),
            *(f"{opened:.1f} s", f"{compared:.1f} s", f"{memory / 1000:.0f} MB"),
        )
    Console(width=110).print(rows)


def saved(scratch: Path, calls: int) -> Path:
    """Write an analysis with its report.json, and return its folder."""
    scratch.mkdir()
    analysis = folder(scratch, calls, distinct=True)
    (analysis / "reports").mkdir(exist_ok=True)
    found = {"behavior": sections(list(read_logs(logs_of(analysis / "logs"), 1)), Shown())}
    write_whole(analysis / "reports" / "report.json", json_chunks(found))
    return analysis


def diffed(a: Path, b: Path) -> tuple[float, float, int]:
    """Return CPU seconds until both are open and until they are compared, and the largest resident set in kB."""
    before = time.process_time()
    with opened_run(a, "a") as one, opened_run(b, "b") as other:
        opened = time.process_time()
        if not compare(one, other):
            raise SystemExit("the two runs should differ")
        compared = time.process_time()
    return opened - before, compared - opened, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
