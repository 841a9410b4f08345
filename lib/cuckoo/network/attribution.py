"""Whose traffic is it: holds what processes called against what went over the wire.

The calls name addresses (connect, sendto), names (getaddrinfo, DnsQuery) and servers or URLs (WinINet, WinHTTP). Their
arguments are spelt differently by each family of monitors, so they are found by name without regard to case
and underscores.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from lib.cuckoo.network.conversation import Record

MOST_CLAIMS = 100_000
"""Calls of one analysis that are looked at."""

LONGEST_NAME = 255
"""Characters of a host name."""
HOST_WITHIN = 1024
"""Characters of a URL in which its host is looked for."""

CONNECTS = ("connect", "WSAConnect", "ConnectEx")
SENDS = ("sendto", "WSASendTo")
LOOKUPS = (
    "getaddrinfo", "GetAddrInfoW", "GetAddrInfoExW", "gethostbyname", "DnsQuery_A", "DnsQuery_W", "DnsQuery_UTF8",
)  # fmt: skip
SERVERS = ("InternetConnectA", "InternetConnectW", "WinHttpConnect")
URLS = (
    "InternetOpenUrlA", "InternetOpenUrlW", "URLDownloadToFileA", "URLDownloadToFileW",
    "URLDownloadToCacheFileW", "WinHttpGetProxyForUrl", "InternetCrackUrlA", "InternetCrackUrlW",
)  # fmt: skip
APIS = frozenset((*CONNECTS, *SENDS, *LOOKUPS, *SERVERS, *URLS, "bind"))


@dataclass(frozen=True, order=True)
class Claim:
    """A call by which a process may have caused traffic; claims sort by time."""

    timestamp: str
    process_id: int
    process_name: str

    def sign(self, record: Record) -> None:
        """Write the process into a record."""
        record["process_id"] = self.process_id
        record["process_name"] = self.process_name


@dataclass
class Claims:
    """What the calls of all processes lay claim to."""

    connected: dict[tuple[str, int], list[Claim]] = field(default_factory=dict)
    """TCP or UDP endpoints."""
    bound: dict[int, list[Claim]] = field(default_factory=dict)
    """Local ports."""
    names: dict[str, list[Claim]] = field(default_factory=dict)
    """Host names in lower case: looked up, or given as server or in a URL."""
    addresses: dict[str, set[str]] = field(default_factory=dict)
    """Host names of an address, as the wire told them."""
    _soles: dict[tuple[str, Any], Claim | None] = field(default_factory=dict)

    def sole(self, table: str, key: Any) -> Claim | None:
        """Return the first claim to what a table has under a key, when all are of one process."""
        if (table, key) not in self._soles:
            self._soles[table, key] = _only(self._claims(table, key))
        return self._soles[table, key]

    def _claims(self, table: str, key: Any) -> list[Claim]:
        if table != "addresses":
            found: list[Claim] = getattr(self, table).get(key, [])
            return found
        names = sorted(self.addresses.get(key, ()))
        return [claim for name in names for claim in self.names.get(name, [])]

    def add(self, call: Mapping[str, Any], claim: Claim) -> None:
        """Take a call into account."""
        api = call["api"]
        arguments = _Arguments(call["arguments"])
        if api in LOOKUPS:
            self._name(arguments.text("nodename", "name", "hostname", "dnsname"), claim)
        elif api in SERVERS:
            self._name(arguments.text("servername", "hostname"), claim)
        elif api in URLS:
            self._name(_host(arguments.text("url")), claim)
        elif api == "bind":
            _append(self.bound, arguments.number("port"), claim)
        else:
            self._endpoint(arguments, claim)

    def _name(self, name: str, claim: Claim) -> None:
        if len(name) <= LONGEST_NAME:
            _append(self.names, name.lower().rstrip("."), claim)

    def _endpoint(self, arguments: "_Arguments", claim: Claim) -> None:
        address, port = arguments.text("ip", "ipaddress", "address"), arguments.number("port")
        try:
            _append(self.connected, (str(ip_address(address)), port), claim)
        except ValueError:
            return  # a monitor that could not read the address writes anything or nothing


def _append(claims: dict[Any, list[Claim]], key: Any, claim: Claim) -> None:
    if key:
        claims.setdefault(key, []).append(claim)


def _host(url: str) -> str:
    """Return the host of a URL, which stands at its begin; "" when there is none."""
    try:
        return urlsplit(url[:HOST_WITHIN]).hostname or ""
    except ValueError:
        return ""


class _Arguments:
    """The arguments of a call, by name."""

    def __init__(self, arguments: Iterable[Mapping[str, Any]]) -> None:
        self._values = {str(each["name"]).replace("_", "").lower(): each["value"] for each in arguments}

    def text(self, *names: str) -> str:
        """Return the first of these that is there, else an empty string."""
        return next((str(self._values[name]) for name in names if self._values.get(name)), "")

    def number(self, name: str) -> int:
        """Return a number given in decimal or hexadecimal, 0 for anything else."""
        try:
            return int(str(self._values.get(name, "0")), 0)
        except ValueError:
            return 0


def read_claims(processes: Iterable[Mapping[str, Any]]) -> Claims:
    """Read the network calls of processes in the shape of `behavior.processes`."""
    claims = Claims()
    found: list[tuple[Claim, Mapping[str, Any]]] = []
    for process in processes:
        for call in _network_calls(process.get("calls", ())):
            if len(found) >= MOST_CLAIMS:
                break
            timestamp = str(call.get("timestamp", ""))
            claim = Claim(timestamp, int(process["process_id"]), str(process["process_name"]))
            found.append((claim, call))
    for claim, call in sorted(found, key=lambda each: each[0]):
        claims.add(call, claim)
    return claims


def _network_calls(calls: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the calls that matter; the list of a log finds them without reading the others."""
    of: Callable[..., Iterator[Mapping[str, Any]]] | None = getattr(calls, "of", None)
    if of is not None:
        return of(api=APIS)
    return (call for call in calls if call["api"] in APIS)


