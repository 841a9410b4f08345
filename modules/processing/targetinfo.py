"""What was analysed: a file with its hashes and type, or a URL.

Has no options.
"""

from lib.cuckoo.analysis.sample import original_name, sample_name
from lib.cuckoo.analysis.shapes import Target
from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.objects import File
from lib.cuckoo.common.shapes import FileRecord, YaraMatch
from lib.cuckoo.files.scanner import Scanner


class TargetInfo(Processing):
    """Describe the sample under the name it was submitted with.

    The sample is `binary` in the folder, or the one `binary-<name>` of an exported analysis.
    """

    key = "target"
    folder_only = True
    traceable = True

    def run(self) -> Target:
        """Return `category` and, by category, `file` (a file record) or `url` with its `yara`.

        Raises:
            CuckooProcessingError: the sample is absent, no regular file, or a link out of the analysis.
        """
        category, target = self.task.get("category"), str(self.task.get("target") or "")
        if category == "url":
            return {"category": category, "url": target, "yara": self._url_matches(target)}
        if category != "file":
            return {"category": category}
        return {"category": category, "file": self._record(target)}

    def _record(self, target: str) -> FileRecord:
        folder = AnalysisFolder(self.analysis_path)
        path = f"{self.analysis_path}/{sample_name(folder)}"
        record = File(path, folder).get_all()
        name = original_name(record["name"], target)
        scanner = Scanner.configured("binaries")
        with folder.open(path) as stream:
            matches = scanner.scan_file(stream, name, target)
        self._note_all(scanner.problems)
        return {**record, "name": name, "yara": matches}

    def _url_matches(self, url: str) -> list[YaraMatch]:
        scanner = Scanner.configured("urls")
        matches = scanner.scan(url.encode("utf-8", "replace"))
        self._note_all(scanner.problems)
        return matches

    def _note_all(self, problems: list[str]) -> None:
        for problem in problems:
            self.note(problem)
