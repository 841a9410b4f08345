"""The event: what was analysed, what came out, and how one goes with the other."""

import json
from collections.abc import Iterator
from typing import Any

from lib.cuckoo.reporting.jsonstream import json_chunks
from lib.cuckoo.reporting.misp.files import add_file
from lib.cuckoo.reporting.misp.host import add_processes, add_traces
from lib.cuckoo.reporting.misp.indicators import add_indicators
from lib.cuckoo.reporting.misp.network import add_network
from lib.cuckoo.reporting.misp.objects import PRODUCT, Attribute, Objects
from lib.cuckoo.reporting.misp.signatures import add_matches, add_techniques
from lib.cuckoo.reporting.sharing.records import Findings

_THREAT_LEVELS = {"Malicious": 1, "Suspicious": 2, "Little of note": 3}
_UNDEFINED = 4
_YOUR_ORGANISATION_ONLY, _COMPLETED = 0, 2


def event_chunks(findings: Findings) -> Iterator[bytes]:
    """Yield the event as JSON; the same findings give the same bytes.

    Raises:
        CuckooDependencyError: the library is not installed.
    """
    event = json.loads(objects_of(findings).event.to_json(sort_keys=True))
    yield from json_chunks({"Event": event}, indent=1)
    yield b"\n"


def objects_of(findings: Findings) -> Objects:
    """Return the event with its objects."""
    objects = Objects(findings)
    _describe(objects.event, findings)
    sample = _sample(objects, findings)
    objects.refer(_report(objects, findings), "related-to", sample)
    objects.refer(_analysis(objects, findings), "characterizes", sample)
    _files(objects, findings, sample)
    add_processes(objects, findings)
    add_network(objects, findings)
    add_traces(objects, findings)
    add_matches(objects, findings, add_techniques(objects, findings))
    add_indicators(objects, findings)
    _say_what_is_missing(objects, findings)
    return objects


def _describe(event: Any, findings: Findings) -> None:
    analysis, sample = findings.analysis, findings.sample
    event.info = (
        f"{PRODUCT}: {sample.name if sample is not None and sample.name else findings.url or 'analysis'}"
    )
    event.date = analysis.started.date()
    event.distribution = _YOUR_ORGANISATION_ONLY
    event.analysis = _COMPLETED
    event.threat_level_id = _THREAT_LEVELS.get(analysis.verdict, _UNDEFINED)
    event.published = False
    if analysis.tlp:
        event.add_tag(f"tlp:{analysis.tlp}")


def _sample(objects: Objects, findings: Findings) -> str | None:
    if findings.sample is not None:
        return add_file(objects, findings.sample, malicious=findings.analysis.suspect)
    return objects.add("url", findings.url, [Attribute("url", findings.url, "url")]) if findings.url else None


def _report(objects: Objects, findings: Findings) -> str | None:
    analysis = findings.analysis
    attributes = [
        Attribute("sandbox-type", "on-premise"),
        Attribute("on-premise-sandbox", PRODUCT),
        Attribute("score", None if analysis.score is None else f"{analysis.score:g}"),
        Attribute("results", analysis.verdict),
        *(Attribute("results", f"family: {family}") for family in analysis.families),
    ]
    return objects.add("sandbox-report", "report", attributes)


def _analysis(objects: Objects, findings: Findings) -> str | None:
    analysis = findings.analysis
    attributes = [
        Attribute("product", PRODUCT),
        Attribute("version", analysis.engine),
        Attribute("start_time", analysis.started),
        Attribute("end_time", analysis.ended),
        Attribute("result", analysis.result),
        Attribute("result_name", ", ".join(analysis.families)),
    ]
    return objects.add("malware-analysis", "analysis", attributes)


def _files(objects: Objects, findings: Findings, sample: str | None) -> None:
    for file in findings.files:
        relation = "drops" if file.origin == "dropped" else "related-to"
        objects.refer(sample, relation, add_file(objects, file))


def _say_what_is_missing(objects: Objects, findings: Findings) -> None:
    missing = [*findings.left_out, *objects.refused()]
    if missing:
        attributes = [
            Attribute("text", "This event leaves out:\n" + "\n".join(missing)),
            Attribute("type", "Disclaimer"),
            Attribute("format", "text"),
        ]
        objects.add("annotation", "left out", attributes)
