"""Whether CIRCL hashlookup knows the sample and dropped files as parts of systems and distributions.

Each look-up sends one SHA-256 to the service. Answers are kept in storage/cache/reputation of the working root.

Options (``[hashlookup]`` in processing.conf):
    dropped        dropped files looked up, programs first (default 0)
    per_minute     look-ups a minute of all processes of this machine together, 0 for no limit (default 0)
    budget         seconds for everything together, pauses included (default 120)
    timeout        seconds for one answer (default 20)
    retries        times that a look-up is tried again (default 3)
    cache_hours    how long answers are kept, 0 for not at all (default 168)
    unknown_hours  how long it is kept that something is not known (default 24)
    proxy          URL of an HTTP proxy; else that of $HTTPS_PROXY
    url            address of the service, for a mirror of one's own
"""

from typing import Any

from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.reputation.hashlookup import ADDRESS, NAME, HashLookup
from lib.cuckoo.reputation.lookups import Analysis, inquiry, look_up_analysis


class KnownFiles(Processing):
    """Ask for the records of the files; a URL is never known."""

    key = "hashlookup"
    order = 2
    cacheable = False

    def run(self) -> dict[str, Any]:
        """Return the record of the sample and, if wanted, those of the files it dropped as `dropped`.

        Raises:
            CuckooDependencyError: requests is missing.
            NoAnswerError: the service gave no answer on the sample.
        """
        asking = inquiry(NAME, self.options, per_minute=0)
        service = HashLookup(asking, str(self.options.get("url") or ADDRESS))
        analysis = Analysis(self.analysis_path, self.task, self.results)
        section = look_up_analysis(service, analysis, self.options, self.note)
        for problem in asking.problems:
            self.note(problem)
        return section
