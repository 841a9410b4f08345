"""For authors: run one module file on one folder, or one signature file on calls made by hand, as the engine would."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lib.cuckoo.analysis.task import load_task
from lib.cuckoo.common.ini import Section
from lib.cuckoo.common.options import Options
from lib.cuckoo.common.processing import Processing
from lib.cuckoo.core import execution
from lib.cuckoo.core.answer import AnswerWriter
from lib.cuckoo.core.discovery import Candidate, Discovery, load_candidates
from lib.cuckoo.core.execution import Analysis
from lib.cuckoo.core.ledger import Outcome, Run
from lib.cuckoo.core.limits import Limits
from lib.cuckoo.core.sections import Sections
from lib.cuckoo.core.signatures.stage import SignatureRun, StageResult
from lib.cuckoo.core.signatures.trial import call, run_signature
from lib.cuckoo.core.stage import Conditions, run_stage
from lib.cuckoo.core.tracking import copied

__all__ = ["Outcome", "Run", "SignatureRun", "StageResult", "call", "run_module", "run_signature"]


def run_module(
    file: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    task: Mapping[str, Any] | None = None,
    results: Mapping[str, Any] | None = None,
    in_process: bool = True,
    limits: Limits | None = None,
    **options: Any,
) -> tuple[dict[str, Any], Run]:
    """Run the first class of a module file on an analysis folder and return all sections and its line of the ledger.

    Args:
        file: the module file.
        folder: the analysis folder.
        task: the task; by default read from the folder.
        results: sections of modules that ran before.
        in_process: False runs the module in a child process with `limits`, as the engine does.
        limits: for a child process.
        options: the options of the module's section.

    Raises:
        LookupError: the file cannot be loaded or defines no module; the message says why.
    """
    path, found = Path(file), Discovery()
    load_candidates(
        Processing, Section(path.stem, path, 0, Options({"enabled": True} | options)), path, found
    )
    if not found.candidates:
        raise LookupError("; ".join(run.reason for run in found.left_out))
    analysis = Analysis(str(Path(folder).resolve()), load_task(folder)[0] if task is None else task)
    conditions = Conditions(analysis.path, limits or Limits(), in_process=in_process)
    sections = Sections(dict(results or {}))

    def attempt(candidate: Candidate, answer: AnswerWriter) -> None:
        execution.process(candidate, analysis, copied(sections.results), answer)

    run, messages = next(run_stage(found.candidates[:1], attempt, conditions))
    final = sections.merge(run, messages)
    return sections.results, final
