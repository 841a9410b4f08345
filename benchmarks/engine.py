"""What the engine itself costs: import, isolation, an empty folder, hashing and typing, a second run of the same.

    python benchmarks/engine.py [FOLDER...]

The first and the second run are measured on the example and on each FOLDER, an analysis that is copied first.

Times are the best of several runs, because everything that disturbs a run makes it longer.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

import fledge

RUNS = 7
MODULES = 40
SAMPLE_MB = 512
EXAMPLE = Path(__file__).resolve().parents[1] / "storage" / "analyses" / "1"
_IMPORT = "import time; t = time.perf_counter(); import fledge; print(time.perf_counter() - t)"
_TRIVIAL = """
from lib.cuckoo.common.abstracts import Processing


class Trivial(Processing):
    key = "{name}"

    def run(self):
        return []
"""


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sample = make_sample(folder)
        rows = [
            ("import fledge", f"{best(import_seconds) * 1000:.1f} ms", "80 ms"),
            ("isolation, each module", f"{best(lambda: isolation_seconds(folder)) * 1000:.1f} ms", "15 ms"),
            ("fledge process, empty folder", f"{best(lambda: empty_seconds(folder)):.2f} s", "0.7 s"),
            ("hash and type a file", f"{SAMPLE_MB / best(lambda: hashing_seconds(sample)):.0f} MB/s", ""),
        ]
        again = [run_again(analysis, folder) for analysis in (EXAMPLE, *map(Path, sys.argv[1:]))]
    show("engine", ("what", "measured", "at most"), rows)
    show("run again", ("analysis", "first run", "second run", "share"), again)


def show(title: str, labels: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left")
    for number, label in enumerate(labels):
        table.add_column(label, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def run_again(analysis: Path, scratch: Path) -> tuple[str, str, str, str]:
    """Return a row: how long the whole command takes on an analysis the first and the second time."""
    root = scratch / "again"
    copy = root / "storage" / "analyses" / "1"
    shutil.copytree(analysis, copy, ignore=shutil.ignore_patterns("reports"))
    (root / "conf").mkdir()
    command = [sys.executable, "-m", "fledge", "process", "--root", str(root), str(copy)]
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        subprocess.run(command, capture_output=True, check=False, cwd=scratch)
        seconds.append(time.perf_counter() - started)
    shutil.rmtree(root)
    first, second = seconds[0], seconds[1]
    return analysis.name, f"{first:.2f} s", f"{second:.2f} s", f"{100 * second / first:.1f} %"


def best(measure: Callable[[], float]) -> float:
    """Return the shortest of several runs, in seconds."""
    return min(measure() for _ in range(RUNS))


def import_seconds() -> float:
    """Return how long `import fledge` takes in a fresh interpreter."""
    return float(subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, check=True).stdout)


def isolation_seconds(scratch: Path) -> float:
    """Return what a module costs that does nothing: the time with many of them, in children, by their number."""
    root, analysis = scratch / "root", scratch / "analysis"
    modules = root / "modules" / "processing"
    for path in (modules, root / "conf", analysis):
        path.mkdir(parents=True, exist_ok=True)
    sections = ""
    for number in range(MODULES):
        name = f"trivial{number:02}"
        (modules / f"{name}.py").write_text(_TRIVIAL.format(name=name))
        sections += f"[{name}]\nenabled = yes\n"
    (root / "conf" / "processing.conf").write_text(sections)
    started = time.perf_counter()
    results = fledge.process(analysis, root=root)
    elapsed = time.perf_counter() - started
    assert len([run for run in results.runs if run.outcome == "COMPLETED"]) == MODULES
    return elapsed / MODULES


def empty_seconds(scratch: Path) -> float:
    """Return how long the whole command takes on a folder with nothing in it."""
    analysis = scratch / "empty"
    analysis.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "fledge", "process", "--json", "--no-cache", str(analysis)]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False, cwd=scratch)
    elapsed = time.perf_counter() - started
    assert json.loads(done.stdout)["path"] == str(analysis.resolve())
    return elapsed


def make_sample(scratch: Path) -> Path:
    """Write a large file of random bytes."""
    sample = scratch / "sample"
    with sample.open("wb") as file:
        for _ in range(SAMPLE_MB):
            file.write(os.urandom(1 << 20))
    return sample


def hashing_seconds(sample: Path) -> float:
    """Return the CPU seconds of all hashes and the type of the file."""
    from lib.cuckoo.common.objects import File  # noqa: PLC0415 - after `import fledge` has bound lib.cuckoo

    started = time.process_time()
    file = File(str(sample))
    assert file.get_size() == SAMPLE_MB << 20
    file.get_sha256()
    file.get_type()
    return time.process_time() - started


if __name__ == "__main__":
    main()
