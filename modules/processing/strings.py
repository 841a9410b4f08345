"""Printable strings of the analysed file.

Options (``[strings]`` in processing.conf):
    minlength  shortest string kept, in characters (default 6)
    maximum    strings kept of each encoding, 0 for all (default 2048)
    offsets    give each string with its offset and encoding (default no)
"""

from lib.cuckoo.analysis.sample import sample_name
from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.options import whole_number
from lib.cuckoo.files.shapes import PlacedString
from lib.cuckoo.files.strings import String, first_strings


class Strings(Processing):
    """Collect the strings in ASCII, UTF-16LE and UTF-16BE, in this order, then by offset."""

    key = "strings"
    folder_only = True
    traceable = True

    def run(self) -> list[str] | list[PlacedString]:
        """Return the strings, or with `offsets` records of `string`, `offset` and `encoding`.

        Raises:
            CuckooProcessingError: the sample cannot be read.
        """
        if self.task.get("category") != "file":
            return []
        minlength = whole_number(self.options, "minlength", 6, least=1)
        maximum = whole_number(self.options, "maximum", 2048) or None
        folder = AnalysisFolder(self.analysis_path)
        with folder.open(sample_name(folder)) as stream:
            strings, more = first_strings(stream, minlength, maximum)
        if more:
            self.note(f"there are more than {maximum} strings in {' and '.join(more)}")
        if self.options.get("offsets"):
            return [_placed(each) for each in strings]
        return [each.text for each in strings]


def _placed(each: String) -> PlacedString:
    return {"string": each.text, "offset": each.offset, "encoding": each.encoding}
