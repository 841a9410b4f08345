"""Whole folders as malware might leave them, through the real command with the shipped modules."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.working_root import is_running
from tools.example import write_analysis

SECRET = "nothing of this may ever stand in a report"
Spoil = Callable[[Path, Path], None]
"""Changes an analysis folder, the first argument; the second is a folder outside, of which nothing may be read."""
ENOUGH_PROCESSES = 8
"""More than two modules need, so that the engine is in the middle of its work."""
ALL_WELL: dict[str, str] = {}
SAMPLE_UNREADABLE = {"static": "binary", "strings": "binary", "targetinfo": "binary"}


@dataclass(frozen=True)
class Shown:
    """What a user gets."""

    status: int
    text: str
    outcomes: dict[str, tuple[str, str]]
    """Module to outcome and reason."""
    notes: str
    problems: str

    @property
    def failures(self) -> dict[str, str]:
        return {
            name: why for name, (how, why) in self.outcomes.items() if how not in {"COMPLETED", "DISABLED"}
        }


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    folder = tmp_path / "root" / "storage" / "analyses" / "7"
    write_analysis(folder)
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder that a hostile one leads to; it must stay as it is."""
    folder = tmp_path / "outside"
    (folder / "inner").mkdir(parents=True)
    (folder / "secret").write_text(f"{SECRET}\n" * 50)
    (folder / "inner" / "1.bson").write_text(SECRET)
    before = _snapshot(folder)
    yield folder
    assert _snapshot(folder) == before


