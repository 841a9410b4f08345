"""`Results`: what processing an analysis gave, as callers of the library see it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lib.cuckoo.core.ledger import Ledger, Problem, Run


class Results(Mapping[str, Any]):
    """The sections by key, read-only: `results["strings"]`; `results["engine"]` says what happened.

    `runs`, `failures` and `problems` give the same as objects.
    """

    def __init__(self, path: Path, sections: Mapping[str, Any], ledger: Ledger) -> None:
        self.path = path
        """The analysis folder, absolute."""
        self._sections = dict(sections)
        self._ledger = ledger

    def __getitem__(self, key: str) -> Any:
        return self._sections[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections)

    def __len__(self) -> int:
        return len(self._sections)

    def __repr__(self) -> str:
        return f"<Results of {str(self.path)!r}: {', '.join(self._sections)}>"

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every module that ran or was left out, reports last."""
        return tuple(self._ledger.runs)

    @property
    def failures(self) -> tuple[Run, ...]:
        """The runs that lost something."""
        return tuple(self._ledger.failures())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the user should mend in configuration, modules or the task."""
        return tuple(self._ledger.problems)
