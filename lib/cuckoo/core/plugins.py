"""The classic way to drive the engine, for tools written against it.

>>> results = RunProcessing(task={"id": 1, "category": "file"}).run()  # doctest: +SKIP
>>> RunReporting(task={"id": 1}, results=results).run()                # doctest: +SKIP

The analysis is `<root>/storage/analyses/<id>` unless `analysis_path` says otherwise. New tools call
`fledge.process`.
"""

import os
from collections.abc import Mapping
from typing import Any

from lib.cuckoo.common.root import find_root
from lib.cuckoo.core.engine import Engine, Settings, discover_processing, discover_reporting


def list_plugins(group: str | None = None) -> dict[str, list[type]]:
    """Return the classes that would run, in order, by group: "processing", "reporting"."""
    settings = Settings(find_root())
    groups = {"processing": discover_processing, "reporting": discover_reporting}
    wanted = groups if group is None else {group: groups[group]}
    return {name: [found.cls for found in discover(settings).candidates] for name, discover in wanted.items()}


class _Runner:
    """What the runners have in common: which analysis, and the results to fill."""

    def __init__(
        self,
        task: Mapping[str, Any] | None = None,
        results: dict[str, Any] | None = None,
        analysis_path: str | os.PathLike[str] | None = None,
    ) -> None:
        self.results: dict[str, Any] = {} if results is None else results
        settings = Settings(find_root())
        if analysis_path is None:
            analysis_path = settings.root.analyses / str((task or {}).get("id"))
        self._engine = Engine(analysis_path, settings, task, self.results)


class RunProcessing(_Runner):
    """Run the processing modules on the analysis of a task."""

    def run(self) -> dict[str, Any]:
        """Return all sections; a `results` dictionary that was handed over is filled as well."""
        self._engine.process()
        return self.results


class RunReporting(_Runner):
    """Run the reporting modules on results."""

    def run(self) -> None:
        """Write the reports into the analysis folder."""
        self._engine.report()
