"""What sandboxes leave in an analysis folder, and whether there is any of it."""

import os

from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.paths import INPUTS

LEFT_BY_SANDBOXES = frozenset(
    {*INPUTS.values(), "task.json", "cuckoo.log", "process.log", "buffer", "tlsdump"} - {"reports"}
)
"""Files and folders at the top of an analysis, of whatever family; reports are no input."""


def has_inputs(analysis: str | os.PathLike[str]) -> bool:
    """Tell whether there is any file among what sandboxes leave; folders without files do not count."""
    folder = AnalysisFolder(analysis)
    return any(next(folder.walk(name), None) is not None for name in LEFT_BY_SANDBOXES)
