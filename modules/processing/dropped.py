"""The files that the sample dropped, with hashes, types, and where they came from in the guest.

Options (``[dropped]`` in processing.conf):
    maximum          files read; those beyond are counted (default 2000)
    megabytes        data read, of all files together; larger files are named (default 4096)
    fuzzy_megabytes  data that gets ssdeep and TLSH, of all files together (default 4)
    text             bytes of a text file shown as its data, 0 for none (default 4096)
"""

from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.paths import INPUTS
from lib.cuckoo.files.scanner import Scanner
from lib.cuckoo.files.stored import Limits, stored_files
from lib.cuckoo.files.stored_shapes import StoredFile


class Dropped(Processing):
    """List what lies under files/, one entry for each content, with all its names."""

    key = "dropped"
    folder_only = True
    traceable = True

    def run(self) -> list[StoredFile]:
        """Return the records of `stored_files`; what is missing from them is noted."""
        dropped = stored_files(
            AnalysisFolder(self.analysis_path),
            INPUTS["dropped_path"],
            Limits.configured(self.options),
            Scanner.configured("binaries"),
        )
        for problem in dropped.problems:
            self.note(problem)
        return dropped.records
