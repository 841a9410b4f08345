"""What an analysis costs beside its modules, and what waiting for one costs.

    python benchmarks/batch.py

Every analysis is tiny: one module, one report. The engine alone processes some of them in one process that has
everything imported; the batch run does all. Times are of the wall clock, on a machine that does nothing else.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

import fledge
from lib.cuckoo.common.root import SHIPPED

ANALYSES = 2000
ALONE = 100
POLLS_PER_SECOND = 4
WATCHED_SECONDS = 10
_MODULE = """
from lib.cuckoo.common.abstracts import Processing


class Tiny(Processing):
    key = "tiny"

    def run(self):
        return []
"""


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        root = make_root(Path(scratch))
        alone = engine_seconds(root)
        one, _ = batch_seconds(root, 1)
        two, memory = batch_seconds(root, 2)
        poll, watching = watch_costs(root)
    rows = [
        ("the engine alone, an analysis", f"{alone * 1000:.1f} ms"),
        ("a batch of one worker, an analysis", f"{one * 1000:.1f} ms"),
        ("what the batch adds", f"{(one - alone) * 1000:.1f} ms"),
        ("a batch of two workers, an analysis", f"{two * 1000:.1f} ms"),
        (f"supervisor of {ANALYSES:,}, memory", f"{memory / 1e6:.0f} MB"),
        (f"a watch of {ANALYSES:,}, CPU for each look", f"{poll * 1000:.1f} ms"),
        (f"a watch of {ANALYSES:,}, memory", f"{watching / 1e6:.0f} MB"),
    ]
    table = Table(title="many analyses", title_justify="left")
    for label in ("what", "measured"):
        table.add_column(label, justify="left" if label == "what" else "right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def make_root(root: Path) -> Path:
    """Make a working root with the analyses, and one module."""
    shipped = {stage: (SHIPPED / "modules" / stage).glob("[!_]*.py") for stage in ("processing", "reporting")}
    (root / "conf").mkdir()
    for stage, files in shipped.items():
        sections = [
            f"[{file.stem}]\nenabled = {'yes' if file.stem == 'jsondump' else 'no'}\n" for file in files
        ]
        (root / "conf" / f"{stage}.conf").write_text("".join(sections))
    with (root / "conf" / "processing.conf").open("a") as file:
        file.write("[tiny]\nenabled = yes\n")
    (root / "conf" / "fledge.conf").write_text("[signatures]\nenabled = no\n")
    modules = root / "modules" / "processing"
    modules.mkdir(parents=True)
    (modules / "tiny.py").write_text(_MODULE)
    for number in range(ANALYSES):
        analysis = root / "storage" / "analyses" / str(number + 1)
        analysis.mkdir(parents=True)
        (analysis / "analysis.log").write_text("a line\n")
    return root


def engine_seconds(root: Path) -> float:
    """Return what an analysis takes in a process that has everything imported."""
    folders = sorted((root / "storage" / "analyses").iterdir())
    fledge.process(folders[0], root=root, reports=True)
    started = time.perf_counter()
    for folder in folders[:ALONE]:
        fledge.process(folder, root=root, reports=True)
    return (time.perf_counter() - started) / ALONE


def batch_seconds(root: Path, workers: int) -> tuple[float, int]:
    """Return what an analysis takes in a batch run, its start included, and the most memory of any process."""
    command = [
        sys.executable,
        "-m",
        "fledge",
        "process",
        str(root / "storage" / "analyses"),
        "--root",
        str(root),
    ]
    started = time.perf_counter()
    subprocess.run([*command, "--workers", str(workers)], check=True, capture_output=True)
    elapsed = time.perf_counter() - started
    return elapsed / ANALYSES, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10


def watch_costs(root: Path) -> tuple[float, int]:
    """Return the CPU seconds of a look at a folder in which all is done, and the memory of the watch."""
    command = [
        sys.executable,
        "-m",
        "fledge",
        "watch",
        str(root / "storage" / "analyses"),
        "--root",
        str(root),
    ]
    watch = subprocess.Popen([*command, "--interval", str(1 / POLLS_PER_SECOND)], stdout=subprocess.DEVNULL)
    try:
        time.sleep(WATCHED_SECONDS)
        before = cpu_seconds(watch.pid)
        time.sleep(WATCHED_SECONDS)
        spent = cpu_seconds(watch.pid) - before
        memory = int(Path(f"/proc/{watch.pid}/status").read_text().partition("VmHWM:")[2].split()[0]) << 10
    finally:
        watch.terminate()
        watch.wait()
    return spent / WATCHED_SECONDS / POLLS_PER_SECOND, memory


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    main()
