"""The frame of the analysis: what was run, when, for how long, on which machine.

Has no options.
"""

from lib.cuckoo.analysis.info import analysis_info
from lib.cuckoo.analysis.shapes import Info
from lib.cuckoo.common.abstracts import Processing


class AnalysisInfo(Processing):
    """Say what the task says, in the shape that report readers know."""

    key = "info"
    folder_only = True
    traceable = True

    def run(self) -> Info:
        """Return the version of the contract, then the facts of the task."""
        return analysis_info(self.task)
