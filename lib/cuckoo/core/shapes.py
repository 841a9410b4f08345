"""Shapes of the sections that the engine itself writes: `signatures`, `statistics`, `engine`."""

from typing import Annotated, Any, NotRequired, TypedDict

from lib.cuckoo.common.shapes import Measure
from lib.cuckoo.core.ledger import Problem, RunRecord
from lib.cuckoo.core.limits import Limits

_RETURN = TypedDict("_RETURN", {"return": NotRequired[str | None]})
"""The value that it returned."""


class EvidenceCall(_RETURN):
    """A call that a signature marked."""

    process: str | None
    """File name of the program."""
    pid: int | None
    """Number of the process."""
    cid: int
    """Its place among the calls of the process, from 0."""
    timestamp: str | None
    """When."""
    api: str | None
    """Name of the function."""
    category: str | None
    """The group that the monitor counts it to."""
    status: bool | None
    """True when it succeeded."""
    repeated: int | None
    """How often the same call followed at once."""
    arguments: dict[str, str]
    """By name, with meanings in place of numbers where they are known; cut to 512 characters."""


class Evidence(TypedDict):
    """The marked calls of a match."""

    calls: list[EvidenceCall]
    """The first 50."""
    omitted: int
    """How many more there are."""


class Sign(TypedDict):
    """One value that a signature points to."""

    type: Any
    """What it is, in the signature's words."""
    value: Any
    """The value."""


class ProcessSigns(TypedDict):
    """Values that a signature points to, of one process or of none."""

    process: dict[str, Any] | None
    """`process_name` and `process_id`."""
    signs: list[Sign]
    """The values."""


class SignatureMatch(TypedDict):
    """A signature that matched; its attributes are as its author wrote them."""

    name: str
    """Name of the signature."""
    description: Any
    """Text: what it means that it matched."""
    categories: list[Any]
    """Texts: what it is about."""
    severity: Any
    """Number: 1 worth knowing, 2 suspicious, 3 malicious."""
    weight: Any
    """Number: how much it counts beside others of its severity."""
    confidence: Any
    """Number: per cent, how seldom something harmless looks the same."""
    references: list[Any]
    """Texts: where to read more."""
    data: list[Any]
    """Evidence: objects such as `{"file": path}`, and `{"type": "call", "pid", "cid"}` for a call."""
    new_data: list[Any]
    """Evidence: `{"process": {"process_name", "process_id"} or null, "signs": [{"type", "value"}]}`."""
    alert: Any
    """True when its author wants people to be told at once."""
    families: list[Any]
    """Texts: families of malware that it knows."""
    ttps: list[Any]
    """Texts: techniques of ATT&CK, "T1055" or "T1055.012"."""
    mbcs: list[Any]
    """Texts: identifiers of the Malware Behavior Catalog."""
    evidence: Evidence
    """The calls among `data`, resolved."""


class LeftOut(TypedDict):
    """A signature that did not run."""

    name: str
    """Of the signature."""
    file: str
    """Where it is defined."""
    reason: str
    """Why, in words."""


class SignatureCounts(TypedDict):
    """What became of the signatures."""

    found: int
    """Signatures in all collections."""
    ran: int
    """Those that fit the analysis."""
    matched: int
    """Those that matched."""
    left_out: list[LeftOut]
    """Those that did not run."""


class Readers(TypedDict):
    """Which of several readers ran."""

    behavior: str
    """Of logs: `cython`, compiled, or `python`."""
    network: str
    """Of captures: `cython`, compiled, or `python`."""


class Machine(TypedDict):
    """The machine that processed the analysis."""

    system: str
    """Kernel and its version."""
    cpus: int
    """Processors that the engine may use."""
    memory_bytes: int
    """Memory of the machine."""


class EngineRecord(TypedDict):
    """What happened: see the page about the ledger."""

    name: str
    """"fledge"."""
    version: str
    """Of the engine."""
    schema: str
    """Version of the schema that the report fits, "1.0"."""
    python: str
    """Version of the interpreter."""
    readers: Readers
    """Which of several readers ran."""
    isolation: bool
    """False when everything ran in one process."""
    limits: NotRequired[Annotated[dict[str, Any], Limits]]
    """Of a module, before its section overrides them."""
    signatures: NotRequired[SignatureCounts]
    """What became of the signatures."""
    modules: list[RunRecord]
    """One line for each module and what else is recorded, those that ran first, in order."""
    problems: list[Annotated[dict[str, Any], Problem]]
    """What should be mended in configuration, modules or the task."""
    started: NotRequired[str]
    """"2026-01-31 13:21:44" (UTC). This and what follows is absent when the report was to be the same each time."""
    duration_seconds: NotRequired[float]
    """Wall-clock time of processing, in seconds."""
    jobs: NotRequired[int]
    """Modules that could run at the same time."""
    host: NotRequired[Machine]
    """The machine that processed the analysis."""


class Statistics(TypedDict, total=False):
    """How long modules and signatures took."""

    processing: list[Measure]
    """Each module that ran, by class."""
    signatures: list[Measure]
    """Each signature that ran, by name: time in its own code."""
