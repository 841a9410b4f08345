"""The results as a signature sees them: what is absent reads as the empty value of its kind.

A signature that looks into `results["network"]["dns"]` means "none", when the network module did not run,
and must go on to its other evidence. `in` and `get` still tell what is there.
"""

from collections.abc import Mapping
from typing import Any, Self

Shape = Mapping[str, Any]
"""Member name to the type of its empty value, or to the shape of a nested section."""

_SUMMARY: Shape = dict.fromkeys(
    (
        *("files", "read_files", "write_files", "delete_files"),
        *("keys", "read_keys", "write_keys", "delete_keys"),
        *("executed_commands", "resolved_apis", "mutexes", "created_services", "started_services"),
    ),
    list,
)
_FILE: Shape = {
    **dict.fromkeys(("name", "path", "type", "crc32", "md5", "sha1", "sha256", "sha512", "ssdeep"), str),
    **dict.fromkeys(("yara", "cape_yara", "clamav"), list),
}
_PE: Shape = dict.fromkeys(("sections", "imports", "exports", "resources", "versioninfo", "dirents"), list)
SHAPES: Shape = {
    "info": dict.fromkeys(("package", "custom", "category", "version"), str),
    "target": {"category": str, "url": str, "file": _FILE},
    "behavior": {
        **dict.fromkeys(("processes", "processtree", "enhanced", "anomaly", "encryptedbuffers"), list),
        "summary": _SUMMARY,
    },
    "network": {
        **dict.fromkeys(
            ("hosts", "domains", "tcp", "udp", "icmp", "http", "dns", "smtp", "irc", "tls"), list
        ),
        **dict.fromkeys(("dead_hosts", "http_ex", "https_ex", "smtp_ex"), list),
    },
    "static": {"pe": _PE},
    "debug": {"log": str, "errors": list},
    "CAPE": {"payloads": list, "configs": list},
    "suricata": dict.fromkeys(("alerts", "tls", "http", "files", "dns"), list),
    "virustotal": {"scans": dict, "results": list},
    **dict.fromkeys(
        ("dropped", "procdump", "procmemory", "strings", "signatures", "extracted", "shots"), list
    ),
}
"""The sections that signatures of the field read by index."""


class SectionView(dict[str, Any]):
    """A section whose absent members are empty.

    A member that `shape` does not name is empty too when the whole section is `absent`; in a section that is
    there it raises KeyError, for then the name is wrong.
    """

    __slots__ = ("_absent", "_shape")

    def __init__(self, values: Mapping[str, Any], shape: Shape, *, absent: bool = False) -> None:
        super().__init__(values)
        self._shape = shape
        self._absent = absent
        for name, inner in shape.items():
            self._nest(name, inner)

    def _nest(self, name: str, inner: object) -> None:
        value = self.get(name)
        if value is None:
            self.pop(name, None)
        elif isinstance(inner, Mapping) and isinstance(value, dict) and not isinstance(value, SectionView):
            self[name] = SectionView(value, inner)

    def __missing__(self, name: str) -> Any:
        kind = self._shape.get(name)
        if isinstance(kind, Mapping):
            return SectionView({}, kind, absent=True)
        if kind is not None:
            return kind()
        if self._absent:
            return SectionView({}, {}, absent=True)
        raise KeyError(name)


class ResultsView(SectionView):
    """All results; an absent section of any name is empty. The originals are left as they are."""

    __slots__ = ()

    def __init__(self, results: Mapping[str, Any]) -> None:
        super().__init__(results, SHAPES, absent=True)

    @classmethod
    def of(cls, results: Mapping[str, Any] | None) -> Self:
        """Return `results` when they are such a view already, else a view of them."""
        return results if isinstance(results, cls) else cls(results or {})
