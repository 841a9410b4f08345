"""What the signature stage costs: our own set, and generated signatures of every kind of filter.

    python -m benchmarks.signatures [CALLS …]

The logs are made here, of the kinds of calls that real ones consist of, and read by the scanner that is installed.
CPU seconds of one process, the best of five. *Own* is what was spent inside signatures, as the stage measures it;
*engine* is all the rest, decoding included.
"""

import itertools
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import fledge  # noqa: F401 - binds lib.cuckoo
from lib.cuckoo.behavior.log import LogIndex
from lib.cuckoo.behavior.source import LogSource
from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.core.signatures.loading import load_signatures
from lib.cuckoo.core.signatures.selection import Definition, Setting, select
from lib.cuckoo.core.signatures.stage import run_signatures
from tests.behavior.writer import Int64, call, info, process

SIZES = (26_000, 210_000)
GENERATED = 700
ROUNDS = 5
PROCESSES = 8
KINDS = [
    ("LdrGetProcedureAddress", "system", 15),
    ("NtMapViewOfSection", "process", 9),
    ("NtUnmapViewOfSection", "process", 9),
    ("RegOpenKeyExW", "registry", 7),
    ("GetSystemTimeAsFileTime", "system", 6),
    ("NtQueryInformationFile", "filesystem", 6),
    ("NtClose", "system", 6),
    ("NtWaitForSingleObject", "system", 5),
    ("Process32NextW", "process", 4),
    ("RegCloseKey", "registry", 4),
    ("RegQueryValueExW", "registry", 3),
    ("NtOpenEvent", "synchronization", 2),
    ("NtOpenProcess", "process", 2),
    ("NtAllocateVirtualMemory", "process", 1),
    ("NtCreateFile", "filesystem", 1),
    ("NtWriteFile", "filesystem", 1),
    ("RegSetValueExW", "registry", 1),
    ("NtDelayExecution", "system", 1),
]
"""Name, category and how often, as in a real analysis of 26,000 calls."""
ARGUMENTS = [["Handle", "p"], ["DesiredAccess", "h"], "FileName", "Buffer"]
OTHER_APIS = [f"Api{number}" for number in range(330)]


class Generated(Signature):
    """What evented signatures of the field mostly do: read an argument, compare, keep a little state."""

    evented = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seen: dict[int | None, int] = {}

    def on_call(self, call: dict[str, Any], process: Mapping[str, Any]) -> bool:  # noqa: ARG002 - the contract's
        """Read an argument and count."""
        name = self.get_argument(call, "FileName")
        if name and name.endswith("nothing"):
            self.mark_call()
        self.seen[self.pid] = self.seen.get(self.pid, 0) + 1
        return False


class Plain(Signature):
    """What the others mostly do: search the summary."""

    def run(self) -> bool:
        """Search one list."""
        return bool(self.check_key(r".*\\nothing\d+$", regex=True))


def main() -> None:
    """Measure and print the table."""
    sizes = [int(word) for word in sys.argv[1:]] or SIZES
    own = select(load_signatures([Path("modules/signatures")]).definitions, Setting("file", "windows")).chosen
    table = Table(title="signatures", title_justify="left")
    for label in ("signatures", "calls", "seconds", "own s", "engine s", "engine %", "µs per call"):
        table.add_column(label, justify="left" if label == "signatures" else "right")
    with tempfile.TemporaryDirectory() as scratch:
        for number in sizes:
            results = results_of(number, Path(scratch))
            for name, definitions in (("our own", own), ("generated", generated())):
                total, inside = measure(definitions, results)
                cells = (
                    f"{total:.2f}",
                    f"{inside:.2f}",
                    f"{total - inside:.2f}",
                    f"{1 - inside / total:.0%}",
                )
                table.add_row(
                    f"{len(definitions)} {name}", f"{number:,}", *cells, f"{total / number * 1e6:.1f}"
                )
    Console().print(table)


def measure(definitions: list[Definition], results: dict[str, Any]) -> tuple[float, float]:
    """Return CPU seconds of the stage, and how many of them were spent inside signatures; the best of five.

    The stage measures signatures on the wall clock; what other programs took is shared out evenly.
    """
    best = (float("inf"), 0.0)
    for _ in range(ROUNDS):
        before, before_wall = time.process_time(), time.perf_counter()
        stage = run_signatures(definitions, results)
        seconds, wall = time.process_time() - before, time.perf_counter() - before_wall
        best = min(best, (seconds, seconds * sum(run.seconds for run in stage.runs) / wall))
    return best


def generated() -> list[Definition]:
    """Return signatures with every kind of filter, in the proportions of the field."""
    chance = random.Random(7)
    apis = [name for name, _, _ in KINDS] + OTHER_APIS
    categories = sorted({category for _, category, _ in KINDS})
    kinds: Iterator[dict[str, Any]] = itertools.chain(
        ({} for _ in range(3)),
        ({"filter_categories": {chance.choice(categories)}} for _ in range(20)),
        ({"filter_processnames": {"1.exe"}, "filter_categories": {"registry"}} for _ in range(17)),
        ({"filter_apinames": {chance.choice(apis)}, "filter_categories": {"process"}} for _ in range(40)),
        ({"filter_apinames": set(chance.sample(apis, 4))} for _ in range(GENERATED // 2 - 80)),
    )
    evented = [
        type(f"G{number}", (Generated,), {"name": f"g{number}", **kind}) for number, kind in enumerate(kinds)
    ]
    plain = [
        type(f"P{number}", (Plain,), {"name": f"p{number}"}) for number in range(GENERATED - len(evented))
    ]
    return [Definition(cls) for cls in (*evented, *plain)]


def results_of(number: int, scratch: Path) -> dict[str, Any]:
    """Write logs of this many calls in all and return results as the behaviour module leaves them."""
    processes = []
    for pid in range(1, PROCESSES + 1):
        path = scratch / f"{number}-{pid}.bson"
        path.write_bytes(b"".join(log(number // PROCESSES, pid)))
        index = LogIndex(LogSource(path, 1 << 30))
        index.read()
        processes.append(
            {"process_id": pid, "process_name": f"{pid}.exe", "calls": index.calls(path.name)[-1]}
        )
    keys = [f"HKEY_CURRENT_USER\\Software\\Vendor\\{key}" for key in range(2000)]
    return {
        "behavior": {
            "processes": processes,
            "summary": {"keys": keys, "files": keys, "write_keys": keys[:100]},
        }
    }


def log(number: int, seed: int) -> Iterator[bytes]:
    """Yield the messages of one log."""
    chance = random.Random(seed)
    yield process()
    for index, (name, category, _) in enumerate(KINDS, 20):
        yield info(index, name, category, ARGUMENTS)
    indexes = chance.choices(range(20, 20 + len(KINDS)), [weight for _, _, weight in KINDS], k=number)
    for time_ms, index in enumerate(indexes):
        yield call(
            index,
            Int64(time_ms),
            0x80100080,
            f"C:\\Windows\\file{time_ms}".encode(),
            b"MZ\x90\x00",
            time=time_ms,
        )


if __name__ == "__main__":
    main()
