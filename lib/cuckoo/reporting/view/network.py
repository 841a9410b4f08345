"""What went over the wire, in the words of the contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lib.cuckoo.reporting.story.values import mapping, records, sequence, text
from lib.cuckoo.reporting.view.base import View, Views, decimal, integer, views


class Conversation(View):
    """What all records of the network have in common."""

    known = frozenset({"src", "sport", "dst", "dport", "time", "process_id", "process_name", "protocol"})

    @property
    def src(self) -> str:
        """Address of the client."""
        return self._text("src")

    @property
    def sport(self) -> int:
        """Port of the client."""
        return self._integer("sport")

    @property
    def dst(self) -> str:
        """Address of the server."""
        return self._text("dst")

    @property
    def dport(self) -> int:
        """Port of the server."""
        return self._integer("dport")

    @property
    def time(self) -> float | None:
        """When, in seconds: of a flow since the first packet, else since 1970; None where nobody says."""
        return decimal(self.raw.get("time"))

    @property
    def process_id(self) -> int:
        """The process whose traffic it is, 0 when that is not known."""
        return self._integer("process_id")

    @property
    def process_name(self) -> str:
        """Its name."""
        return self._text("process_name")


class Flow(Conversation):
    """A TCP connection or a UDP flow."""

    known = Conversation.known | {"duration", "packets", "bytes", "state"}

    @property
    def duration(self) -> float | None:
        """Seconds; None where nobody says."""
        return decimal(self.raw.get("duration"))

    @property
    def packets(self) -> int:
        """Packets both ways."""
        return self._integer("packets")

    @property
    def bytes(self) -> int:
        """Bytes on the wire both ways."""
        return self._integer("bytes")

    @property
    def protocol(self) -> str:
        """The application protocol, "" when it is not known."""
        return self._text("protocol")

    @property
    def state(self) -> str:
        """How a TCP connection ended."""
        return self._text("state")


class Icmp(Conversation):
    """An ICMP message."""

    known = Conversation.known | {"type", "code", "data"}

    @property
    def type(self) -> int:
        """The number of its type."""
        return self._integer("type")

    @property
    def data(self) -> str:
        """What it carries, as text."""
        return self._text("data")


class Host(View):
    """A server that was talked to."""

    known = frozenset({"ip", "hostname", "names", "inaddrarpa", "ports", "country_name"})

    @property
    def ip(self) -> str:
        """Its address."""
        return self._text("ip")

    @property
    def hostname(self) -> str:
        """A name that led to it."""
        return self._text("hostname")

    @property
    def names(self) -> tuple[str, ...]:
        """All names that led to it."""
        return self._texts("names", "hostname")

    @property
    def ports(self) -> tuple[int, ...]:
        """Ports that were talked to."""
        found = map(integer, sequence(self.raw.get("ports")))
        return tuple(port for port in found if port is not None)

    @property
    def country_name(self) -> str:
        """Where it is, "" or "unknown" when that is not known."""
        return self._text("country_name")


class Domain(View):
    """A name that was asked for."""

    known = frozenset({"domain", "ip"})

    @property
    def domain(self) -> str:
        """The name."""
        return self._text("domain")

    @property
    def ip(self) -> str:
        """The first address that it led to, "" for none."""
        return self._text("ip")


class DnsAnswer(View):
    """One answer."""

    known = frozenset({"type", "data", "ttl", "name"})

    @property
    def type(self) -> str:
        """Such as "A"."""
        return self._text("type")

    @property
    def data(self) -> str:
        """The address or name."""
        return self._text("data")


class DnsQuestion(Conversation):
    """A question to a name service."""

    known = Conversation.known | {
        "request",
        "hostname",
        "ip",
        "type",
        "answers",
        "first_seen",
        "rcode",
        "count",
    }

    @property
    def request(self) -> str:
        """The name that was asked for."""
        return self._text("request", "hostname")

    @property
    def type(self) -> str:
        """Such as "A"."""
        return self._text("type")

    @cached_property
    def answers(self) -> Views[DnsAnswer]:
        """What was answered; the oldest reports have one address."""
        if "answers" not in self.raw and self._text("ip"):
            return Views([{"type": "A", "data": self.raw["ip"]}], DnsAnswer)
        return views(self.raw.get("answers"), DnsAnswer)

    @property
    def rcode(self) -> str:
        """How it was answered, "NOERROR"; "" where nobody says."""
        return self._text("rcode")

    @property
    def first_seen(self) -> float | None:
        """Seconds since 1970; None where nobody says."""
        return decimal(self.raw.get("first_seen"))


class HttpRequest(Conversation):
    """A request over HTTP, plain or decrypted, and where the report has it the response."""

    known = Conversation.known | {
        *("count", "host", "port", "method", "uri", "url", "path", "version", "user-agent", "data", "body"),
        *("status", "reason", "request", "response", "request_headers", "response_headers"),
    }

    @property
    def method(self) -> str:
        """Such as "GET"."""
        return self._text("method")

    @property
    def host(self) -> str:
        """The server, as the request names it."""
        return self._text("host")

    @property
    def port(self) -> int:
        """The port of the server."""
        return self._integer("port", "dport")

    @property
    def url(self) -> str:
        """The whole address."""
        found = self._text("uri", "url")
        if found.startswith("/") and self.host:
            return f"{self._text('protocol') or 'http'}://{self.host}{found}"
        return found

    @property
    def path(self) -> str:
        """What was asked for of the server."""
        found = self._text("uri")
        return found if found.startswith("/") else self._text("path")

    @property
    def user_agent(self) -> str:
        """What the client calls itself."""
        named = (pair for pair in map(sequence, sequence(self.raw.get("request_headers"))) if len(pair) == 2)
        return self._text("user-agent") or next(
            (text(value) for name, value in named if text(name).lower() == "user-agent"), ""
        )

    @property
    def version(self) -> str:
        """Of HTTP."""
        return self._text("version")

    @property
    def count(self) -> int:
        """How often the same request was sent."""
        return self._integer("count") or 1

    @property
    def request(self) -> str:
        """The head of the request as text, in some families with its body."""
        return self._text("data", "request")

    @property
    def body(self) -> str:
        """The body of the request as text, where the report has it."""
        return self._text("body")

    @property
    def response(self) -> str:
        """The head of the response as text, where the report has it."""
        return self._text("response")

    @property
    def status(self) -> int:
        """The status of the response, 0 when it was not captured."""
        return self._integer("status")


class Tls(Conversation):
    """A handshake of TLS."""

    known = Conversation.known | {"sni", "version", "ja3", "ja3s", "ja4", "certificates"}

    @property
    def sni(self) -> str:
        """The name that the client asks for."""
        return self._text("sni")

    @property
    def version(self) -> str:
        """The version that was agreed on."""
        return self._text("version")

    @property
    def ja3(self) -> str:
        """Fingerprint of the client."""
        return self._text("ja3")

    @property
    def ja3s(self) -> str:
        """Fingerprint of the server."""
        return self._text("ja3s")

    @property
    def ja4(self) -> str:
        """Fingerprint of the client."""
        return self._text("ja4")


@dataclass(frozen=True)
class Endpoint:
    """An address and a port."""

    ip: str
    port: int


class Network(View):
    """The section of the network."""

    known = frozenset(
        {"pcap_sha256", "hosts", "domains", "tcp", "udp", "icmp", "dns", "http", "http_ex", "https_ex", "tls"}
        | {"mdns", "llmnr", "nbns", "quic", "smtp", "irc", "ftp", "smb", "dead_hosts"}
    )

    @property
    def pcap_sha256(self) -> str:
        """SHA-256 of the capture."""
        return self._text("pcap_sha256")

    @cached_property
    def hosts(self) -> Views[Host]:
        """Servers; families that have addresses only give those."""
        return Views(_named(self.raw.get("hosts"), "ip"), Host)

    @cached_property
    def domains(self) -> Views[Domain]:
        """Names asked for."""
        return Views(_named(self.raw.get("domains"), "domain"), Domain)

    @cached_property
    def tcp(self) -> Views[Flow]:
        """TCP connections."""
        return views(self.raw.get("tcp"), Flow)

    @cached_property
    def udp(self) -> Views[Flow]:
        """UDP flows."""
        return views(self.raw.get("udp"), Flow)

    @cached_property
    def icmp(self) -> Views[Icmp]:
        """ICMP messages."""
        return views(self.raw.get("icmp"), Icmp)

    @cached_property
    def dns(self) -> Views[DnsQuestion]:
        """Questions to DNS."""
        return views(self.raw.get("dns"), DnsQuestion)

    @cached_property
    def local_names(self) -> Views[DnsQuestion]:
        """Questions to the neighbours: mDNS, LLMNR, NetBIOS."""
        asked = [each for family in ("mdns", "llmnr", "nbns") for each in records(self.raw.get(family))]
        return Views(asked, DnsQuestion)

    @cached_property
    def http(self) -> Views[HttpRequest]:
        """Requests in plain text, equal ones once."""
        return views(self.raw.get("http"), HttpRequest)

    @cached_property
    def http_exchanges(self) -> Views[HttpRequest]:
        """Requests with their responses, plain ones, then decrypted ones."""
        plain, decrypted = (records(self.raw.get(name)) for name in ("http_ex", "https_ex"))
        return Views([*plain, *decrypted], HttpRequest)

    @cached_property
    def tls(self) -> Views[Tls]:
        """Handshakes of TLS."""
        return views(self.raw.get("tls"), Tls)

    @cached_property
    def quic(self) -> Views[Tls]:
        """Handshakes of QUIC."""
        return views(self.raw.get("quic"), Tls)

    @cached_property
    def smtp(self) -> Views[Conversation]:
        """Sessions of mail."""
        return views(self.raw.get("smtp"), Conversation)

    @cached_property
    def irc(self) -> Views[Conversation]:
        """Messages of IRC."""
        return views(self.raw.get("irc"), Conversation)

    @property
    def dead_hosts(self) -> tuple[Endpoint, ...]:
        """Servers that never answered."""
        return tuple(filter(None, map(_endpoint, sequence(self.raw.get("dead_hosts")))))


def _named(value: object, name: str) -> list[Any]:
    """Return the members of a list as mappings; a member that is just a text is the value of `name`."""
    members = (member if isinstance(member, Mapping) else {name: text(member)} for member in sequence(value))
    return [member for member in members if text(mapping(member).get(name)) or len(member) > 1]


def _endpoint(value: object) -> Endpoint | None:
    pair = sequence(value)
    if isinstance(value, str):
        pair = value.rpartition(":")[::2]
    if not pair:
        return None
    return Endpoint(text(pair[0]), (integer(pair[1]) if len(pair) > 1 else None) or 0)
