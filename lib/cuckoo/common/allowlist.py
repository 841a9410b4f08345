"""What is of no interest to an analyst: allow-lists of domains and addresses.

A list has one entry a line; what follows `#` is a comment. A domain stands for itself and all below it, with or
without `*.` before it; an address may be a network (`192.0.2.0/24`).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

_MOST_LABELS = 128
"""Labels of a name that are compared; none on the wire has more."""
_NO_DOMAIN = re.compile(r"[\s/:@]|[\x00-\x1f]")
"""In no name: what stands in lines of other formats, as in a hosts file or a list of URLs."""


@dataclass(frozen=True)
class AllowList:
    """Domains in lower case, and networks."""

    domains: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def domain(self, name: str) -> bool:
        """Tell whether a name is on the list."""
        if not self.domains:
            return False
        labels = name.lower().rstrip(".").rsplit(".", _MOST_LABELS)[-_MOST_LABELS:]
        return any(".".join(labels[at:]) in self.domains for at in range(len(labels)))

    def address(self, address: IPv4Address | IPv6Address) -> bool:
        """Tell whether an address is on the list; what that costs does not grow with the list."""
        number, size = int(address), address.max_prefixlen
        return any(
            (number >> shift) in prefixes
            for (width, shift), prefixes in self._prefixes.items()
            if width == size
        )

    @cached_property
    def _prefixes(self) -> dict[tuple[int, int], set[int]]:
        """Size of the address and of its host part, in bits, to the network parts."""
        found: dict[tuple[int, int], set[int]] = {}
        for network in self.networks:
            shift = network.max_prefixlen - network.prefixlen
            prefixes = found.setdefault((network.max_prefixlen, shift), set())
            prefixes.add(int(network.network_address) >> shift)
        return found


def parse_allow_list(domains: Iterable[str], networks: Iterable[str]) -> AllowList:
    """Build the list from the lines of two files.

    Raises:
        ValueError: a line is no domain, or no address or network; the message names it.
    """
    names = frozenset(_domain(line) for line in _entries(domains))
    return AllowList(names, tuple(ip_network(line, strict=False) for line in _entries(networks)))


def _domain(entry: str) -> str:
    if _NO_DOMAIN.search(entry):
        raise ValueError(f"{entry!r} is no domain")
    return entry.lower().removeprefix("*.").strip(".")


def _entries(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        entry = line.partition("#")[0].strip()
        if entry:
            yield entry
