"""The network: who talked to whom, and what was asked for."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lib.cuckoo.common.text import size_text
from lib.cuckoo.reporting.story.parts import Limits, Note, table
from lib.cuckoo.reporting.story.values import Record, mapping, number, records, sequence, text

_MOST_PROCESSES, _MOST_HOSTS = 12, 24
_UNKNOWN = "not attributed"


@dataclass(frozen=True)
class Link:
    """The conversations of one process with one host; the numbers are places in the lists of the map."""

    process: int
    host: int
    size_bytes: float
    weight: float
    """Share of the largest, 0 to 1."""
    protocols: str


@dataclass(frozen=True)
class Map:
    """Processes, hosts, and what goes between."""

    kind: ClassVar[str] = "map"
    processes: Sequence[str]
    hosts: Sequence[tuple[str, str]]
    """Address, and its name or ""."""
    links: Sequence[Link]
    more: int
    """Pairs that are not drawn."""


Columns = Sequence[tuple[str, Callable[[Record], Any]]]


def _member(name: str) -> Callable[[Record], Any]:
    return lambda record: record.get(name)


def _of_messages(name: str) -> Callable[[Record], Any]:
    return lambda record: [message.get(name) for message in records(record.get("messages"))]


def _process(record: Record) -> str:
    name, pid = text(record.get("process_name")), text(record.get("process_id"))
    return f"{name} ({pid})" if name or pid else ""


def _answers(record: Record) -> list[str]:
    return [text(answer.get("data")) for answer in records(record.get("answers"))]


def _subjects(record: Record) -> list[str]:
    return [
        text(certificate.get("subject") or certificate.get("sha1"))
        for certificate in records(record.get("certificates"))
    ]


def _server(record: Record) -> str:
    return f"{text(record.get('dst'))}:{text(record.get('dport'))}"


def _autonomous_system(host: Record) -> str:
    return " ".join(
        filter(None, (f"AS{text(host['asn'])}" if host.get("asn") else "", text(host.get("as_organisation"))))
    )


_TABLES: tuple[tuple[str, str, Columns], ...] = (
    (
        "http", "Requests",
        (("method", _member("method")), ("URL", _member("uri")), ("count", _member("count")),
         ("user agent", _member("user-agent")), ("process", _process)),
    ),
    (
        "https_ex", "Requests inside TLS",
        (("method", _member("method")), ("URL", lambda record: record.get("uri") or record.get("url")),
         ("status", _member("status")), ("process", _process)),
    ),
    (
        "dns", "Names asked for",
        (("name", _member("request")), ("type", _member("type")), ("answers", _answers),
         ("result", _member("rcode")), ("process", _process)),
    ),
    (
        "tls", "TLS",
        (("server", _server), ("name", lambda record: record.get("sni")), ("version", _member("version")),
         ("JA3", _member("ja3")), ("JA4", _member("ja4")), ("certificates", _subjects), ("process", _process)),
    ),
    (
        "quic", "QUIC",
        (("server", _server), ("name", _member("sni")), ("JA4", _member("ja4")), ("process", _process)),
    ),
    (
        "hosts", "Hosts",
        (("address", _member("ip")), ("name", _member("hostname")), ("ports", _member("ports")),
         ("country", _member("country_name")), ("network", _autonomous_system)),
    ),
    (
        "smtp", "Mail sessions",
        (("server", _server), ("from", _of_messages("mail_from")),
         ("subject", _of_messages("subject")),
         ("process", _process)),
    ),
    (
        "irc", "IRC",
        (("server", _server), ("sent by", _member("type")), ("command", _member("command")),
         ("parameters", _member("params")), ("process", _process)),
    ),
    ("ftp", "FTP", (("server", _server), ("user", _member("user")), ("process", _process))),
    ("smb", "SMB", (("server", _server), ("dialect", _member("dialect")), ("process", _process))),
    (
        "icmp", "ICMP",
        (("from", _member("src")), ("to", _member("dst")), ("type", _member("type")), ("data", _member("data"))),
    ),
)  # fmt: skip
"""List of the section, title, and what its columns show."""
_CODES = ("URL", "name", "answers", "address", "server", "JA3", "JA4")
_CLOSED = {"hosts", "icmp", "irc"}


def network_parts(results: Record, limits: Limits) -> Iterator[Any]:
    """Yield the map, then a table for each kind of conversation."""
    network = mapping(results.get("network"))
    yield from conversations(network)
    for name, title, columns in _TABLES:
        rows = _folded([read(record) for _, read in columns] for record in records(network.get(name)))
        heads = [*(head for head, _ in columns), "times"]
        shown = rows[: limits.entries]
        yield from table(title, heads, shown, total=len(rows), codes=_CODES, closed=name in _CLOSED)
    yield from _dead_hosts(network, limits)
    yield from _alerts(results, limits)
    for name, what in (("truncated", "left out"), ("problems", "could not be read")):
        if mapping(network.get(name)):
            yield Note(f"Of the capture, {what}: {text(network[name])}.")


def _folded(rows: Iterable[list[Any]]) -> list[list[Any]]:
    """Return rows that look the same once, first seen first, each with how often it is there when that is not once."""
    times: Counter[str] = Counter()
    first: dict[str, list[Any]] = {}
    for row in rows:
        looks = repr(row)
        times[looks] += 1
        first.setdefault(looks, row)
    return [[*row, times[looks] if times[looks] > 1 else ""] for looks, row in first.items()]


def _dead_hosts(network: Record, limits: Limits) -> Iterator[Any]:
    dead = [text(host) for host in sequence(network.get("dead_hosts"))]
    rows = [[host.replace(", ", ":")] for host in dead[: limits.entries]]
    yield from table("Never answered", ["server"], rows, total=len(dead), codes=["server"])


def _alerts(results: Record, limits: Limits) -> Iterator[Any]:
    alerts = records(mapping(results.get("suricata")).get("alerts"))
    columns = ("timestamp", "signature", "category", "severity", "srcip", "dstip", "dstport")
    rows = [[alert.get(column) for column in columns] for alert in alerts[: limits.entries]]
    yield from table("Alerts", columns, rows, total=len(alerts))


def conversations(network: Record) -> Iterator[Map]:
    """Yield who talked to whom, the largest conversations first, unless nobody did."""
    sizes: Counter[tuple[str, str]] = Counter()
    protocols: dict[tuple[str, str], set[str]] = {}
    hosts = {text(host.get("ip")): text(host.get("hostname")) for host in records(network.get("hosts"))}
    for flow in [*records(network.get("tcp")), *records(network.get("udp"))]:
        server = text(flow.get("dst"))
        if server in hosts:
            pair = (_process(flow) or _UNKNOWN, server)
            sizes[pair] += int(max(1.0, number(flow.get("bytes"))))
            protocols.setdefault(pair, set()).add(text(flow.get("protocol")) or text(flow.get("dport")))
    if sizes:
        yield _drawn(sizes, protocols, hosts)


def _drawn(
    sizes: Counter[tuple[str, str]], protocols: dict[tuple[str, str], set[str]], hosts: dict[str, str]
) -> Map:
    ranked = sizes.most_common()
    processes = list(dict.fromkeys(process for (process, _), _ in ranked))[:_MOST_PROCESSES]
    servers = list(dict.fromkeys(server for (_, server), _ in ranked))[:_MOST_HOSTS]
    largest = ranked[0][1]
    links = [
        Link(
            processes.index(process),
            servers.index(server),
            size,
            size / largest,
            ", ".join(sorted(protocols[process, server])[:6]),
        )
        for (process, server), size in ranked
        if process in processes and server in servers
    ]
    named = [(server, hosts[server]) for server in servers]
    return Map(processes, named, links, len(ranked) - len(links))


def link_text(found: Map, link: Link) -> str:
    """Return what one line of the map says."""
    process, (address, name) = found.processes[link.process], found.hosts[link.host]
    return f"{process} to {name or address}: {size_text(link.size_bytes)} {link.protocols}"
