"""The malware families that other sections name.

Has no options.
"""

from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.files.families import collect_families
from lib.cuckoo.files.shapes import Detection


class Detections(Processing):
    """Collect families from the matches of YARA rules in all sections; signatures add theirs later."""

    key = "detections"
    order = 90
    traceable = True

    def run(self) -> list[Detection]:
        """Return what `add_family_detection` makes of them, after what other modules added."""
        return collect_families(self.results)
