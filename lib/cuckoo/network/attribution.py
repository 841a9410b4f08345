"""Whose traffic is it: holds what processes called against what went over the wire.

The calls name addresses (connect, sendto), names (getaddrinfo, DnsQuery) and servers or URLs (WinINet, WinHTTP). Their
arguments are spelt differently by each family of monitors, so they are found by name without regard to case
and underscores.

Logs are hostile: of one analysis a bounded number of calls is looked at, an equal share of each process first; of a
call only the name, address or URL is kept; and what belongs to one name or endpoint is judged once, however many
calls and records share it.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv6Address, ip_address
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

from lib.cuckoo.network.conversation import Record

MOST_CLAIMS = 100_000
"""Calls of one analysis that are looked at."""
LONGEST_NAME = 255
"""Characters of a host name."""
LONGEST_URL = 1 << 20
HOST_WITHIN = 1024
"""Characters of a URL in which its host is looked for: to normalise many takes the square of their number."""

CONNECTS = ("connect", "WSAConnect", "ConnectEx")
SENDS = ("sendto", "WSASendTo", "WSASendMsg")
ACCEPTS = ("accept", "WSAAccept")
BINDS = ("bind",)
LOOKUPS = (
    "getaddrinfo", "GetAddrInfoW", "GetAddrInfoExA", "GetAddrInfoExW", "gethostbyname", "DnsQuery_A", "DnsQuery_W",
    "DnsQuery_UTF8", "DnsQueryEx", "DnsQueryExW", "WSAConnectByNameA", "WSAConnectByNameW",
)  # fmt: skip
SERVERS = ("InternetConnectA", "InternetConnectW", "WinHttpConnect")
URLS = (
    "InternetOpenUrlA", "InternetOpenUrlW", "URLDownloadToFileA", "URLDownloadToFileW", "URLDownloadToCacheFileA",
    "URLDownloadToCacheFileW", "URLOpenStreamA", "URLOpenStreamW", "URLOpenBlockingStreamA", "URLOpenBlockingStreamW",
    "InternetCheckConnectionA", "InternetCheckConnectionW", "InternetCrackUrlA", "InternetCrackUrlW",
    "WinHttpGetProxyForUrl", "WinHttpCrackUrl",
)  # fmt: skip
APIS = frozenset((*CONNECTS, *SENDS, *ACCEPTS, *BINDS, *LOOKUPS, *SERVERS, *URLS))
USUAL_PORTS = {"http": 80, "https": 443, "ftp": 21}

Endpoint = tuple[str, int]
Key = TypeVar("Key", bound=Hashable)


class Claim(NamedTuple):
    """A call by which a process may have caused traffic; claims sort by time."""

    timestamp: str
    process_id: int
    process_name: str

    def sign(self, record: Record) -> None:
        """Write the process into a record."""
        record["process_id"] = self.process_id
        record["process_name"] = self.process_name


class Register(Generic[Key]):
    """Who laid claim to what."""

    def __init__(self) -> None:
        self._claims: dict[Key, list[Claim]] = {}
        self._sole: dict[Key, Claim | None] = {}

    def add(self, key: Key, claim: Claim) -> None:
        """Note a claim."""
        self._claims.setdefault(key, []).append(claim)

    def sort(self) -> None:
        """Bring all claims into the order of time; call it when all are there."""
        for key, claims in self._claims.items():
            claims.sort()
            self._sole[key] = claims[0] if len({claim[1:] for claim in claims}) == 1 else None

    def __contains__(self, key: Key) -> bool:
        return key in self._claims

    def all(self, key: Key) -> Sequence[Claim]:
        """Return the claims to a thing, the earliest first."""
        return self._claims.get(key, ())

    def first(self, key: Key) -> Claim | None:
        """Return the earliest claim to a thing."""
        return next(iter(self.all(key)), None)

    def sole(self, key: Key) -> Claim | None:
        """Return the earliest claim to a thing when all are of one process."""
        return self._sole.get(key)


@dataclass
class Claims:
    """What the calls of all processes lay claim to."""

    connected: Register[Endpoint] = field(default_factory=Register)
    """Endpoints that a socket was connected to."""
    sent: Register[Endpoint] = field(default_factory=Register)
    """Endpoints that a datagram was sent to."""
    accepted: Register[Endpoint] = field(default_factory=Register)
    """Endpoints that a connection came from."""
    served: Register[Endpoint] = field(default_factory=Register)
    """Endpoints given to a library as server or in a URL; how often it connects is its own affair."""
    bound: Register[int] = field(default_factory=Register)
    """Local ports."""
    names: Register[str] = field(default_factory=Register)
    """Host names in lower case: looked up, or given as server or in a URL; addresses too, where they stood for one."""
    complete: bool = True
    """False when there were more calls than are looked at."""

    def add(self, call: Mapping[str, Any], claim: Claim) -> None:
        """Take a call into account."""
        api, arguments = call.get("api"), _Arguments(call.get("arguments"))
        if api in LOOKUPS:
            self._name(
                arguments.text(LONGEST_NAME, "nodename", "name", "hostname", "dnsname", "queryname"), claim
            )
        elif api in SERVERS:
            self._server(
                arguments.text(LONGEST_NAME, "servername", "hostname"),
                arguments.number("serverport", "port"),
                claim,
            )
        elif api in URLS:
            self._server(*_server_of(arguments.text(LONGEST_URL, "url")), claim)
        else:
            self._socket(api, arguments, claim)

    def _name(self, name: str, claim: Claim) -> None:
        if name:
            self.names.add(name.lower().rstrip("."), claim)

    def _server(self, name: str, port: int, claim: Claim) -> None:
        self._name(name, claim)
        address = _address(name.strip("[]"))
        if address and port:
            self.served.add((address, port), claim)

    def _socket(self, api: object, arguments: "_Arguments", claim: Claim) -> None:
        port = arguments.number("port")
        address = _address(arguments.text(LONGEST_NAME, "ip", "ipaddress", "address"))
        if api in BINDS:
            if port:
                self.bound.add(port, claim)
        elif address:
            register = self.connected if api in CONNECTS else self.sent if api in SENDS else self.accepted
            register.add((address, port), claim)

    def sort(self) -> None:
        """Bring everything into the order of time."""
        for register in (self.connected, self.sent, self.accepted, self.served, self.names):
            register.sort()
        self.bound.sort()


def _address(text: str) -> str:
    """Return an address in its usual spelling; nothing for what a monitor wrote because it could not read it."""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _server_of(url: str) -> Endpoint:
    """Return host and port of a URL, an empty name where there is none."""
    try:
        parts = urlsplit(url[:HOST_WITHIN])
        return parts.hostname or "", parts.port or USUAL_PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", 0


class _Arguments:
    """The arguments of a call, by name."""

    def __init__(self, arguments: object) -> None:
        listed = arguments if isinstance(arguments, Sequence) else ()
        self._values = {
            str(each.get("name")).replace("_", "").lower(): each.get("value")
            for each in listed
            if isinstance(each, Mapping)
        }

    def text(self, longest: int, *names: str) -> str:
        """Return the first of these that is there, an empty string when there is none or it is too long to be true."""
        value = next((self._values[name] for name in names if self._values.get(name)), "")
        return value if isinstance(value, str) and len(value) <= longest else ""

    def number(self, *names: str) -> int:
        """Return a number given in decimal or hexadecimal, 0 for anything else."""
        value = next((self._values[name] for name in names if self._values.get(name)), "0")
        try:
            return int(str(value)[:LONGEST_NAME], 0)
        except ValueError:
            return 0


def read_claims(processes: Iterable[Mapping[str, Any]]) -> Claims:
    """Read the network calls of processes in the shape of `behavior.processes`."""
    claims = Claims()
    for process, call in _looked_at(list(processes), claims):
        number = process.get("process_id")
        if isinstance(number, int):
            claims.add(call, Claim(str(call.get("timestamp")), number, str(process.get("process_name"))))
    claims.sort()
    return claims


def _looked_at(
    processes: Sequence[Mapping[str, Any]], claims: Claims
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield calls with their processes: an equal share of each, then more until there are enough."""
    left, every = MOST_CLAIMS, [_network_calls(process.get("calls") or ()) for process in processes]
    for share in (MOST_CLAIMS // max(len(every), 1), MOST_CLAIMS):
        for process, calls in zip(processes, every, strict=True):
            for call in islice(calls, min(share, left)):
                left -= 1
                yield process, call
    claims.complete = left > 0 or all(next(calls, None) is None for calls in every)


def _network_calls(calls: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the calls that matter; the list of a log finds them without reading the others."""
    of: Callable[..., Iterator[Mapping[str, Any]]] | None = getattr(calls, "of", None)
    if of is not None:
        return of(api=APIS)
    return (call for call in calls if call.get("api") in APIS)


FLOW_SECTIONS = ("http_ex", "https_ex", "tls", "quic", "socks", "smtp", "irc", "ftp", "smb")
"""Sections whose records name the flow that they were found in."""
NAME_SECTIONS = ("dns", "llmnr", "mdns")
NAMED = {"tls": "sni", "quic": "sni", "http_ex": "host", "https_ex": "host"}
"""Where records of a section hold the name of the server."""


def attribute(sections: Record, processes: Iterable[Mapping[str, Any]]) -> bool:
    """Add `process_id` and `process_name` to the flows, questions and requests whose process is known.

    Where several processes connected to one endpoint, the n-th connection on the wire is that of the n-th call.
    Returns False when there were more calls than are looked at.
    """
    claims = read_claims(processes)
    flows = _Flows(sections, claims)
    for flow in _by_time(sections["tcp"]):
        flows.sign(flow, flows.of_connection(flow))
    for flow in _by_time(sections["udp"]):
        flows.sign(flow, flows.of_datagrams(flow))
    for section in FLOW_SECTIONS:
        _sign(sections.get(section, ()), partial(flows.owner, name=NAMED.get(section, "")))
    _sign(sections["http"], _requests(sections, claims))
    for section in NAME_SECTIONS:
        _sign(sections.get(section, ()), lambda record: _asking(claims, record["request"]))
    return claims.complete


def _by_time(flows: Sequence[Record]) -> list[Record]:
    return sorted(flows, key=lambda each: float(each["time"]))


def _sign(records: Iterable[Record], owner_of: Callable[[Record], Claim | None]) -> None:
    for record in records:
        owner = owner_of(record)
        if owner is not None:
            owner.sign(record)


class _Flows:
    """Finds the owners of flows, and of what was found in them."""

    def __init__(self, sections: Record, claims: Claims) -> None:
        self._claims = claims
        self._turns: Counter[Endpoint] = Counter()
        self._owners: dict[tuple[Any, ...], Claim] = {}
        self._of_clients: dict[Endpoint, Claim | None] = {}
        self._by_address = {
            address: self._sole(names) for address, names in _names_of_addresses(sections).items()
        }
        self._by_ends = {ends: self._sole(names) for ends, names in _names_of_flows(sections).items()}
        self._guest = _guest(sections)

    def sign(self, flow: Record, owner: Claim | None) -> None:
        """Write its owner into a flow, and remember it for what was found in the flow."""
        client = (flow["src"], flow["sport"])
        if owner is not None:
            owner.sign(flow)
            self._owners.setdefault(_ends(flow), owner)
        self._of_clients[client] = None if client in self._of_clients else owner

    def owner(self, record: Record, name: str) -> Claim | None:
        """Return the owner of what was found in a flow; `name` is the field that holds the name of the server.

        What was found inside a tunnel has the server that the tunnel leads to; its flow is that of the same client.
        """
        owner = self._owners.get(_ends(record)) or self._of_clients.get((record["src"], record["sport"]))
        return owner or (self._claims.names.sole(_host_of(record.get(name))) if name else None)

    def of_connection(self, flow: Record) -> Claim | None:
        """Return the owner of a TCP flow."""
        endpoint = (flow["dst"], flow["dport"])
        turn = self._turns[endpoint]
        self._turns[endpoint] += 1
        connected = self._claims.connected.all(endpoint)
        if connected:
            return self._claims.connected.sole(endpoint) or (
                connected[turn] if turn < len(connected) else None
            )
        return self._claims.accepted.sole((flow["src"], flow["sport"])) or self._of_any(flow)

    def of_datagrams(self, flow: Record) -> Claim | None:
        """Return the owner of a UDP flow."""
        endpoint = (flow["dst"], flow["dport"])
        return self._claims.sent.sole(endpoint) or self._claims.connected.sole(endpoint) or self._of_any(flow)

    def _of_any(self, flow: Record) -> Claim | None:
        claims, local = self._claims, flow["dport"] if flow["dst"] == self._guest else flow["sport"]
        return (
            claims.served.sole((flow["dst"], flow["dport"]))
            or claims.bound.sole(local)
            or self._by_ends.get(_ends(flow))
            or self._by_address.get(flow["dst"])
        )

    def _sole(self, names: Iterable[str]) -> Claim | None:
        """Return the earliest claim to some names when all are of one process."""
        known = [name for name in names if name in self._claims.names]
        claims = [self._claims.names.sole(name) for name in known]
        sure = [claim for claim in claims if claim is not None]
        return min(sure) if len(sure) == len(known) and len({claim[1:] for claim in sure}) == 1 else None


def _ends(record: Record) -> tuple[Any, ...]:
    return record["src"], record["sport"], record["dst"], record["dport"]


def _host_of(value: object) -> str:
    """Return the name in a host with or without a port."""
    return _server_of(f"//{value}")[0] if value else ""


def _names_of_addresses(sections: Record) -> dict[str, set[str]]:
    names: dict[str, set[str]] = {}
    for record in sections["dns"]:
        for answer in record["answers"]:
            if answer["type"] in {"A", "AAAA"}:
                names.setdefault(answer["data"], set()).add(record["request"].lower())
    return names


def _names_of_flows(sections: Record) -> dict[tuple[Any, ...], set[str]]:
    """Return what servers were called inside flows."""
    names: dict[tuple[Any, ...], set[str]] = {}
    for section, name in NAMED.items():
        for record in sections.get(section, ()):
            if host := _host_of(record.get(name)):
                names.setdefault(_ends(record), set()).add(host)
    return names


def _guest(sections: Record) -> str:
    """Return the address that has most flows: that of the machine that was watched."""
    ends = Counter(
        flow[end] for protocol in ("tcp", "udp") for flow in sections[protocol] for end in ("src", "dst")
    )
    return str(ends.most_common(1)[0][0]) if ends else ""


def _requests(sections: Record, claims: Claims) -> Callable[[Record], Claim | None]:
    """Return what finds the owner of a request: that of the exchanges it sums up, else of its host's name."""
    owners: Register[tuple[Any, ...]] = Register()
    for section in ("http_ex", "https_ex"):
        for record in sections.get(section, ()):
            if "process_id" in record:
                owners.add(_asked(record), Claim("", record["process_id"], record["process_name"]))
    owners.sort()
    return lambda record: owners.sole(_asked(record)) or claims.names.sole(_host_of(record["host"]))


def _asked(record: Record) -> tuple[Any, ...]:
    return tuple(record.get(name) for name in ("method", "host", "port", "uri"))


def _asking(claims: Claims, name: str) -> Claim | None:
    """Return who asked for a name first, if need be without the domain that the system appends to bare names."""
    name = name.lower()
    return claims.names.first(name) or claims.names.first(name.partition(".")[0])
