"""The payloads that the successor's monitor took out of processes, with hashes, types, and where they came from.

Options (``[payloads]`` in processing.conf):
    maximum          files read; those beyond are counted (default 2000)
    megabytes        data read, of all files together; larger files are named (default 4096)
    fuzzy_megabytes  data that gets ssdeep and TLSH, of all files together (default 4)
    text             bytes of a text file shown as its data, 0 for none (default 4096)
"""

from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.files.payloads import payloads
from lib.cuckoo.files.scanner import Scanner
from lib.cuckoo.files.stored import Limits
from lib.cuckoo.files.stored_shapes import PayloadsSection


class Payloads(Processing):
    """List what lies under CAPE/, one entry for each content."""

    key = "CAPE"
    folder_only = True
    traceable = True

    def run(self) -> PayloadsSection:
        """Return the records of `payloads`; what is missing from them is noted. No configurations are read."""
        folder, limits = AnalysisFolder(self.analysis_path), Limits.configured(self.options)
        found = payloads(folder, limits, Scanner.configured("binaries"))
        for problem in found.problems:
            self.note(problem)
        return {"payloads": found.records, "configs": []}
