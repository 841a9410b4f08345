"""The logs that the sandbox wrote while it ran the analysis, and the errors in them.

Options (``[debug]`` in processing.conf):
    maximum  bytes kept of each log, half from its beginning, half from its end (default 4194304)
    errors   errors kept (default 1000)
"""

from typing import Literal

from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.options import whole_number
from lib.cuckoo.files.logs import log_errors, read_log
from lib.cuckoo.files.shapes import Debug as DebugSection

LOGS: dict[Literal["log", "cuckoo", "process"], str] = {
    "log": "analysis.log",
    "cuckoo": "cuckoo.log",
    "process": "process.log",
}
"""Key of the section to file: the guest's log, the host's, the host's of an earlier processing."""


class Debug(Processing):
    """Collect the logs of guest and host."""

    key = "debug"
    folder_only = True
    traceable = True

    def run(self) -> DebugSection:
        """Return the text of each log that exists, `log` in any case, and `errors`, a list of texts.

        `errors` begins with those that the task itself lists. A log that cannot be read is named in a note.
        """
        maximum = whole_number(self.options, "maximum", 4 << 20)
        folder = AnalysisFolder(self.analysis_path)
        texts = {key: self._text(folder, name, maximum) for key, name in LOGS.items() if folder.exists(name)}
        section: DebugSection = {"log": "", "errors": self._errors([text for text in texts.values() if text])}
        for key, text in texts.items():
            section[key] = text
        return section

    def _text(self, folder: AnalysisFolder, name: str, maximum: int) -> str:
        try:
            with folder.open(name) as stream:
                log = read_log(stream, maximum)
        except CuckooProcessingError as error:
            self.note(str(error))
            return ""
        if log.left_out:
            self.note(f"{name}: {log.left_out} bytes in the middle are left out")
        return log.text

    def _errors(self, texts: list[str]) -> list[str]:
        told = self.task.get("errors")
        errors = [str(error) for error in told] if isinstance(told, list) else []
        errors += [error for text in texts for error in log_errors(text)]
        maximum = whole_number(self.options, "errors", 1000)
        if len(errors) > maximum:
            self.note(f"{len(errors) - maximum} of {len(errors)} errors are left out")
        return errors[:maximum]
