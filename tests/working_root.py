"""A working root for tests: modules given as text, their sections, small limits, and one analysis."""

import textwrap
from pathlib import Path
from typing import Any

import fledge
from fledge import Results
from lib.cuckoo.common.root import SHIPPED
from lib.cuckoo.core.ledger import Run

_MODULE = """
import os
from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooProcessingError


class {cls}(Processing):
    key = "{name}"
{attributes}

    def run(self):
{body}
"""


class WorkingRoot:
    """A root whose shipped modules are disabled, so that only what a test adds runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.analysis = path / "storage" / "analyses" / "7"
        self.modules = path / "modules" / "processing"
        self.reports = path / "modules" / "reporting"
        self.configuration = path / "conf" / "processing.conf"
        for folder in (self.analysis, self.modules, self.reports, path / "conf"):
            folder.mkdir(parents=True)
        shipped = sorted((SHIPPED / "modules" / "processing").glob("[!_]*.py"))
        self.configuration.write_text("".join(f"[{file.stem}]\nenabled = no\n" for file in shipped))
        self.limits()

    def limits(self, stage: str = "processing", **limits: int) -> None:
        """Set the limits of a stage; grace is a second throughout."""
        lines = [f"limit_{name} = {value}" for name, value in ({"grace_seconds": 1} | limits).items()]
        lines += ["[signatures]", "enabled = no", ""]
        (self.path / "conf" / "fledge.conf").write_text("\n".join([f"[{stage}]", *lines]))

    def add(self, name: str, source: str, section: str | None = "enabled = yes") -> Path:
        """Write a module file and its section; None writes no section."""
        file = self.modules / f"{name}.py"
        file.write_text(textwrap.dedent(source))
        if section is not None:
            self.configure(name, section)
        return file

    def add_run(
        self, name: str, body: str, section: str = "enabled = yes", attributes: str = "folder_only = True"
    ) -> Path:
        """Write a module of one class, given the body of its `run`; its key is `name`."""
        source = _MODULE.format(
            cls=name.title().replace("_", ""),
            name=name,
            attributes=textwrap.indent(textwrap.dedent(attributes).strip(), " " * 4),
            body=textwrap.indent(textwrap.dedent(body).strip(), " " * 8),
        )
        return self.add(name, source, section)

    def add_report(self, name: str, source: str) -> None:
        """Write a reporting module and enable it beside the shipped one."""
        (self.reports / f"{name}.py").write_text(textwrap.dedent(source))
        (self.path / "conf" / "reporting.conf").write_text(
            f"[jsondump]\nenabled = yes\n[{name}]\nenabled = yes\n"
        )

    def configure(self, name: str, section: str) -> int:
        """Add a section to processing.conf and return the line of its header."""
        before = self.configuration.read_text()
        self.configuration.write_text(f"{before}[{name}]\n{textwrap.dedent(section)}\n")
        return before.count("\n") + 1

    def process(self, **arguments: Any) -> Results:
        """Process the analysis."""
        return fledge.process(self.analysis, root=self.path, **arguments)


def run_of(results: Results, module: str) -> Run:
    """Return the one line of the ledger about a module."""
    [run] = [run for run in results.runs if run.module == module]
    return run


def is_running(pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}
