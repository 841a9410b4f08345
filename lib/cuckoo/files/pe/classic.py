"""The names under which the older family of reports kept the same facts, beside `pe` in the section `static`."""

from collections.abc import Mapping
from typing import Any

from lib.cuckoo.files.pe.records import PortableExecutable

_SAME = {
    "sections": "pe_sections",
    "exports": "pe_exports",
    "resources": "pe_resources",
    "versioninfo": "pe_versioninfo",
    "imphash": "pe_imphash",
    "timestamp": "pe_timestamp",
    "pdbpath": "pdb_path",
    "peid_signatures": "peid_signatures",
    "digital_signers": "digital_signers",
    "imported_dll_count": "imported_dll_count",
}


def classic_keys(pe: PortableExecutable | Mapping[str, Any]) -> dict[str, Any]:
    """Return `pe_imports`, a list of libraries, and the other keys, whose values are the same as in `pe`."""
    facts: Mapping[str, Any] = pe
    if "sections" not in facts:
        return {}
    same = {old: facts[new] for new, old in _SAME.items() if new in facts}
    return {"pe_imports": list(facts.get("imports", {}).values())} | same
