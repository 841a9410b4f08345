"""`process`, the function that tools call."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lib.cuckoo.common.root import find_root
from lib.cuckoo.core.engine import Engine, Settings
from lib.cuckoo.core.results import Results
from lib.cuckoo.core.stage import Observer, Silence


def process(  # noqa: PLR0913 - keyword-only, each with a default
    path: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | None = None,
    modules: Sequence[str | os.PathLike[str]] = (),
    signatures: Sequence[str | os.PathLike[str]] = (),
    task: Mapping[str, Any] | None = None,
    jobs: int = 1,
    in_process: bool = False,
    deterministic: bool = False,
    reports: bool = False,
    observer: Observer | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    cache: bool = False,
) -> Results:
    """Process one analysis folder and return its results; a module that fails costs its own section only.

    Args:
        path: the analysis folder.
        root: the working root; by default `$FLEDGE_ROOT`, else the current folder if it has a `conf/`.
        modules: further folders of processing modules.
        signatures: further collections of signatures.
        task: the description of the analysis; by default read from the folder.
        jobs: how many modules may run at the same time. The results do not depend on it.
        in_process: run modules in this process, without limits, for debuggers.
        deterministic: leave out of the results what differs between two runs on the same input.
        reports: run the reporting modules too, which write into the folder's `reports/`.
        observer: told what is planned, started and finished.
        only: names of modules; of each stage that one of them belongs to, no other module runs.
        skip: names of modules that do not run.
        cache: take answers of an earlier run that still hold, and keep those of this one.

    Raises:
        CuckooOperationalError: the folder cannot be read.
        CuckooStartupError: the working root or its configuration cannot be used.
        ValueError: `jobs` is below 1.
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, not {jobs}")
    settings = Settings(
        root=find_root(root),
        modules=[Path(folder).resolve() for folder in modules],
        signatures=[Path(folder).resolve() for folder in signatures],
        jobs=jobs,
        in_process=in_process,
        deterministic=deterministic,
        observer=observer or Silence(),
        only=only,
        skip=skip,
        cache=cache,
    )
    engine = Engine(path, settings, task)
    engine.process()
    engine.match()
    if reports:
        engine.report()
    return Results(engine.path, engine.results, engine.ledger)