def _snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    found = {}
    for path in [folder, *folder.rglob("*")]:
        state = path.lstat()
        found[str(path)] = (state.st_mode, state.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
    return found


def _command(folder: Path, *arguments: str) -> list[str]:
    root = str(folder.parents[2])
    return [
        sys.executable,
        "-m",
        "fledge",
        "process",
        "--root",
        root,
        "--deterministic",
        *arguments,
        str(folder),
    ]


def _process(folder: Path, *arguments: str) -> Shown:
    """Run the command with `--json`; check what must hold for every folder."""
    ran = subprocess.run(
        _command(folder, "--json", *arguments), capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.stderr == ""
    assert ran.stdout.isascii()
    assert SECRET not in ran.stdout
    [record] = map(json.loads, ran.stdout.splitlines())
    runs = record["modules"]
    return Shown(
        ran.returncode,
        ran.stdout,
        {run["module"]: (run["outcome"], run["reason"]) for run in runs},
        "\n".join(note for run in runs for note in run["notes"]),
        "\n".join(problem["message"] for problem in record["problems"]),
    )


def _report(folder: Path) -> dict[str, Any]:
    raw = (folder / "reports" / "report.json").read_bytes()
    assert SECRET.encode() not in raw
    report: dict[str, Any] = json.loads(raw)
    assert report["engine"]["modules"]
    return report


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _linked(*names: str) -> Spoil:
    """Put links that lead out in the place of names: to a folder in that of a folder, else to a file."""

    def spoil(folder: Path, outside: Path) -> None:
        for name in names:
            _remove(folder / name)
            (folder / name).symlink_to(outside / ("secret" if "." in name or name == "binary" else "inner"))

    return spoil


def _fifos(*names: str) -> Spoil:
    def spoil(folder: Path, _: Path) -> None:
        for name in names:
            _remove(folder / name)
            os.mkfifo(folder / name)

    return spoil


def _directories(*names: str) -> Spoil:
    def spoil(folder: Path, _: Path) -> None:
        for name in names:
            _remove(folder / name)
            (folder / name).mkdir()

    return spoil


def _hostile_entries(folder: Path, outside: Path) -> None:
    """Fill files/ and logs/ with what is no file, and with names that no terminal should see."""
    for parent, suffix in ((folder / "files", ""), (folder / "logs", ".bson")):
        os.mkfifo(parent / f"fifo{suffix}")
        (parent / f"link{suffix}").symlink_to(outside / "secret")
        (parent / f"endless{suffix}").symlink_to("/dev/zero")
        (parent / f"circle{suffix}").symlink_to(f"circle{suffix}")
        (parent / f"folder{suffix}").mkdir()
        for name in ("\x1b[2J\x07", "a\nb\r", "\u202e", os.fsdecode(b"\xff\xfe"), "[red]x", "..\\..\\up"):
            (parent / f"{name}{suffix}").write_bytes(b"garbage")
    os.mknod(folder / "files" / "socket", stat.S_IFSOCK | 0o600)
    lines = [
        {"path": "../../../../outside/secret", "filepath": "C:\\x", "pids": [1]},
        {"path": "files/\0", "filepath": "a\0b\ud800", "pids": [{}, "x"]},
        {"path": ["files"], "filepath": "\x1b[2J"},
    ]
    described = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "files.json").write_text(described + '{"path":' + "[" * 20_000 + "\ngarbage\n")


def _hostile_task(folder: Path, _: Path) -> None:
    task = {"id": {}, "category": ["file"], "target": "\x1b]0;x\x07\u202e\ud800", "errors": ["\x1b[2J"]}
    (folder / "task.json").write_text(json.dumps(task | {"custom": 1e400, "started_on": "\x1b[1m"}))


def _deep_task(folder: Path, _: Path) -> None:
    (folder / "task.json").write_text('{"a":' * 10_000)


def _everything(folder: Path, outside: Path) -> None:
    _hostile_entries(folder, outside)
    _hostile_task(folder, outside)
    _fifos("process.log", "tlsmaster.txt", "analysis.conf")(folder, outside)
    _linked("binary", "dump.pcap", "cuckoo.log", "network", "static", "shots", "memory", "aux")(
        folder, outside
    )
    (folder / "analysis.log").write_bytes(
        b"2016-08-25 22:44:59,002 [x] ERROR: \x1b]0;x\x07\xff\xe2\x80\xae\n" * 9
    )
    (folder / "reports").mkdir()
    (folder / "reports" / "report.json").symlink_to(outside / "secret")


CASES: dict[str, tuple[Spoil, dict[str, str], str]] = {
    "links in the place of folders": (
        _linked("files", "logs", "shots", "network", "static", "memory", "aux"),
        ALL_WELL,
        "logs is a link: refused",
    ),
    "links in the place of files": (
        _linked("binary", "task.json", "files.json", "analysis.log", "dump.pcap"),
        SAMPLE_UNREADABLE | {"network": "outside the analysis"},
        "refused to read",
    ),
    "FIFOs in the place of everything": (
        _fifos(
            "binary",
            "task.json",
            "files",
            "files.json",
            "logs",
            "analysis.log",
            "dump.pcap",
            "network",
            "static",
        ),
        SAMPLE_UNREADABLE | {"network": "a FIFO"},
        "cannot list logs: Not a directory",
    ),
    "folders in the place of files": (
        _directories("binary", "task.json", "files.json", "analysis.log", "tlsmaster.txt"),
        SAMPLE_UNREADABLE,
        "analysis.log: it is a directory",
    ),
    "names and things that are no files": (
        _hostile_entries,
        ALL_WELL,
        "logs/link.bson is a link or no file: refused",
    ),
    "a task of wrong types": (_hostile_task, ALL_WELL, ""),
    "a task that is nested too deeply": (_deep_task, ALL_WELL, "task.json: nested too deeply"),
    "everything at once": (
        _everything,
        SAMPLE_UNREADABLE | {"network": "outside the analysis"},
        "process.log",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_folder_costs_only_what_cannot_be_read(analysis: Path, outside: Path, case: str) -> None:
    spoil, failures, told = CASES[case]
    spoil(analysis, outside)

    shown = _process(analysis)

    assert shown.failures.keys() == failures.keys(), shown.failures
    assert all(words in shown.failures[module] for module, words in failures.items()), shown.failures
    assert shown.status == bool(failures)
    assert told in f"{shown.notes}\n{shown.problems}"
    assert "info" in _report(analysis)


def test_everything_at_once_is_the_same_with_more_jobs_and_quiet_on_a_terminal(
    analysis: Path, outside: Path
) -> None:
    _everything(analysis, outside)
    ran = subprocess.run(
        _command(analysis, "--jobs", "2"), capture_output=True, text=True, check=False, timeout=120
    )
    report = (analysis / "reports" / "report.json").read_bytes()
    _process(analysis)

    assert (ran.returncode, ran.stderr) == (1, "")
    assert not {"\x1b", "\x07", "\r", "\u202e", "\x9b", "\udcff"} & set(ran.stdout)
    assert (analysis / "reports" / "report.json").read_bytes() == report


@pytest.mark.parametrize(
    ("spoil", "lost"),
    [
        (_linked("reports"), ["jsondump", "html", "iocs"]),
        (_fifos("reports"), ["jsondump", "html", "iocs"]),
        (_directories("reports", "reports/report.json"), ["jsondump"]),
    ],
)
def test_a_report_that_cannot_be_written_is_told(
    analysis: Path, outside: Path, spoil: Spoil, lost: list[str]
) -> None:
    spoil(analysis, outside)

    shown = _process(analysis)

    assert shown.status == 1
    assert list(shown.failures) == lost
    assert all("reports" in reason for reason in shown.failures.values())


def test_an_engine_that_is_killed_leaves_no_process_and_no_half_report(analysis: Path) -> None:
    report = analysis / "reports" / "report.json"
    report.parent.mkdir()
    report.write_text("from before")
    with (analysis / "binary").open("wb") as sample:
        sample.truncate(1 << 30)
    running = subprocess.Popen(_command(analysis, "--jobs", "2"), stdout=subprocess.DEVNULL)
    below: set[int] = set()
    while len(below) < ENOUGH_PROCESSES and running.poll() is None:
        below |= set(_descendants(running.pid))
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()

    patience = time.monotonic() + 10
    while any(map(is_running, below)) and time.monotonic() < patience:
        time.sleep(0.02)
    assert not list(filter(is_running, below))
    assert report.read_text() == "from before"


def _descendants(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from _descendants(child)
