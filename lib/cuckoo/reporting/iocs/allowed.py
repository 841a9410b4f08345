r"""What is of no interest although it looks like an indicator: lists of any kind of value.

One entry a line; a `#` at the beginning or behind a blank begins a comment. An entry is a domain with all below it,
an address or network, or a hash. With a kind in front, as in `path:C:\Windows\*` or `mutex:Local\SM0:*`, it is a
value of that kind, in which `*` stands for any text and `?` for any character. Case does not matter.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from ipaddress import ip_address

from lib.cuckoo.common.allowlist import AllowList, parse_allow_list
from lib.cuckoo.reporting.iocs.indicator import KINDS, host_of, spelled

_HASHES = ("sha256", "sha1", "md5", "sha512")
_COMMENT = re.compile(r"(?:\A|\s)#")
_WILD = frozenset("*?")


@dataclass(frozen=True)
class Allowed:
    """Entries of all lists: domains and networks, plain values, and patterns by kind."""

    hosts: AllowList = field(default_factory=AllowList)
    values: frozenset[tuple[str, str]] = frozenset()
    patterns: tuple[tuple[str, re.Pattern[str]], ...] = ()

    def covers(self, kind: str, value: str) -> bool:
        """Tell whether a value is on a list; a URL and a mail address are when their host is."""
        return (
            (kind, value.casefold()) in self.values
            or any(of == kind and pattern.match(value) for of, pattern in self.patterns)
            or self._covers_host(_host(kind, value))
        )

    def _covers_host(self, host: str) -> bool:
        if not host:
            return False
        try:
            return self.hosts.address(ip_address(host))
        except ValueError:
            return self.hosts.domain(host)


NOTHING = Allowed()


def parse_allowed(lines: Iterable[str]) -> Allowed:
    """Build the list from the lines of its files.

    Raises:
        ValueError: a line is no entry; the message names it.
    """
    domains, networks, values, patterns = [], [], set(), []
    for entry in _entries(lines):
        kind, value = _kind_of(entry)
        if kind == "domain" and not _WILD & set(value):
            domains.append(value)
        elif kind == "ip":
            networks.append(value)
        elif _WILD & set(value):
            patterns.append((kind, re.compile(translate(value), re.IGNORECASE)))
        else:
            values.add((kind, (spelled(kind, value) or value).casefold()))
    return Allowed(parse_allow_list(domains, networks), frozenset(values), tuple(patterns))


def _entries(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        entry = _COMMENT.split(line, maxsplit=1)[0].strip()
        if entry:
            yield entry


def _kind_of(entry: str) -> tuple[str, str]:
    named, colon, value = entry.partition(":")
    if colon and named.strip().lower() in KINDS:
        return named.strip().lower(), value.strip()
    for kind in _HASHES:
        if spelled(kind, entry):
            return kind, entry
    if _is_network(entry):
        return "ip", entry
    if "://" in entry or "\\" in entry or "@" in entry or " " in entry:
        raise ValueError(f"{entry!r} needs its kind in front, one of {', '.join(KINDS)}, and a colon")
    return "domain", entry


def _is_network(entry: str) -> bool:
    try:
        ip_address(entry.partition("/")[0])
    except ValueError:
        return False
    return True


def _host(kind: str, value: str) -> str:
    if kind in {"domain", "ip"}:
        return value
    if kind == "url":
        return host_of(value)
    return value.rpartition("@")[2] if kind == "email" else ""
