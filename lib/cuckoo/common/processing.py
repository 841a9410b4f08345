"""`Processing`, the base class of the modules that turn raw files into sections of the results."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lib.cuckoo.common.options import Options, as_options
from lib.cuckoo.common.paths import AnalysisPaths


class Processing(AnalysisPaths):
    """One module: reads the analysis folder and returns the data of one section.

    A subclass sets `key` and defines `run`. The engine calls `set_path`, `set_task`, `set_options`, then `run`,
    and files the answer under `key`, also when it is None or empty.
    """

    order: int = 1
    """Modules run by `order`, then by file name, then by class name."""
    enabled: bool = True
    """False keeps the class from running whatever the configuration says."""
    key: str | None = None
    """The section of the results that the answer goes to; may be set as late as in `run`."""
    folder_only: ClassVar[bool] = False
    """True declares that `run` reads the analysis folder and never `self.results`; such modules of equal order
    may run at the same time, and always see empty results."""
    cacheable: ClassVar[bool] = True
    """False declares that the answer may differ although nothing in the analysis did: it depends on the clock, on
    chance or on a service. It is never taken from an earlier run."""
    traceable: ClassVar[bool] = False
    """True declares that `run` reads files through Python alone, or says what it reads in other ways with
    `lib.cuckoo.common.inputs.depends_on`. Then its answer of an earlier run is taken as long as those files and the
    sections that it asked for are the same; else all files of the analysis and all sections have to be."""

    def __init__(self, results: dict[str, Any] | None = None) -> None:
        self.results: dict[str, Any] = {} if results is None else results
        self.task: dict[str, Any] = {}
        self.options: Options = Options()
        self.notes: list[str] = []
        self.units: list[dict[str, Any]] = []

    def note(self, text: str) -> None:
        """Say in the ledger what the answer lacks: skipped, truncated, left out."""
        self.__dict__.setdefault("notes", []).append(text)

    def progress(self, text: str) -> None:
        """Show whoever waits how far a long run is, in a few words; call it as often as you like."""
        show = self.__dict__.get("_show")
        if show is not None:
            show(text)

    def unit(
        self,
        name: str,
        outcome: str = "COMPLETED",
        reason: str = "",
        *,
        seconds: float = 0.0,
        notes: Sequence[str] = (),
        traceback: str = "",
    ) -> None:
        """Give a part of the work, for example one plugin, a line of its own in the ledger: `<module>.<name>`.

        The part that fails costs itself: the module goes on and answers with what the others gave.

        Args:
            name: what the part is called.
            outcome: a word of the ledger: COMPLETED, FAILED, UNAVAILABLE, TIMED_OUT …
            reason: why it ended so, in one line.
            seconds: how long it took, on the clock.
            notes: what its answer lacks.
            traceback: of a crash.
        """
        line = {"name": name, "outcome": str(outcome), "reason": reason, "seconds": float(seconds)}
        line |= {"notes": list(notes), "traceback": traceback}
        self.__dict__.setdefault("units", []).append(line)

    def set_task(self, task: Mapping[str, Any]) -> None:
        """Describe the analysis; `task["category"]` is "file", "url" or whatever the sandbox wrote."""
        self.task = dict(task)

    def set_options(self, options: Mapping[str, Any] | None) -> None:
        """Hand over the module's section of conf/processing.conf."""
        self.options = as_options(options)

    def run(self) -> Any:
        """Return the data of the section: None, bool, int, float, str, bytes, lists and dicts of these.

        Raises:
            CuckooProcessingError: the analysis data cannot be processed.
            CuckooDependencyError: a library or program is missing on this machine.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define run()")
