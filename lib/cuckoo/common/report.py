"""`Report`, the base class of the modules that write the results down."""

from collections.abc import Mapping
from typing import Any, ClassVar

from lib.cuckoo.common.options import Options, as_options
from lib.cuckoo.common.paths import AnalysisPaths


class Report(AnalysisPaths):
    """One report: `run` gets all results and writes into `reports_path`, which exists by then."""

    order: int = 1
    """Reports run by `order`, then by file name, then by class name."""
    enabled: bool = True
    """False keeps the class from running whatever the configuration says."""
    cacheable: ClassVar[bool] = True
    """False has the report written by each run, also when nothing that it tells has changed."""
    traceable: ClassVar[bool] = False
    """True declares that `run` reads files through Python alone; else all files of the analysis have to be the same
    for the report not to be written again."""

    def __init__(self) -> None:
        self.task: dict[str, Any] = {}
        self.options: Options = Options()
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Say in the ledger what the report lacks: left out, too long."""
        self.__dict__.setdefault("notes", []).append(text)

    def set_task(self, task: Mapping[str, Any]) -> None:
        """Describe the analysis; `task["category"]` is "file", "url" or whatever the sandbox wrote."""
        self.task = dict(task)

    def set_options(self, options: Mapping[str, Any] | None) -> None:
        """Hand over the report's section of conf/reporting.conf."""
        self.options = as_options(options)

    def run(self, results: dict[str, Any]) -> Any:
        """Write the report.

        Raises:
            CuckooReportError: the report cannot be written.
            CuckooDependencyError: a library or program is missing on this machine.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define run()")
