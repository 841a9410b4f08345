"""A working root with a herd of small analyses, and a module that writes down when it works on which."""

import json
import os
import re
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.cuckoo.core.batch.holder import Holder
from lib.cuckoo.core.batch.journal import events
from lib.cuckoo.core.batch.leases import Lease
from lib.cuckoo.core.batch.place import Place
from lib.cuckoo.core.batch.states import State, States
from tests.core.batch.forked import Forked
from tests.working_root import WorkingRoot, is_running

_DIARY = """
import time
name = os.path.basename(self.analysis_path)
diary = os.open({diary!r}, os.O_RDWR | os.O_CREAT | os.O_APPEND)
def write(word):
    os.write(diary, f"{{word}} {{name}} {{os.getpid()}}\\n".encode())
write("start")
time.sleep({seconds})
write("end")
return name
"""
_DRAFT = re.compile(r"\.fledge-[0-9a-f]{16}\.draft")
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it printed."""

    returncode: int | None
    stdout: str
    stderr: str


class Herd:
    """Analyses 1 to `size`, each of which takes some `seconds`; without the cache each run does all its work."""

    def __init__(self, root: WorkingRoot, size: int, seconds: float = 0.03, *, cache: bool = False) -> None:
        self.root = root
        self.folder = root.analysis.parent
        self.diary = root.path / "diary"
        self.place = Place(self.folder)
        self._sessions: set[int] = set()
        self.names = [str(number) for number in range(1, size + 1)]
        root.analysis.rmdir()
        for name in self.names:
            self.add(name)
        root.add_run("diarist", _DIARY.format(diary=str(self.diary), seconds=seconds))
        (root.path / "conf" / "reporting.conf").write_text("[jsondump]\nenabled = yes\n")
        with (root.path / "conf" / "fledge.conf").open("a") as file:
            file.write(f"[cache]\nenabled = {'yes' if cache else 'no'}\n")

    def add(self, name: str) -> Path:
        """Add an analysis."""
        folder = self.folder / name
        folder.mkdir()
        (folder / "analysis.log").write_text("a line\n")
        return folder

    def start(self, *arguments: object) -> Forked:
        """Start `fledge` in a session of its own."""
        running = Forked([*map(str, arguments), "--root", str(self.root.path)])
        self._sessions.add(running.pid)
        return running

    def run(self, *arguments: object) -> Ran:
        """Run `fledge` to its end."""
        running = self.start(*arguments)
        output, errors = running.communicate(_PATIENCE_SECONDS)
        return Ran(running.returncode, output, errors)

    def starts(self) -> Counter[str]:
        """Return how often work on each analysis was begun."""
        return Counter(name for word, name, _ in self._entries() if word == "start")

    def wait_for_starts(self, number: int) -> None:
        """Return when so many analyses were begun."""
        wait_until(lambda: sum(self.starts().values()) >= number)

    def overlaps(self) -> list[str]:
        """Return the analyses on which work began while another process was at it, by the order of the diary."""
        busy: dict[str, str] = {}
        found = []
        for word, name, pid in self._entries():
            if word == "start":
                found += [name] if name in busy else []
                busy[name] = pid
            elif busy.get(name) == pid:
                del busy[name]
        return found

    def note_deaths(self) -> None:
        """Write into the diary that whoever is in it and no longer runs does so no more."""
        for word, name, pid in self._entries():
            if word == "start" and not is_running(int(pid)):
                with self.diary.open("a") as diary:
                    diary.write(f"dead {name} {pid}\n")

    def _entries(self) -> list[list[str]]:
        if not self.diary.exists():
            return []
        return [line.split() for line in self.diary.read_text().splitlines()]

    def processes(self) -> list[int]:
        """Return the processes of every `fledge` that was started, also those that outlived it."""
        found = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
        return [pid for pid in found if self._is_ours(pid)]

    def _is_ours(self, pid: int) -> bool:
        try:
            return os.getsid(pid) in self._sessions and is_running(pid)
        except ProcessLookupError:  # it ended while we looked
            return False

    def is_worked_on(self) -> bool:
        """Tell whether a module that began still runs or one may yet begin, whatever became of who started it."""
        begun = {(name, pid) for word, name, pid in self._entries() if word == "start"}
        ended = {(name, pid) for word, name, pid in self._entries() if word != "start"}
        return any(is_running(int(pid)) for _, pid in begun - ended) or any(
            Lease(self.place.leases / name, Holder("")).is_shared() for name in self.leases()
        )

    def finished(self) -> Counter[str]:
        """Return how often the journals say of each analysis that it completed."""
        return Counter(
            Path(event["path"]).name
            for event in self.events()
            if event["event"] == "finished" and event["ending"] == "COMPLETED"
        )

    def events(self) -> list[dict[str, Any]]:
        """Return what all journals say, by the order of their files."""
        return [event for file in sorted(self.place.runs.glob("*.ndjson")) for event in events(file)]

    def state(self, name: str) -> State | None:
        """Return what is recorded of an analysis."""
        recorded = States(self.place).read(name)
        return recorded.state if recorded else None

    def report(self, name: str) -> dict[str, Any]:
        """Return the report of an analysis."""
        report: dict[str, Any] = json.loads((self.folder / name / "reports" / "report.json").read_bytes())
        return report

    def drafts(self) -> list[Path]:
        """Return the drafts that were left behind in analyses."""
        return [
            path
            for name in self.names
            for path in (self.folder / name).rglob("*")
            if _DRAFT.fullmatch(path.name)
        ]

    def leases(self) -> list[str]:
        """Return the leases that somebody has."""
        return [path.name for path in self.place.leases.iterdir() if not path.name.startswith(".")]


def kill(running: Forked, *, group: bool) -> None:
    """Kill a process, or all of its group, at once and for good."""
    if running.poll() is None:
        os.killpg(running.pid, signal.SIGKILL) if group else running.send_signal(signal.SIGKILL)
    running.communicate(timeout=_PATIENCE_SECONDS)


def wait_until(condition: Any) -> None:
    """Return when something has come true."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