FLOW_SECTIONS = ("http_ex", "https_ex", "tls", "smtp", "irc", "ftp", "smb")
"""Sections whose records name the flow that they were found in."""


def attribute(sections: Record, processes: Iterable[Mapping[str, Any]]) -> None:
    """Add `process_id` and `process_name` to the flows, questions and requests whose process is known.

    Where several processes connected to one endpoint, the n-th connection on the wire is that of the n-th call.
    """
    claims = read_claims(processes)
    claims.addresses = _names_of_addresses(sections)
    owners: dict[tuple[Any, ...], Claim] = {}
    turns: dict[tuple[str, int], int] = {}
    for protocol in ("tcp", "udp"):
        for flow in sorted(sections[protocol], key=lambda each: float(each["time"])):
            owner = _owner(flow, claims, turns) if protocol == "tcp" else _sender(flow, claims)
            if owner is not None:
                owner.sign(flow)
                owners.setdefault(_ends(flow), owner)
    for section in FLOW_SECTIONS:
        _sign(sections.get(section, ()), lambda record: owners.get(_ends(record)))
    _sign(sections["http"], lambda record: claims.sole("names", _host(f"//{record['host']}")))
    for family in ("dns", "llmnr", "mdns"):
        _sign(
            sections[family], lambda record: next(iter(claims.names.get(record["request"].lower(), [])), None)
        )


def _sign(records: Iterable[Record], owner_of: Callable[[Record], Claim | None]) -> None:
    for record in records:
        owner = owner_of(record)
        if owner is not None:
            owner.sign(record)


def _ends(record: Record) -> tuple[Any, ...]:
    return record["src"], record["sport"], record["dst"], record["dport"]


def _owner(flow: Record, claims: Claims, turns: dict[tuple[str, int], int]) -> Claim | None:
    endpoint = (flow["dst"], flow["dport"])
    connected = claims.connected.get(endpoint, [])
    turn = turns[endpoint] = turns.get(endpoint, -1) + 1
    if connected:
        return claims.sole("connected", endpoint) or (connected[turn] if turn < len(connected) else None)
    return claims.sole("bound", flow["sport"]) or claims.sole("addresses", flow["dst"])


def _sender(flow: Record, claims: Claims) -> Claim | None:
    return claims.sole("connected", (flow["dst"], flow["dport"])) or claims.sole("bound", flow["sport"])


def _only(claims: list[Claim]) -> Claim | None:
    """Return the first claim when all are of one process."""
    return claims[0] if len({claim.process_id for claim in claims}) == 1 else None


def _names_of_addresses(sections: Record) -> dict[str, set[str]]:
    names: dict[str, set[str]] = {}
    for record in sections["dns"]:
        for answer in record["answers"]:
            if answer["type"] in {"A", "AAAA"}:
                names.setdefault(answer["data"], set()).add(record["request"].lower())
    return names
