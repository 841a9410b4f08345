"""From flows and records to the lists of the `network` section.

Every list is bounded; what did not fit is counted in `truncated`. Allow-listed addresses and domains are left
out of what is read as indicators (hosts, domains, dns, http, dead_hosts); flows are listed all the same.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import Any

from lib.cuckoo.common.allowlist import AllowList
from lib.cuckoo.network.conversation import CLIENT, Record, weight
from lib.cuckoo.network.flows import Endpoints, address_text, endpoints
from lib.cuckoo.network.questions import FAMILIES, Questions
from lib.cuckoo.network.tcp import Connection
from lib.cuckoo.network.udp import Exchange

Locate = Callable[[str], Record]
"""Country and autonomous system of an address, as far as known."""

LISTS = (
    "tcp", "udp", "icmp", "http", "http_ex", "https_ex", "tls", "quic", "smtp", "irc", "ftp", "smb",
    "dead_hosts",
)  # fmt: skip
"""Sections that are lists, and there even when empty."""
OWN_NETWORKS = tuple(
    ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
)
"""Addresses that say nothing beyond the network of the sandbox (RFC 1918, 3927, 4193, 4291)."""
MOST_PORTS = 1000
"""Ports listed for one host."""
MOST_PORTS_TOGETHER = 100_000
"""Ports listed for all hosts."""
MOST_PROTOCOLS = 1000
"""Protocols that are counted by their names."""
MOST_SECONDS = 100_000
"""Entries of the timeline."""


class Sections:
    """The lists of one capture, filled while it is read."""

    def __init__(self, maximum: int, size: int, allowed: AllowList, *, private_hosts: bool) -> None:
        """Keep `maximum` entries of each list, and `size` bytes of what was said in all protocols together.

        A quarter of these is for answers of name services, so that no other protocol can displace them.
        """
        self.questions = Questions(maximum, size // 4)
        self.truncated: Counter[str] = Counter()
        self.protocols: dict[str, list[int]] = {}
        self.start: float | None = None
        self._maximum = maximum
        self._room = size - size // 4
        self._allowed = allowed
        self._private_hosts = private_hosts
        self._lists: dict[str, list[Any]] = {name: [] for name in LISTS}
        self._requests: dict[tuple[Any, ...], Record] = {}
        self._hosts: dict[str, dict[int, None]] = {}
        self._ports = 0
        self._dead: dict[tuple[str, int], None] = {}
        self._answered: set[tuple[str, int]] = set()

    def add(self, section: str, record: Any) -> None:
        """Append a record to a list, or count it."""
        found = self._lists.setdefault(section, [])
        if len(found) < self._maximum:
            found.append(record)
        else:
            self.truncated[section] += 1

    def count(self, protocol: str, packets: int, size: int) -> None:
        """Add packets and their bytes on the wire to a protocol."""
        numbers = self.protocols.get(protocol)
        if numbers is None:
            name = protocol if len(self.protocols) < MOST_PROTOCOLS else "other"
            numbers = self.protocols.setdefault(name, [0, 0])
        numbers[0] += packets
        numbers[1] += size

    def connection(self, flow: Connection) -> None:
        """Take a TCP connection that has ended."""
        client, server = flow.roles
        ends = endpoints(client.key)
        self._flow("tcp", ends, flow, {
            "state": "unanswered" if flow.unanswered else flow.state,
            "client_bytes": client.received, "server_bytes": server.received,
            "lost_bytes": client.lost + server.lost, "retransmissions": flow.retransmissions,
        })  # fmt: skip
        if flow.unanswered:
            self._dead_host(ends)
        elif len(self._answered) < self._maximum:
            self._answered.add((ends.dst, ends.dport))

    def exchange(self, flow: Exchange) -> None:
        """Take a UDP flow that has ended."""
        self._flow("udp", endpoints(flow.halves[0].key), flow, {})

    def _flow(self, section: str, ends: Endpoints, flow: Connection | Exchange, more: Record) -> None:
        halves: Iterable[Any] = flow.halves
        packets = sum(half.packets for half in halves)
        size = sum(half.wire_bytes for half in halves)
        self.count(section, packets, size)
        if flow.protocol:
            self.count(flow.protocol, packets, size)
        self.host(ends.dst, ends.dport)
        if len(self._lists[section]) >= self._maximum:
            self.truncated[section] += 1
            return
        self._lists[section].append({
            "src": ends.src, "sport": ends.sport, "dst": ends.dst, "dport": ends.dport,
            "offset": flow.offset, "time": round(flow.first - (self.start or 0.0), 6),
            "duration": max(round(flow.last - flow.first, 6), 0.0), "packets": packets, "bytes": size,
            "protocol": flow.protocol or None, **more,
        })  # fmt: skip

    def _dead_host(self, ends: Endpoints) -> None:
        pair = (ends.dst, ends.dport)
        if len(self._dead) < self._maximum and pair not in self._dead:
            self._dead[pair] = None
            if self._indicator(ends.dst):
                self.add("dead_hosts", list(pair))

    def host(self, address: str, port: int | None) -> None:
        """Note that an address was talked to, on a port where the protocol has ports."""
        ports = self._hosts.get(address)
        if ports is None:
            if len(self._hosts) >= self._maximum:
                self.truncated["hosts"] += 1
                return
            ports = self._hosts[address] = {}
        if port is None or port in ports:
            return
        if len(ports) >= MOST_PORTS or self._ports >= MOST_PORTS_TOGETHER:
            self.truncated["ports"] += 1
            return
        self._ports += 1
        ports[port] = None

    def record(self, flow: Connection, record: Record) -> None:
        """Take a finished record of an application protocol over TCP."""
        self.found(endpoints(flow.roles[CLIENT].key), record)

    def found(self, ends: Endpoints, record: Record) -> None:
        """Take a finished record of what was said between two endpoints."""
        protocol = record.pop("protocol")
        if protocol != "http" and self._is_full(protocol):
            self.truncated[protocol] += 1
            return
        size = weight(record)
        if size > self._room:
            self.truncated[protocol] += 1
        elif protocol == "http":
            self._room -= size * self._request(record)
        else:
            self._room -= size
            self.add(protocol, {**ends._asdict(), **record})

    def _is_full(self, section: str) -> bool:
        return len(self._lists.get(section, ())) >= self._maximum

    def _request(self, record: Record) -> bool:
        """Keep a request; equal ones are one record with their count, and False is returned for the others."""
        if self._allowed.domain(record["host"].rsplit(":", 1)[0]):
            return False
        key = (record["method"], record["host"], record["port"], record["uri"], record["data"])
        known = self._requests.get(key)
        if known is not None:
            known["count"] += record["count"]
            return False
        if len(self._requests) >= self._maximum:
            self.truncated["http"] += 1
            return False
        self._requests[key] = record
        self.add("http", record)
        return True

    def icmp(self, destination: str, record: Callable[[], Record]) -> None:
        """Take an ICMP message, whose record is made only when there is room for it."""
        self.host(destination, None)
        if len(self._lists["icmp"]) < self._maximum:
            self._lists["icmp"].append(record())
        else:
            self.truncated["icmp"] += 1

    def count_icmp(self, destination: bytes, size: int) -> bool:
        """Count an ICMP message when there is no room for its record; False when there is."""
        if len(self._lists["icmp"]) < self._maximum:
            return False
        self.count("icmp", 1, size)
        if (address := address_text(destination)) not in self._hosts:
            self.host(address, None)
        self.truncated["icmp"] += 1
        return True

    def result(self, locate: Locate) -> Record:
        """Return all sections; call it once, at the end."""
        questions = self.questions
        for family, count in questions.truncated.items():
            self.truncated[family] += count
        found: Record = {name: self._lists.get(name, []) for name in [*LISTS, *self._lists]}
        for family in FAMILIES.values():
            found[family] = questions.section(family)
        found["dead_hosts"] = [each for each in found["dead_hosts"] if tuple(each) not in self._answered]
        found["dns"] = [each for each in found["dns"] if not self._allowed.domain(each["request"])]
        found["domains"] = [
            {"domain": name, "ip": address}
            for name, address in questions.domains()
            if not self._allowed.domain(name)
        ]
        found["hosts"] = [self._host(address, locate) for address in self._hosts if self._indicator(address)]
        found["protocols"] = {
            name: {"packets": packets, "bytes": size}
            for name, (packets, size) in sorted(self.protocols.items(), key=lambda item: -item[1][0])
        }
        return found

    def _indicator(self, address: str) -> bool:
        """Tell whether an address says something about the sample: not of this network, not allow-listed."""
        parsed = ip_address(address)
        if parsed.is_multicast or parsed.is_loopback or parsed.is_unspecified or address == "255.255.255.255":
            return False
        if not self._private_hosts and any(parsed in network for network in OWN_NETWORKS):
            return False
        names = self.questions.names.get(address)
        if names and all(map(self._allowed.domain, names)):
            return False
        return not self._allowed.address(parsed)

    def _host(self, address: str, locate: Locate) -> Record:
        names = list(self.questions.names.get(address, ()))
        return {
            "ip": address, "country_name": "unknown", "hostname": names[0] if names else "",
            "inaddrarpa": self.questions.reverse_name(ip_address(address).reverse_pointer),
            "names": names, "ports": sorted(self._hosts[address]), **locate(address),
        }  # fmt: skip
