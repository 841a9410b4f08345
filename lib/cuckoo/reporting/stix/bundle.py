"""The bundle: what was analysed, what came out, and how one goes with the other."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lib.cuckoo.reporting.sharing.identity import named
from lib.cuckoo.reporting.sharing.records import File, Findings
from lib.cuckoo.reporting.stix.files import add_file
from lib.cuckoo.reporting.stix.host import add_processes, add_traces
from lib.cuckoo.reporting.stix.indicators import add_indicators
from lib.cuckoo.reporting.stix.network import add_address, add_network
from lib.cuckoo.reporting.stix.objects import PRODUCT, Objects
from lib.cuckoo.reporting.stix.signatures import add_matches, add_techniques


def bundle_chunks(findings: Findings) -> Iterator[bytes]:
    """Yield the bundle as JSON, an object a line; the same findings give the same bytes.

    Raises:
        CuckooDependencyError: the library is not installed.
    """
    objects = objects_of(findings)
    yield f'{{"type": "bundle", "id": "bundle--{named(findings.analysis.key, "bundle")}", "objects": ['.encode()
    separator = b"\n"
    for each in objects:
        yield separator + each.serialize(sort_keys=True).encode()
        separator = b",\n"
    yield b"\n]}\n"


def objects_of(findings: Findings) -> Objects:
    """Return the objects of the bundle."""
    objects = Objects(findings.analysis)
    sample = _sample(objects, findings)
    files = {file: found for file in findings.files if (found := add_file(objects, file))}
    places = {path.lower(): found for file, found in files.items() for path in file.paths}
    observed = {
        "files": [*([sample] if sample else []), *dict.fromkeys(files.values())],
        "processes": add_processes(objects, findings, places, sample),
        "network": add_network(objects, findings),
        "mutexes and registry": add_traces(objects, findings),
    }
    for name, seen in observed.items():
        _observed(objects, findings, name, seen)
    analysis = _analysis(objects, findings, sample, observed.values())
    techniques = add_techniques(objects, findings)
    malware = _malware(objects, findings, sample) if findings.analysis.suspect else None
    _relate(objects, findings, malware, analysis, files, techniques.values())
    about = [found for found in (analysis, malware) if found]
    add_matches(objects, findings, about, techniques)
    _say_what_is_missing(objects, findings, about)
    return objects


def _sample(objects: Objects, findings: Findings) -> str | None:
    if findings.sample is not None:
        return add_file(objects, findings.sample)
    return objects.observable("URL", value=findings.url) if findings.url else None


def _observed(objects: Objects, findings: Findings, name: str, found: list[str]) -> None:
    if found:
        period = findings.analysis
        objects.object(
            "ObservedData",
            name,
            first_observed=period.started,
            last_observed=period.ended,
            number_observed=1,
            object_refs=found,
            labels=[name],
        )


def _analysis(
    objects: Objects, findings: Findings, sample: str | None, observed: Iterable[list[str]]
) -> str | None:
    analysis = findings.analysis
    system = objects.observable("Software", name=analysis.system) if analysis.system else None
    machine = objects.observable("Software", name=analysis.machine) if analysis.machine else None
    return objects.object(
        "MalwareAnalysis",
        "analysis",
        product=PRODUCT,
        version=analysis.engine,
        operating_system_ref=system,
        host_vm_ref=machine,
        analysis_started=analysis.started,
        analysis_ended=analysis.ended,
        result=analysis.result,
        result_name=", ".join(analysis.families),
        sample_ref=sample,
        analysis_sco_refs=list(dict.fromkeys(ref for refs in observed for ref in refs)),
    )


def _malware(objects: Objects, findings: Findings, sample: str | None) -> str | None:
    analysis, file = findings.analysis, findings.sample
    score = "not known" if analysis.score is None else f"{analysis.score:g} of 10"
    members: dict[str, Any] = {
        "name": file.name if file is not None else findings.url,
        "description": f"{file.kind}; score {score}" if file is not None else f"score {score}",
        "sample_refs": [sample] if file is not None and sample else [],
    }
    return objects.object("Malware", "sample", is_family=False, malware_types=["unknown"], **members)


def _relate(
    objects: Objects,
    findings: Findings,
    malware: str | None,
    analysis: str | None,
    files: Mapping[File, str],
    techniques: Iterable[str],
) -> None:
    objects.relation(analysis, "dynamic-analysis-of", malware)
    if malware is None:
        return
    for family in findings.analysis.families:
        objects.relation(
            malware, "variant-of", objects.object("Malware", f"family {family}", name=family, is_family=True)
        )
    for technique in techniques:
        objects.relation(malware, "uses", technique)
    for file, found in files.items():
        objects.relation(malware, "drops" if file.origin == "dropped" else "related-to", found)
    for host in findings.hosts:
        objects.relation(malware, "communicates-with", add_address(objects, host))
    for indicator in add_indicators(objects, findings):
        objects.relation(indicator, "indicates", malware)


def _say_what_is_missing(objects: Objects, findings: Findings, about: list[str]) -> None:
    missing = [*findings.left_out, *objects.refused()]
    if missing and about:
        objects.note("left out", "What this bundle leaves out", "\n".join(missing), about)
