"""What was analysed: a file with its hashes and type, or a URL.

Has no options.
"""

from typing import Any

from lib.cuckoo.analysis.sample import original_name, sample_name
from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.objects import File


class TargetInfo(Processing):
    """Describe the sample under the name it was submitted with.

    The sample is `binary` in the folder, or the one `binary-<name>` of an exported analysis.
    """

    key = "target"
    folder_only = True

    def run(self) -> dict[str, Any]:
        """Return `category` and, by category, `file` (the record of `File.get_all`) or `url`.

        Raises:
            CuckooProcessingError: the sample is absent, no regular file, or a link out of the analysis.
        """
        category, target = self.task.get("category"), str(self.task.get("target") or "")
        if category == "url":
            return {"category": category, "url": target}
        if category != "file":
            return {"category": category}
        folder = AnalysisFolder(self.analysis_path)
        name = sample_name(folder)
        record = File(f"{self.analysis_path}/{name}", folder).get_all()
        return {"category": category, "file": record | {"name": original_name(record["name"], target)}}
