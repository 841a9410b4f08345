"""The images of processes that the successor's monitor dumped, with hashes, types, and where they came from.

Options (``[procdump]`` in processing.conf):
    maximum          files read; those beyond are counted (default 2000)
    megabytes        data read, of all files together; larger files are named (default 4096)
    fuzzy_megabytes  data that gets ssdeep and TLSH, of all files together (default 4)
    text             bytes of a text file shown as its data, 0 for none (default 4096)
"""

from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.files.payloads import process_images
from lib.cuckoo.files.scanner import Scanner
from lib.cuckoo.files.stored import Limits
from lib.cuckoo.files.stored_shapes import Payload


class ProcessImages(Processing):
    """List what lies under procdump/, one entry for each content."""

    key = "procdump"
    folder_only = True
    traceable = True

    def run(self) -> list[Payload]:
        """Return the records of `process_images`; what is missing from them is noted."""
        folder, limits = AnalysisFolder(self.analysis_path), Limits.configured(self.options)
        images = process_images(folder, limits, Scanner.configured("binaries"))
        for problem in images.problems:
            self.note(problem)
        return images.records
