"""What is of no interest to an analyst: allow-lists of domains and addresses.

A list has one entry a line; what follows `#` is a comment. A domain stands for itself and all below it, an
address may be a network (`192.0.2.0/24`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

_MOST_LABELS = 128
"""Labels of a name that are compared; none on the wire has more."""


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
        """Tell whether an address is on the list."""
        return any(address in network for network in self.networks)


def parse_allow_list(domains: Iterable[str], networks: Iterable[str]) -> AllowList:
    """Build the list from the lines of two files.

    Raises:
        ValueError: a line of `networks` is no address or network; the message names it.
    """
    names = frozenset(line.lower().strip(".") for line in _entries(domains))
    return AllowList(names, tuple(ip_network(line, strict=False) for line in _entries(networks)))


def _entries(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        entry = line.partition("#")[0].strip()
        if entry:
            yield entry
