"""What VirusTotal knows about the sample or the URL, and about dropped files. Nothing is uploaded, ever.

Each look-up sends one SHA-256, or the URL of a URL task, to the service. Answers are kept in
storage/cache/reputation of the working root.

Options (``[virustotal]`` in processing.conf):
    key            key of the service; else that of $VIRUSTOTAL_API_KEY, else of key_file
    key_file       file whose first line is the key, named relative to the working root
    dropped        dropped files looked up, programs first (default 0)
    per_minute     look-ups a minute of all processes of this machine together, 0 for no limit (default 4)
    budget         seconds for everything together, pauses included (default 120)
    timeout        seconds for one answer (default 20)
    retries        times that a look-up is tried again (default 3)
    cache_hours    how long answers are kept, 0 for not at all (default 168)
    unknown_hours  how long it is kept that something is not known (default 24)
    proxy          URL of an HTTP proxy; else that of $HTTPS_PROXY
    url            address of the API, for a gateway of one's own
"""

from typing import Any

from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.utils import add_family_detection
from lib.cuckoo.reputation.key import find_key
from lib.cuckoo.reputation.lookups import Analysis, in_root, inquiry, look_up_analysis
from lib.cuckoo.reputation.virustotal import ADDRESS, NAME, VirusTotal


class VirusTotalReports(Processing):
    """Ask for the reports, and name the family that most engines agree on."""

    key = "virustotal"
    order = 2
    cacheable = False

    def run(self) -> dict[str, Any]:
        """Return the record of the target and, if wanted, those of the files it dropped as `dropped`.

        Raises:
            CuckooDependencyError: there is no key, it is wrong, or requests is missing.
            NoAnswerError: the service gave no answer on the target.
        """
        asking = inquiry(NAME, self.options, per_minute=4)
        service = VirusTotal(asking, self._key(), str(self.options.get("url") or ADDRESS))
        analysis = Analysis(self.analysis_path, self.task, self.results)
        section = look_up_analysis(service, analysis, self.options, self.note)
        for record in [section, *section.get("dropped", [])]:
            if record.get("family"):
                add_family_detection(self.results, record["family"], NAME, record["resource"])
        for problem in asking.problems:
            self.note(problem)
        return section

    def _key(self) -> str:
        file = in_root(str(self.options.get("key_file") or ""))
        return find_key(NAME, str(self.options.get("key") or ""), "VIRUSTOTAL_API_KEY", file)
