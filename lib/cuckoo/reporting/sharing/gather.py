"""From results of any shape to findings: what is not what it claims costs itself, what is too much is counted."""

from collections.abc import Mapping
from typing import Any

from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.reporting.iocs.allowed import NOTHING, Allowed
from lib.cuckoo.reporting.iocs.indicator import KINDS as ALL_KINDS
from lib.cuckoo.reporting.sharing.analysis import analysis_of
from lib.cuckoo.reporting.sharing.host import files, keys, mutexes, processes, sample
from lib.cuckoo.reporting.sharing.indicators import indicators
from lib.cuckoo.reporting.sharing.network import certificates, flows, hosts, mails, names, requests
from lib.cuckoo.reporting.sharing.records import KINDS, Bounds, Findings
from lib.cuckoo.reporting.sharing.signatures import matches, techniques
from lib.cuckoo.reporting.sharing.tally import Tally
from lib.cuckoo.reporting.sharing.values import url
from lib.cuckoo.reporting.story.values import Record, mapping, text


def gather(results: Record, bounds: Bounds, allowed: Allowed = NOTHING) -> Findings:
    """Return what the results have to share."""
    tally = Tally(bounds.entries)
    target = mapping(results.get("target"))
    network = mapping(results.get("network"))
    submitted = url(target.get("url"), bounds.text)
    if text(target.get("url")) and not submitted:
        tally.unfit("url")
    return Findings(
        analysis=analysis_of(results, bounds),
        url=submitted or "",
        sample=sample(target, tally, bounds),
        files=files(results, tally, bounds),
        processes=processes(results, tally, bounds),
        mutexes=mutexes(results, tally, bounds),
        keys=keys(results, tally, bounds),
        names=names(network, tally, bounds),
        hosts=hosts(network, tally),
        flows=flows(network, tally),
        requests=requests(network, tally, bounds),
        certificates=certificates(network, tally, bounds),
        mails=mails(network, tally, bounds),
        matches=matches(results, tally, bounds),
        techniques=techniques(results, tally, bounds),
        indicators=indicators(results, tally, bounds, allowed),
        left_out=list(tally.sentences()),  # after all that count
    )


def bounds_from(options: Mapping[str, Any]) -> Bounds:
    """Return what the section of the configuration asks for.

    Raises:
        CuckooReportError: an option is no number, or out of range.
    """
    return Bounds(
        entries=int(_number(options, "entries", 500, 1, 10_000)),
        text=int(_number(options, "text", 1000, 40, 100_000)),
        threshold=_number(options, "threshold", 4, 0, 10),
        kinds=_kinds(str(options.get("indicators", " ".join(KINDS)))),
    )


def _kinds(words: str) -> tuple[str, ...]:
    found = tuple(words.replace(",", " ").split())
    unknown = sorted(set(found) - set(ALL_KINDS))
    if unknown:
        raise CuckooReportError(
            f"the option indicators names {', '.join(unknown)}; there are {', '.join(ALL_KINDS)}"
        )
    return found


def _number(options: Mapping[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = options.get(name, default)
    try:
        found = float(value)
    except (TypeError, ValueError) as error:
        raise CuckooReportError(f"the option {name} is {value!r}, which is no number") from error
    if not least <= found <= most:
        raise CuckooReportError(f"the option {name} is {value}, which is not within {least} and {most}")
    return found
