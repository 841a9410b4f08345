"""Values worth looking for that stand in no object of the event."""

from collections.abc import Mapping

from lib.cuckoo.reporting.misp.objects import Objects
from lib.cuckoo.reporting.sharing.records import Findings

_TYPES: Mapping[str, tuple[str, str]] = {
    "domain": ("domain", "Network activity"),
    "ip": ("ip-dst", "Network activity"),
    "url": ("url", "Network activity"),
    "email": ("email-dst", "Network activity"),
    "user_agent": ("user-agent", "Network activity"),
    "mutex": ("mutex", "Artifacts dropped"),
    "registry": ("regkey", "Artifacts dropped"),
    "path": ("filename", "Artifacts dropped"),
    "pdb": ("pdb", "Artifacts dropped"),
    **{name: (name, "Payload delivery") for name in ("md5", "sha1", "sha256", "sha512", "imphash")},
}
"""Type and category of MISP by our kind; it has a type for each currency and none for a wallet of any."""


def add_indicators(objects: Objects, findings: Findings) -> None:
    """Add the indicators that no object has told."""
    told = {attribute.value for made in objects.event.objects for attribute in made.attributes}
    for indicator in findings.indicators.values():
        if indicator.kind in _TYPES and indicator.value not in told:
            kind, category = _TYPES[indicator.kind]
            objects.attribute(
                kind,
                indicator.value,
                category=category,
                to_ids=objects.detects(indicator.kind, indicator.value),
                comment=f"seen in: {', '.join(indicator.sources)}",
            )
