"""What signatures saw: techniques as attack patterns, matches as notes."""

from typing import Any

from lib.cuckoo.reporting.sharing.records import Findings, Match, Technique
from lib.cuckoo.reporting.stix.objects import Objects

_SEVERITIES = {1: "worth knowing", 2: "suspicious", 3: "malicious"}


def add_techniques(objects: Objects, findings: Findings) -> dict[str, str]:
    """Add the techniques; return their ids by their number in ATT&CK."""
    added = {technique.number: _technique(objects, technique) for technique in findings.techniques}
    return {number: found for number, found in added.items() if found}


def _technique(objects: Objects, technique: Technique) -> str | None:
    address = f"https://attack.mitre.org/techniques/{technique.number.replace('.', '/')}"
    reference = {"source_name": "mitre-attack", "external_id": technique.number, "url": address}
    phases = [{"kill_chain_name": "mitre-attack", "phase_name": tactic} for tactic in technique.tactics]
    return objects.technique(
        technique.number, name=technique.name, external_references=[reference], kill_chain_phases=phases
    )


def add_matches(objects: Objects, findings: Findings, about: list[str], techniques: dict[str, str]) -> None:
    """Add a note for each signature that matched; `about` are the objects that all of them speak of."""
    for match in findings.matches:
        seen = [techniques[number] for number in match.techniques if number in techniques]
        members: dict[str, Any] = {"confidence": match.confidence, "labels": ["signature", match.name]}
        objects.note(
            f"signature {match.name}", match.description, _content(match), [*about, *seen], **members
        )


def _content(match: Match) -> str:
    heading = f"{match.name}: severity {match.severity} ({_SEVERITIES[match.severity]})"
    return "\n".join((heading, *match.noted))
