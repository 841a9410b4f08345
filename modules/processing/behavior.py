"""What the processes did: their calls, the process tree, and the sections computed from the calls.

Options (``[behavior]`` in processing.conf):
    calls            calls of each process shown in reports, 0 for all (default 0)
    argument_length  characters of each argument shown in reports, 0 for all (default 0)
    events           events of `enhanced` shown in reports, 0 for all (default 0)
    records          records kept of `anomaly` and of `encryptedbuffers`, 0 for all (default 10000)
    unpacked_mb      megabytes read of a log that is packed with gzip (default 4096)
"""

from typing import Any

from lib.cuckoo.behavior.log import LogIndex
from lib.cuckoo.behavior.sections import Shown, logs_of, read_logs, sections
from lib.cuckoo.common.abstracts import Processing

NOTED_LOGS = 20


class Behavior(Processing):
    """Read every log from its first byte to its last, and keep an index of the calls."""

    key = "behavior"
    folder_only = True

    def run(self) -> dict[str, Any]:
        """Return the sections; `calls` and `enhanced` are sequences that read from the logs when asked."""
        unpacked_bytes = int(self.options.get("unpacked_mb", 4096)) << 20
        shown = Shown(
            calls=int(self.options.get("calls", 0)),
            argument_length=int(self.options.get("argument_length", 0)),
            events=int(self.options.get("events", 0)),
            records=int(self.options.get("records", 10_000)),
        )
        indexes = list(read_logs(logs_of(self.logs_path), unpacked_bytes))
        self._note_what_is_unread([index for index in indexes if index.faults.count])
        return sections(indexes, shown)

    def _note_what_is_unread(self, faulty: list[LogIndex]) -> None:
        for index in faulty[:NOTED_LOGS]:
            first = index.faults.first[0]
            places = "1 place" if index.faults.count == 1 else f"{index.faults.count} places"
            name = index.source.path.name
            self.note(
                f"logs/{name}: {places} could not be read, the first at {first['offset']}: {first['what']}"
            )
        if len(faulty) > NOTED_LOGS:
            self.note(f"{len(faulty) - NOTED_LOGS} more logs could not be read everywhere")
