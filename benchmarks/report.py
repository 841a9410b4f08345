"""What the HTML report costs: writing it, its size, and how long a browser takes to open it.

    python -m benchmarks.report

Three analyses: one process with a million calls, as `benchmarks.behavior` writes them; sixty processes with
everything else at length; and the example. Opening is measured by the browser itself, until its `load` event and until
the first frame after it. Needs Chromium.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import fledge
from benchmarks.behavior import folder
from lib.cuckoo.behavior.sections import Shown, logs_of, read_logs, sections
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.html.page import Bounds, page_chunks
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
    Console(width=110).print(rows)


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
