"""What signatures saw: techniques as tags of the galaxy, matches as objects of the template `sb-signature`."""

from lib.cuckoo.reporting.misp.objects import PRODUCT, Attribute, Objects
from lib.cuckoo.reporting.sharing.records import Findings, Match


def add_techniques(objects: Objects, findings: Findings) -> dict[str, str]:
    """Tag the event with the techniques; return the tags by their number in ATT&CK."""
    tags = {technique.number: _tag(technique.name, technique.number) for technique in findings.techniques}
    for tag in tags.values():
        objects.event.add_tag(tag)
    return tags


def _tag(name: str, number: str) -> str:
    """Return the tag of a technique; a quotation mark would end its value."""
    value = (f"{name} - {number}" if name != number else number).replace('"', "")
    return f'misp-galaxy:mitre-attack-pattern="{value}"'


def add_matches(objects: Objects, findings: Findings, tags: dict[str, str]) -> None:
    """Add the signatures that matched, each with its techniques."""
    for match in findings.matches:
        _match(objects, match, tuple(tags[number] for number in match.techniques if number in tags))


def _match(objects: Objects, match: Match, tags: tuple[str, ...]) -> None:
    told = f"severity {match.severity} of 3, confidence {match.confidence} %"
    attributes = [
        Attribute("software", PRODUCT),
        Attribute("signature", match.name, comment=match.description, tags=tags),
        Attribute("text", "\n".join((match.description, told, *match.noted))),
    ]
    objects.add("sb-signature", match.name, attributes)
