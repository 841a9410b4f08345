"""What the processes did: their calls, the process tree, and the sections computed from the calls.

Options (``[behavior]`` in processing.conf):
    calls            calls of each process shown in reports, 0 for all (default 0)
    argument_length  characters of each argument shown in reports, 0 for all (default 0)
    events           events of `enhanced` shown in reports, 0 for all (default 0)
    records          records kept of `anomaly` and of `encryptedbuffers`, 0 for all (default 10000)
    unpacked_mb      megabytes read of a log that is packed with gzip (default 4096)
"""

from lib.cuckoo.behavior.log import LogIndex
from lib.cuckoo.behavior.sections import Shown, find_logs, read_logs, sections
from lib.cuckoo.behavior.shapes import BehaviorSection
from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.options import whole_number
from lib.cuckoo.common.text import readable_name

NOTED_LOGS = 20


class Behavior(Processing):
    """Read every log from its first byte to its last, and keep an index of the calls."""

    key = "behavior"
    folder_only = True
    traceable = True

    def run(self) -> BehaviorSection:
        """Return the sections; `calls` and `enhanced` are sequences that read from the logs when asked."""
        unpacked_bytes = whole_number(self.options, "unpacked_mb", 4096) << 20
        shown = Shown(
            calls=whole_number(self.options, "calls", 0),
            argument_length=whole_number(self.options, "argument_length", 0),
            events=whole_number(self.options, "events", 0),
            records=whole_number(self.options, "records", 10_000),
        )
        logs = find_logs(self.logs_path)
        self._note_first(logs.refused, "files in logs are no logs")
        indexes = list(read_logs(logs.paths, unpacked_bytes))
        self._note_first(
            [_unread(index) for index in indexes if index.faults.count], "logs could not be read everywhere"
        )
        return sections(indexes, shown)

    def _note_first(self, sentences: list[str], rest: str) -> None:
        """Note the first sentences, and how many more there are."""
        for sentence in sentences[:NOTED_LOGS]:
            self.note(sentence)
        if len(sentences) > NOTED_LOGS:
            self.note(f"{len(sentences) - NOTED_LOGS} more {rest}")


def _unread(index: LogIndex) -> str:
    first = index.faults.first[0]
    places = "1 place" if index.faults.count == 1 else f"{index.faults.count} places"
    name = readable_name(index.source.path.name)
    return f"logs/{name}: {places} could not be read, the first at {first['offset']}: {first['what']}"
