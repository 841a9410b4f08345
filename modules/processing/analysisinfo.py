"""The frame of the analysis: what was run, when, for how long, on which machine.

Has no options.
"""

from typing import Any

from lib.cuckoo.analysis.info import analysis_info
from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.constants import CUCKOO_VERSION


class AnalysisInfo(Processing):
    """Say what the task says, in the shape that report readers know."""

    key = "info"
    folder_only = True
    traceable = True

    def run(self) -> dict[str, Any]:
        """Return the version of the contract, then the facts of the task."""
        return {"version": CUCKOO_VERSION} | analysis_info(self.task)
