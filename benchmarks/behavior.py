"""What behaviour logs cost: the index, and all sections with report.json, for both scanners.

    python benchmarks/behavior.py [--quick]

Writes logs of a program that encrypts files, as the successor's monitor would: once with arguments that repeat, once
with a name of its own in every call that has one. Each measurement is a process of its own; CPU seconds are user and
system time, memory is the largest resident set. `--quick` leaves out the logs of more than a million calls.
"""

import argparse
import cProfile
import io
import json
import os
import pstats
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

import fledge  # noqa: F401 - binds lib.cuckoo

NUMBER = b"00000000"
FILE = b"C:\\Users\\john\\Documents\\" + NUMBER + b".docx"
KEY = b"HKEY_CURRENT_USER\\Software\\Classes\\CLSID\\" + NUMBER
NAMES_THAT_REPEAT = 1000

Call = tuple[str, str, tuple[tuple[str, str, int | bytes], ...]]
ROUND: tuple[Call, ...] = (
    (
        "NtCreateFile",
        "filesystem",
        (
            ("FileHandle", "p", 0x1C4),
            ("DesiredAccess", "h", 0x80100080),
            ("FileName", "", FILE),
            ("CreateDisposition", "", 1),
            ("ShareAccess", "", 3),
            ("FileAttributes", "h", 0x80),
            ("ExistedBefore", "", 1),
        ),
    ),
    (
        "NtQueryInformationFile",
        "filesystem",
        (
            ("FileHandle", "p", 0x1C4),
            ("HandleName", "", FILE),
            ("FileInformationClass", "", 5),
            ("FileInformation", "", b"\0\x10\0\0\0\0\0\0"),
        ),
    ),
    (
        "NtAllocateVirtualMemory",
        "process",
        (
            ("ProcessHandle", "p", 0xFFFFFFFF),
            ("BaseAddress", "p", 0x3E0000),
            ("RegionSize", "h", 0x1000),
            ("Protection", "", 4),
        ),
    ),
    (
        "NtReadFile",
        "filesystem",
        (
            ("FileHandle", "p", 0x1C4),
            ("HandleName", "", FILE),
            ("Buffer", "", b"PK\x03\x04" + bytes(28)),
            ("Length", "", 4096),
        ),
    ),
    ("CryptGenKey", "crypto", (("Algorithm", "", 0x6610), ("Flags", "", 1))),
    (
        "NtWriteFile",
        "filesystem",
        (
            ("FileHandle", "p", 0x1C4),
            ("HandleName", "", FILE),
            ("Buffer", "", bytes(range(200, 232))),
            ("Length", "", 4096),
        ),
    ),
    (
        "NtFreeVirtualMemory",
        "process",
        (
            ("ProcessHandle", "p", 0xFFFFFFFF),
            ("BaseAddress", "p", 0x3E0000),
            ("RegionSize", "h", 0),
            ("FreeType", "h", 0x8000),
        ),
    ),
    ("NtClose", "system", (("Handle", "p", 0x1C4),)),
    (
        "MoveFileWithProgressW",
        "filesystem",
        (("ExistingFileName", "", FILE), ("NewFileName", "", FILE + b".locked"), ("Flags", "h", 2)),
    ),
    (
        "RegOpenKeyExW",
        "registry",
        (
            ("Registry", "p", 0x80000001),
            ("SubKey", "", KEY[18:]),
            ("Handle", "p", 0x1C8),
            ("FullName", "", KEY),
        ),
    ),
    (
        "RegQueryValueExW",
        "registry",
        (
            ("Handle", "p", 0x1C8),
            ("ValueName", "", b"Version"),
            ("Data", "", b"1.0"),
            ("FullName", "", KEY + b"\\Version"),
        ),
    ),
    ("RegCloseKey", "registry", (("Handle", "p", 0x1C8),)),
    (
        "LdrGetProcedureAddress",
        "system",
        (
            ("ModuleName", "", b"kernel32.dll"),
            ("ModuleHandle", "p", 0x75BF0000),
            ("FunctionName", "", b"FlsGetValue"),
            ("Ordinal", "", 0),
            ("FunctionAddress", "p", 0x75C014B1),
        ),
    ),
    ("GetSystemTimeAsFileTime", "system", ()),
)
"""What the program does again and again: API, category, arguments with name, format and value."""
PROCESS = ("TimeLow", "TimeHigh", "ProcessIdentifier", "ParentProcessIdentifier", "ModulePath")


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="no logs of more than a million calls")
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "READER", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(MEASUREMENTS[options.measure[0]](Path(options.measure[2]))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        Console(width=110).print(table(Path(scratch), quick=options.quick))
        print(measured("profile", "cython", folder(Path(scratch), 1_000_000, distinct=True))["lines"])


def table(scratch: Path, *, quick: bool) -> Table:
    """Return the table of measurements beside what was aimed at."""
    rows = Table(title="behaviour logs", title_justify="left")
    for label in ("what", "measured", "at most (index: at least)"):
        rows.add_column(label, justify="left" if label == "what" else "right")
    million = folder(scratch, 1_000_000, distinct=True)
    for reader, aim in (("cython", "3,000,000"), ("python", "250,000")):
        best = min(measured("index", reader, million)["seconds"] for _ in range(3))
        rows.add_row(f"index, {reader}, calls a second", f"{1_000_000 / best:,.0f}", aim)
    for calls, aim in ((200_000, "2.0 s, 250 MB"), (1_000_000, "8 s, 400 MB")):
        for distinct in (False, True):
            add_report(
                rows, "cython", folder(scratch, calls, distinct=distinct), f"{calls:,} calls", distinct, aim
            )
    add_report(rows, "python", folder(scratch, 200_000, distinct=True), "200,000 calls", True, "")
    if not quick:
        add_growth(rows, scratch)
    return rows


def add_report(rows: Table, reader: str, logs: Path, what: str, distinct: bool, aim: str) -> None:
    """Measure sections and report.json."""
    found = measured("report", reader, logs)
    sort = "distinct" if distinct else "repeated"
    rows.add_row(
        f"sections and report.json, {reader}, {what}, {sort}",
        f"{found['seconds']:.2f} s, {found['mb']:.0f} MB",
        aim,
    )


def add_growth(rows: Table, scratch: Path) -> None:
    """Measure how time and memory grow from 0.2 to 5 million calls."""
    for distinct in (False, True):
        small, large = (
            measured("report", "cython", folder(scratch, calls, distinct=distinct))
            for calls in (200_000, 5_000_000)
        )
        each = (large["mb"] - small["mb"]) * 1e6 / 4_800_000
        factor = large["seconds"] / small["seconds"]
        sort = "distinct" if distinct else "repeated"
        rows.add_row(f"0.2 to 5 million calls, {sort}: time", f"x {factor:.1f}", "x 25")
        rows.add_row(f"0.2 to 5 million calls, {sort}: memory a call", f"{each:.0f} bytes", "60 bytes")
        rows.add_row(f"5,000,000 calls, {sort}", f"{large['seconds']:.1f} s, {large['mb']:.0f} MB", "")


def measured(what: str, reader: str, logs: Path) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    environment = os.environ | ({"FLEDGE_PURE": "1"} if reader == "python" else {})
    command = [sys.executable, __file__, "--measure", what, reader, str(logs)]
    answer = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def cpu_seconds() -> float:
    """Return user and system time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure_index(analysis: Path) -> dict[str, float]:
    """Index the log."""
    from lib.cuckoo.behavior.sections import logs_of, read_logs  # noqa: PLC0415 - reader chosen by the environment

    for path in logs_of(analysis / "logs"):
        path.read_bytes()
    before = time.process_time()
    list(read_logs(logs_of(analysis / "logs"), 1))
    return {"seconds": time.process_time() - before}


def measure_report(analysis: Path) -> dict[str, float]:
    """Parse, compute all sections, write report.json."""
    from lib.cuckoo.behavior.sections import Shown, logs_of, read_logs, sections  # noqa: PLC0415 - as above
    from lib.cuckoo.reporting.files import write_whole  # noqa: PLC0415 - as above
    from lib.cuckoo.reporting.jsonstream import json_chunks  # noqa: PLC0415 - as above

    before = cpu_seconds()
    behavior = sections(list(read_logs(logs_of(analysis / "logs"), 1)), Shown())
    size = write_whole(analysis / "report.json", json_chunks({"behavior": behavior}))
    seconds = cpu_seconds() - before
    return {
        "seconds": seconds,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "bytes": size,
    }


def measure_profile(analysis: Path) -> dict[str, str]:
    """Return the first ten lines of the profile of `measure_report`, by time inside each function."""
    profile, lines = cProfile.Profile(), io.StringIO()
    profile.runcall(measure_report, analysis)
    pstats.Stats(profile, stream=lines).strip_dirs().sort_stats("tottime").print_stats(10)
    return {"lines": lines.getvalue().strip()}


MEASUREMENTS = {"index": measure_index, "report": measure_report, "profile": measure_profile}


# --- the logs


def folder(scratch: Path, calls: int, *, distinct: bool) -> Path:
    """Return an analysis with one log of so many calls, written when it is not there."""
    analysis = scratch / f"{calls}-{'distinct' if distinct else 'repeated'}"
    log = analysis / "logs" / "3052.bson"
    if not log.exists():
        log.parent.mkdir(parents=True)
        with log.open("wb") as out:
            out.writelines(log_pieces(calls, distinct=distinct))
    return analysis


def log_pieces(calls: int, *, distinct: bool) -> Iterator[bytes]:
    """Yield a log: what declares the process and the calls, then the calls."""
    zero = {"C": 0, "R": 0, "P": 0, "T": 1960, "t": 0, "r": 0}
    yield declaration(0, "__process__", "__notification__", [(name, "") for name in PROCESS])
    yield document({"I": 0, **zero, "args": [1, 0, 0x60000000, 30861000, 3052, 2456, b"C:\\a.exe"]})
    templates = []
    for index, (api, category, arguments) in enumerate(ROUND, 9):
        yield declaration(index, api, category, [(name, shape) for name, shape, _ in arguments])
        values = [1, 0, *(value for _, _, value in arguments)]
        templates.append(
            template(document({"I": index, **zero, "C": 0x401000, "R": 0x401000, "args": values}))
        )
    for number in range(calls):
        call, time_at, numbers_at = templates[number % len(templates)]
        struct.pack_into("<i", call, time_at, number // 20)
        for at in numbers_at:
            call[at : at + 8] = b"%08d" % (number if distinct else number % NAMES_THAT_REPEAT)
        yield bytes(call)


def template(call: bytes) -> tuple[bytearray, int, list[int]]:
    """Return a call with the places of its time and of the numbers in its names."""
    numbers, at = [], call.find(NUMBER)
    while at >= 0:
        numbers.append(at)
        at = call.find(NUMBER, at + 8)
    return bytearray(call), call.index(b"\x10t\0") + 3, numbers


def declaration(index: int, api: str, category: str, arguments: list[tuple[str, str]]) -> bytes:
    """Return the message that declares a call type."""
    declared = ["is_success", "retval", *([name, shape] if shape else name for name, shape in arguments)]
    return document({"I": index, "name": api, "type": "info", "category": category, "args": declared})


def document(members: dict[str, object]) -> bytes:
    """Return a BSON document."""
    body = b"".join(element(name.encode() + b"\0", value) for name, value in members.items())
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def element(name: bytes, value: object) -> bytes:
    """Return a BSON element; addresses, which are large, become int64."""
    if isinstance(value, int):
        return (
            b"\x10" + name + struct.pack("<i", value)
            if value < 1 << 31
            else b"\x12" + name + struct.pack("<q", value)
        )
    if isinstance(value, str):
        return b"\x02" + name + struct.pack("<i", len(value) + 1) + value.encode() + b"\0"
    if isinstance(value, bytes):
        return b"\x05" + name + struct.pack("<iB", len(value), 0) + value
    assert isinstance(value, list)
    return b"\x04" + name + document({str(at): item for at, item in enumerate(value)})


if __name__ == "__main__":
    main()
