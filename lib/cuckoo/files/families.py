"""Names of malware families in the meta data of YARA rules, as collections of rules write them.

`family` and `malware` hold the name itself. `cape_type` says what was found: "QakBot Payload", "Emotet Loader".
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lib.cuckoo.common.utils import add_family_detection
from lib.cuckoo.files.shapes import Detection

_PARTS = re.compile(
    r"\s+(?:payload|loader|config|configuration|shellcode|dropper|unpacked)\b.*\Z", re.IGNORECASE
)
_NO_NAMES = {"", "malware", "generic", "unknown", "none", "n/a", "na", "yes", "no", "true", "false", "1", "0"}
_LONGEST = 64
_SECTIONS = ("target", "static", "dropped", "procdump", "procmemory", "CAPE", "extracted", "memory")
_RULES = ("yara", "cape_yara")
_DEPTH = 8


def collect_families(results: Mapping[str, Any]) -> list[Detection]:
    """Return `results["detections"]` with the families that matches of rules name; `results` is not changed."""
    collected: dict[str, Any] = {
        "detections": [
            {**entry, "details": _list(entry.get("details"))}
            for entry in _list(results.get("detections"))
            if isinstance(entry, Mapping) and entry.get("family")
        ]
    }
    for record in _file_records(results):
        where = str(
            record.get("sha256") or record.get("path") or record.get("file") or record.get("url") or ""
        )
        for rule in (match for kind in _RULES for match in _list(record.get(kind))):
            meta = rule.get("meta") if isinstance(rule, Mapping) else None
            for family in families_of(meta) if isinstance(meta, Mapping) else ():
                add_family_detection(collected, _spelled(collected, family), "Yara", where)
    detections: list[Detection] = collected["detections"]
    return detections


def families_of(meta: Mapping[str, Any]) -> list[str]:
    """Return the families that a rule's meta data names, the first spelling of each."""
    names = [str(meta.get(key, "")).strip() for key in ("family", "malware")]
    kind = str(meta.get("cape_type", "")).strip()
    if _PARTS.search(kind):
        names.append(_PARTS.sub("", kind))
    kept: dict[str, str] = {}
    for name in names:
        if name.lower() not in _NO_NAMES and len(name) <= _LONGEST:
            kept.setdefault(name.lower(), name)
    return list(kept.values())


def _list(value: Any) -> list[Any]:
    """Return a copy of a list; other modules may have written anything."""
    return list(value) if isinstance(value, list) else []


def _spelled(results: Mapping[str, Any], family: str) -> str:
    """Return a family as it is spelled already."""
    known = (str(entry["family"]) for entry in results["detections"])
    return next((name for name in known if name.lower() == family.lower()), family)


def _file_records(results: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the records that have matches, wherever they stand in the sections about files."""
    waiting: list[tuple[Any, int]] = [(results.get(section), 0) for section in reversed(_SECTIONS)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, Mapping):
            if any(isinstance(value.get(kind), list) and value[kind] for kind in _RULES):
                yield value
            children = [child for key, child in value.items() if key not in _RULES]
        else:
            children = list(value) if isinstance(value, list) else []
        if depth < _DEPTH:
            waiting.extend(
                (child, depth + 1) for child in reversed(children) if isinstance(child, Mapping | list)
            )
