"""The classic way to drive the engine, for tools written against it.

>>> results = RunProcessing(task={"id": 1, "category": "file"}).run()  # doctest: +SKIP
>>> RunSignatures(task={"id": 1}, results=results).run()               # doctest: +SKIP
>>> RunReporting(task={"id": 1}, results=results).run()                # doctest: +SKIP

The analysis is `<root>/storage/analyses/<id>` unless `analysis_path` says otherwise. New tools call
`fledge.process`.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from lib.cuckoo.common.root import find_root
from lib.cuckoo.core.engine import Engine, Settings, discover_processing, discover_reporting
from lib.cuckoo.core.signatures.loading import load_signatures
from lib.cuckoo.core.signatures.section import signature_settings
from lib.cuckoo.core.signatures.selection import Setting, select


def list_plugins(group: str | None = None) -> dict[str, list[type]]:
    """Return the classes that would run, in order, by group: "processing", "signatures", "reporting"."""
    settings = Settings(find_root())
    groups: dict[str, Callable[[Settings], list[type]]] = {
        "processing": lambda given: [found.cls for found in discover_processing(given).candidates],
        "signatures": _signatures,
        "reporting": lambda given: [found.cls for found in discover_reporting(given).candidates],
    }
    wanted = groups if group is None else {group: groups[group]}
    return {name: classes(settings) for name, classes in wanted.items()}


def _signatures(settings: Settings) -> list[type]:
    found = signature_settings(settings.root, settings.signatures)
    loading = load_signatures(found.folders)
    return [each.cls for each in select(loading.definitions, Setting(overlay=found.overlay)).chosen]


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


class RunSignatures(_Runner):
    """Run the signatures over results."""

    def run(self) -> list[dict[str, Any]]:
        """Return what matched; the sections `signatures`, `score`, `malscore` and `ttps` of the results are set."""
        self._engine.match()
        matches: list[dict[str, Any]] = self.results.get("signatures", [])
        return matches


class RunReporting(_Runner):
    """Run the reporting modules on results."""

    def run(self) -> None:
        """Write the reports into the analysis folder."""
        self._engine.report()
