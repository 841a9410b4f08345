"""How often each byte value occurs in the submitted file: an example to start from.

Options (``[example]`` in processing.conf):
    maximum  bytes of the sample that are counted, 0 for all (default 0)
"""

from collections import Counter
from pathlib import Path

from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.options import whole_number


class Example(Processing):
    """Count byte values; the keys are hexadecimal, the most frequent first."""

    key = "example"
    folder_only = True

    def run(self) -> dict[str, int]:
        """Return the number of occurrences by byte value."""
        if self.task["category"] != "file":
            return {}
        maximum = whole_number(self.options, "maximum", 0) or -1
        try:
            with Path(self.file_path).open("rb") as sample:
                data = sample.read(maximum)
        except OSError as error:
            raise CuckooProcessingError(f"cannot read the sample: {error}") from error
        return {f"{value:02x}": count for value, count in Counter(data).most_common()}
