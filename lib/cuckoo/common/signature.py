"""`Signature`, the base class of what turns results into findings."""

from collections.abc import Collection, Mapping
from typing import Any

from lib.cuckoo.common.lookups import Process, ProcessLookups, SectionLookups
from lib.cuckoo.common.paths import AnalysisPaths
from lib.cuckoo.common.searches import CallSearches, NetworkSearches, SummarySearches
from lib.cuckoo.common.view import ResultsView

_OWN_LISTS = ("categories", "families", "authors", "references", "ttps", "mbcs")


class Signature(
    SummarySearches, CallSearches, NetworkSearches, ProcessLookups, SectionLookups, AnalysisPaths
):
    """One finding: looks at the results once (`run`), or at each call that passes its filters (`on_call`).

    A truthy answer of `run`, `on_call` or `on_complete` is a match.
    """

    name: str = ""
    description: str = ""
    severity: int = 1
    """1 worth knowing, 2 suspicious, 3 malicious."""
    confidence: int = 100
    """Per cent: how seldom something harmless looks the same."""
    weight: float = 1
    """How much a match counts in the score, beside others of its severity."""
    categories: list[str] = []  # noqa: RUF012 - each instance gets its own list
    families: list[str] = []  # noqa: RUF012 - as above
    authors: list[str] = []  # noqa: RUF012 - as above
    references: list[str] = []  # noqa: RUF012 - as above
    ttps: list[str] = []  # noqa: RUF012 - as above
    """ATT&CK technique ids, "T1055" or "T1055.012"."""
    mbcs: list[str] = []  # noqa: RUF012 - as above
    """Malware Behavior Catalog ids."""
    alert: bool = False
    enabled: bool = True
    minimum: str | None = None
    """The lowest version of the contract that the signature works with."""
    maximum: str | None = None
    """The highest version of the contract that the signature works with."""
    order: int = 0
    """Signatures of a higher order run later; `results["signatures"]` holds the matches of those before."""
    evented: bool = False
    filter_processnames: Collection[str] = frozenset()
    """Names of the processes whose calls `on_call` wants; empty means all. So for the next two."""
    filter_apinames: Collection[str] = frozenset()
    filter_categories: Collection[str] = frozenset()
    filter_analysistypes: Collection[str] = frozenset()
    """The `target` categories ("file", "url" …) that the signature is for; empty means all."""
    banned_suricata_sids: Collection[int] = ()

    def __init__(self, results: Mapping[str, Any] | None = None) -> None:
        self.results = ResultsView.of(results)
        self.data: list[dict[str, Any]] = []
        self.new_data: list[dict[str, Any]] = []
        self.statistics: dict[str, dict[str, Any]] = {}
        self.matched = False
        self.pid: int | None = None
        self.cid: int | None = None
        self.call: dict[str, Any] | None = None
        for attribute in _OWN_LISTS:
            setattr(self, attribute, list(getattr(self, attribute) or ()))

    def run(self) -> Any:
        """Look at the results, once. A truthy answer is a match."""
        raise NotImplementedError(f"{type(self).__name__} does not define run()")

    def on_call(self, call: dict[str, Any], process: Process) -> Any:
        """Look at one call. A truthy answer is a match, and the signature hears no more."""
        raise NotImplementedError(f"{type(self).__name__} does not define on_call()")

    def on_complete(self) -> Any:
        """Conclude, after all calls, unless `on_call` has matched. A truthy answer is a match."""

    def mark_call(self, *_args: object, **_details: object) -> None:
        """Add the call that `on_call` looks at to `data`, as evidence; arguments are ignored."""
        self.data.append({"type": "call", "pid": self.pid, "cid": self.cid})

    def add_match(self, process: Process | None, type: str, match: Any) -> None:  # noqa: A002 - the contract's name
        """Add evidence to `new_data`: a value, or a list of values, of the given type."""
        values = match if isinstance(match, list) else [match]
        owner = None if not process else {name: process.get(name) for name in ("process_name", "process_id")}
        self.new_data.append(
            {"process": owner, "signs": [{"type": type, "value": value} for value in values]}
        )

    def has_matches(self) -> bool:
        """Tell whether any evidence was added."""
        return bool(self.data or self.new_data)

    def add_statistic(self, name: str, field: str, value: object) -> None:
        """Note a measure of this run; it appears in `results["statistics"]["signatures"]`."""
        self.statistics.setdefault(name, {})[field] = value

    def as_result(self) -> dict[str, Any]:
        """Return the match as it stands in `results["signatures"]`."""
        return {
            "name": self.name,
            "description": self.description,
            "categories": list(self.categories or ()),
            "severity": self.severity,
            "weight": self.weight,
            "confidence": self.confidence,
            "references": list(self.references or ()),
            "data": self.data,
            "new_data": self.new_data,
            "alert": self.alert,
            "families": list(self.families or ()),
        }
