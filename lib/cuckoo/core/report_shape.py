"""The shape of a whole report: all sections that shipped modules and the engine itself write.

From this record the published schema and its page are made. Further sections, of modules that users drop in, may
stand beside these.
"""

from typing import TypedDict

from lib.cuckoo.analysis.shapes import Info, Target
from lib.cuckoo.behavior.shapes import BehaviorSection
from lib.cuckoo.core.score import Score
from lib.cuckoo.core.shapes import EngineRecord, SignatureMatch, Statistics
from lib.cuckoo.core.signatures.attack import Ttp
from lib.cuckoo.files.memory_shapes import ProcessDump
from lib.cuckoo.files.shapes import Debug, Detection, PlacedString, Static
from lib.cuckoo.files.stored_shapes import Payload, PayloadsSection, StoredFile
from lib.cuckoo.memory.shapes import Memory
from lib.cuckoo.network.shapes import NetworkSection
from lib.cuckoo.reputation.shapes import HashLookup, VirusTotal


class ReportRecord(TypedDict, total=False):
    """A report. A section is absent when its module did not run; `engine.modules` says why."""

    info: Info
    """The frame of the analysis."""
    target: Target
    """What was analysed."""
    detections: list[Detection]
    """Families of malware that anything names."""
    score: Score
    """The verdict in numbers, and what adds up to it."""
    malscore: float
    """`score.total`, where readers of older reports look for it."""
    signatures: list[SignatureMatch]
    """Signatures that matched, by severity, then name."""
    ttps: list[Ttp]
    """Techniques of ATT&CK, one entry for each signature that saw one."""
    behavior: BehaviorSection
    """What the processes did."""
    network: NetworkSection
    """What went over the wire."""
    static: Static
    """What the sample is made of."""
    strings: list[str] | list[PlacedString]
    """Printable strings of the sample: ASCII, then UTF-16LE, then UTF-16BE, each by offset."""
    dropped: list[StoredFile]
    """Files that the sample left, by path."""
    CAPE: PayloadsSection
    """What the successor's monitor took out of processes."""
    procdump: list[Payload]
    """Images of processes that the successor's monitor dumped, by path."""
    procmemory: list[ProcessDump]
    """Dumps of the memory of processes, by name."""
    memory: Memory
    """The image of the guest's memory."""
    virustotal: VirusTotal
    """What VirusTotal knows."""
    hashlookup: HashLookup
    """What CIRCL hashlookup knows."""
    debug: Debug
    """The logs of the sandbox."""
    statistics: Statistics
    """How long it took."""
    engine: EngineRecord
    """What happened to each module."""
