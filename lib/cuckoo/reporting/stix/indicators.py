"""Indicators with patterns, in the pattern language of STIX 2.1."""

from collections.abc import Callable, Mapping

from lib.cuckoo.common.text import last_part
from lib.cuckoo.reporting.sharing.records import Findings, Indicator
from lib.cuckoo.reporting.stix.files import HASHES
from lib.cuckoo.reporting.stix.objects import Objects


def add_indicators(objects: Objects, findings: Findings) -> list[str]:
    """Add an indicator for each value worth looking for; return their ids.

    Paths of debug symbols and wallets have no place in the objects of the specification, so they get none.
    """
    added = [
        objects.object(
            "Indicator",
            f"{indicator.kind} {indicator.value}",
            name=indicator.value if len(indicator.value) <= 100 else f"{indicator.value[:99]}…",
            description=f"{indicator.kind}, seen in: {', '.join(indicator.sources)}",
            indicator_types=["malicious-activity"],
            pattern=pattern_of(indicator),
            pattern_type="stix",
            pattern_version="2.1",
            valid_from=indicator.seen or findings.analysis.started,
        )
        for indicator in findings.indicators.values()
        if indicator.kind in _PATTERNS
    ]
    return [found for found in added if found]


def pattern_of(indicator: Indicator) -> str:
    """Return the pattern of a value; `indicator.kind` is one of those that have one."""
    return _PATTERNS[indicator.kind](indicator.value)


def literal(value: str) -> str:
    r"""Return a string constant of the pattern language, in which only `\` and `'` have a meaning of their own."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _equals(path: str) -> Callable[[str], str]:
    return lambda value: f"[{path} = {literal(value)}]"


def _address(value: str) -> str:
    return f"[{'ipv6' if ':' in value else 'ipv4'}-addr:value = {literal(value)}]"


def _path(value: str) -> str:
    name = last_part(value)
    folder = value[: len(value) - len(name)].rstrip("\\/")
    named = f"file:name = {literal(name)}"
    return f"[{named} AND file:parent_directory_ref.path = {literal(folder)}]" if folder else f"[{named}]"


_PATTERNS: Mapping[str, Callable[[str], str]] = {
    **{name: _equals(f"file:hashes.'{word}'") for name, word in HASHES.items()},
    "imphash": _equals("file:extensions.'windows-pebinary-ext'.imphash"),
    "domain": _equals("domain-name:value"),
    "ip": _address,
    "url": _equals("url:value"),
    "mutex": _equals("mutex:name"),
    "registry": _equals("windows-registry-key:key"),
    "path": _path,
    "email": _equals("email-addr:value"),
    "user_agent": _equals("network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'"),
}
