"""What reports cost: writing them, their size, and how long a browser takes to open the page.

    python -m benchmarks.report

Three analyses: one process with a million calls, as `benchmarks.behavior` writes them; sixty processes with
everything else at length; and the example. Opening is measured by the browser itself, until its `load` event and
until the first frame after it. Needs Chromium. The other reports are written in a process each; memory is the largest
resident set, in which the index of the calls and the parts of the log that are mapped count.
"""

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import fledge
from benchmarks.behavior import folder
from lib.cuckoo.behavior.sections import Shown, logs_of, read_logs, sections
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.reporting.callfiles import write_calls
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.html.page import Bounds, page_chunks
from lib.cuckoo.reporting.iocs.gather import gather
from lib.cuckoo.reporting.iocs.writing import as_csv
from lib.cuckoo.reporting.jsonstream import in_report_order, json_chunks
from lib.cuckoo.reporting.packing import packer
from lib.cuckoo.reporting.sqlite.database import write_database
from tools.browser import address_of, browser

EXAMPLE = Path(__file__).resolve().parent.parent / "storage" / "analyses" / "1"
OPENED = """
    const done = arguments[0];
    requestAnimationFrame(() => setTimeout(() => {
        const entry = performance.getEntriesByType("navigation")[0];
        done([entry.loadEventEnd, performance.now(), document.querySelectorAll("*").length]);
    }));
"""


def main() -> None:
    """Measure and print the table."""
    rows = Table(title="report.html", title_justify="left")
    for label in ("analysis", "written", "size", "loaded", "drawn", "elements"):
        rows.add_column(label, justify="left" if label == "analysis" else "right")
    others = Table(title="other reports", title_justify="left")
    for label in ("analysis", "report", "written", "size", "memory"):
        others.add_column(label, justify="left" if label in {"analysis", "report"} else "right")
    with tempfile.TemporaryDirectory() as scratch, browser() as driver:
        for name, analysis, results in analyses(Path(scratch)):
            page = Path(scratch) / f"{name}.html"
            before = time.process_time()
            size = write_whole(page, page_chunks(results, AnalysisFolder(analysis), Bounds()))
            seconds = time.process_time() - before
            driver.get(address_of(page))
            loaded, drawn, elements = driver.execute_async_script(OPENED)
            rows.add_row(
                *(name, f"{seconds:.2f} s", f"{size / 1e6:.2f} MB"),
                *(f"{loaded / 1000:.2f} s", f"{drawn / 1000:.2f} s", f"{elements:,}"),
            )
            for form, write in FORMS.items():
                others.add_row(name, form, *measured(write, Path(scratch), results))
    Console(width=110).print(rows, others)


def report_json(scratch: Path, results: dict[str, Any], how: str) -> int:
    """Write report.json, packed or not."""
    return write_whole(scratch / "report.json", packer(how)(json_chunks(in_report_order(results))))


def separate_calls(scratch: Path, results: dict[str, Any]) -> int:
    """Write the calls into files of their own."""
    write_calls(scratch, results["behavior"]["processes"])
    return sum(file.stat().st_size for file in (scratch / "calls").iterdir())


def indicators(scratch: Path, results: dict[str, Any]) -> int:
    """Gather the indicators and write the table."""
    return write_whole(scratch / "iocs.csv", as_csv(gather(results).indicators))


def database(scratch: Path, results: dict[str, Any]) -> int:
    """Write the database."""
    write_database(scratch / "report.sqlite", results)
    return (scratch / "report.sqlite").stat().st_size


FORMS: dict[str, Callable[[Path, dict[str, Any]], int]] = {
    "report.json": partial(report_json, how="no"),
    "report.json.gz": partial(report_json, how="gzip"),
    "report.json.zst": partial(report_json, how="zstd"),
    "calls/*.ndjson": separate_calls,
    "iocs.csv": indicators,
    "report.sqlite": database,
}


def measured(
    write: Callable[[Path, dict[str, Any]], int], scratch: Path, results: dict[str, Any]
) -> tuple[str, str, str]:
    """Write a report in a process of its own; return CPU seconds, size and memory."""
    told, tell = multiprocessing.Pipe(duplex=False)

    def work() -> None:
        before = time.process_time()
        size = write(scratch, results)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tell.send((time.process_time() - before, size, peak))

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    seconds, size, peak = told.recv()
    child.join()
    return f"{seconds:.2f} s", f"{size / 1e6:.2f} MB", f"{peak / 1024:.0f} MiB"


def analyses(scratch: Path) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Yield name, folder and results."""
    yield "example", EXAMPLE, dict(fledge.process(EXAMPLE))
    million = folder(scratch, 1_000_000, distinct=True)
    yield (
        "a million calls",
        million,
        {"behavior": sections(list(read_logs(logs_of(million / "logs"), 1)), Shown())},
    )
    yield "everything at length", scratch, large()


def large() -> dict[str, Any]:
    """Return results that have more of everything than a page holds."""
    names = [f"C:\\Users\\john\\Documents\\{number:08}.docx" for number in range(3000)]
    call = {
        "api": "NtCreateFile",
        "arguments": [{"name": "FileName", "value": names[0]}] * 5,
        "category": "file",
    }
    processes = [{"process_id": pid, "process_name": "a.exe", "calls": [call] * 300} for pid in range(60)]
    summary = dict.fromkeys(("files", "read_files", "write_files", "keys", "mutexes"), names)
    signature = {"severity": 3, "description": "Does something", "data": [{"file": name} for name in names]}
    return {
        "behavior": {"processes": processes, "summary": summary},
        "signatures": [signature] * 200,
        "dropped": [{"name": name, "guest_paths": [name]} for name in names],
        "network": {"dns": [{"request": name} for name in names], "http": [{"uri": name} for name in names]},
        "strings": names,
    }


if __name__ == "__main__":
    main()
