"""Where the sections have what may be an indicator: each place once, as it stands there.

Sections are of any shape, as modules of any age and other engines wrote them; what fits nothing is passed over.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lib.cuckoo.reporting.iocs.indicator import KINDS, host_of, spelled
from lib.cuckoo.reporting.sharing.values import instant
from lib.cuckoo.reporting.story.values import Record, mapping, pairs, records, sequence, text

_HASHES = ("sha256", "sha1", "md5", "sha512")
_EARLIEST_EPOCH = 100_000_000
"""Seconds; a smaller number counts from the beginning of the capture."""
_HASH_LENGTHS = {64: "sha256", 40: "sha1", 32: "md5"}
_LONGEST_ADDRESS = 400
_OF_SERVERS = ("domain", "host", "dns", "c2", "cnc", "server")
"""What is part of the names under which servers are noted."""
_SERVER_NAME = re.compile(r"[^\s/:\\]{1,240}\.[^\s/:\\.]{2,63}")
_DEEPEST = 12
_MEMBERS = 20_000
"""Values looked at in one configuration or in what one signature noted."""
_WRITTEN = (
    ("write_files", "path"),
    ("delete_files", "path"),
    ("write_keys", "registry"),
    ("delete_keys", "registry"),
    ("mutexes", "mutex"),
)
_TOUCHED = (("read_files", "path"), ("files", "path"), ("read_keys", "registry"), ("keys", "registry"))
_PROGRAMS = frozenset({"pe", "elf", "macho", "indicators"})
_CONVERSATIONS = ("http", "http_ex", "https_ex", "tls", "quic", "smtp", "irc", "ftp", "smb")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A value in one place; it is spelled as it stands there."""

    kind: str
    value: object
    source: str
    seen: str = ""
    """ISO 8601 in UTC, in milliseconds, or ""."""
    process_ids: Sequence[object] = ()
    process_name: object = ""


def sightings(results: Record, *, touched: bool = False) -> Iterator[Sighting]:
    """Yield every place, hosts of URLs included, section by section.

    Args:
        results: all sections.
        touched: also yield files and keys that were only opened or read.
    """
    for found in _everywhere(results, touched):
        yield found
        if found.kind == "url":
            yield from _host(spelled("url", found.value), found)


def _host(url: str, found: Sighting) -> Iterator[Sighting]:
    name = host_of(url)
    if name:
        kind = "ip" if spelled("ip", name) else "domain"
        yield Sighting(kind, name, found.source, found.seen, found.process_ids, found.process_name)


def _everywhere(results: Record, touched: bool) -> Iterator[Sighting]:
    yield from _target(results)
    for file in records(results.get("dropped")):
        yield from _file(file, "dropped")
        yield from _guest_paths(file, "dropped")
    for file in records(mapping(results.get("CAPE")).get("payloads")):
        yield from _file(file, "CAPE.payloads")
    for file in records(results.get("procdump")):
        yield from _file(file, "procdump")
    yield from _configurations(results)
    yield from _network(mapping(results.get("network")))
    yield from _summary(mapping(mapping(results.get("behavior")).get("summary")), touched)
    yield from _static(mapping(results.get("static")))
    yield from _process_memory(results)
    yield from _image(mapping(results.get("memory")))
    yield from _signatures(results)


def _target(results: Record) -> Iterator[Sighting]:
    target, started = mapping(results.get("target")), text(mapping(results.get("info")).get("started"))
    yield from _file(mapping(target.get("file")), "target.file", time_of(started))
    yield from _guest_paths(mapping(target.get("file")), "target.file")
    yield Sighting("url", target.get("url"), "target.url", time_of(started))


def _file(file: Record, source: str, seen: str = "") -> Iterator[Sighting]:
    pids = [*sequence(file.get("pids")), file.get("pid")]
    name = file.get("process_name")
    for kind in _HASHES:
        yield Sighting(kind, file.get(kind), f"{source}.{kind}", seen, pids, name)
    yield Sighting(
        "imphash", mapping(file.get("pe")).get("imphash"), f"{source}.pe.imphash", seen, pids, name
    )


def _guest_paths(file: Record, source: str) -> Iterator[Sighting]:
    """Yield where a file stood in the guest; dumps and payloads have the paths of the monitor's own copies instead."""
    for path in _texts(file.get("guest_paths")):
        yield Sighting("path", path, f"{source}.guest_paths", "", sequence(file.get("pids")))


def _texts(value: object) -> Sequence[Any]:
    return (value,) if isinstance(value, str) else sequence(value)


def _configurations(results: Record) -> Iterator[Sighting]:
    """Yield what extractors of configurations found in payloads: above all, servers."""
    for configuration in records(mapping(results.get("CAPE")).get("configs")):
        yield from _named(configuration, "CAPE.configs")


def _named(value: object, source: str) -> Iterator[Sighting]:
    """Yield what in a structure of any shape looks like an indicator, by its looks and the names above it."""
    pending: list[tuple[str, object, int]] = [("", value, 0)]
    for _ in range(_MEMBERS):
        if not pending:
            return
        name, member, depth = pending.pop()
        if isinstance(member, str):
            kind = looks_like(name, member)
            if kind:
                yield Sighting(kind, member, source)
        elif depth < _DEEPEST:
            below = [(key or name, each) for key, each in pairs(member)]
            below += [(name, each) for each in sequence(member)[:_MEMBERS]]
            pending += [(key, each, depth + 1) for key, each in reversed(below)]


def looks_like(name: str, value: str) -> str:
    """Return the kind of a value of unknown meaning that stands under `name`, or ""."""
    head = value[:40].lstrip().upper()
    if "://" in head and spelled("url", value):
        return "url"
    if head.startswith(("HKEY_", "HKLM\\", "HKCU\\", "HKCR\\", "HKU\\", "\\REGISTRY\\")):
        return "registry"
    for kind in _kinds_by_length(value):
        if spelled(kind, value):
            return kind
    called = name.lower()
    if "mutex" in called:
        return "mutex"
    if any(word in called for word in _OF_SERVERS):
        return "domain" if _SERVER_NAME.fullmatch(value.strip()) else ""
    return "path" if spelled("path", value) and not called.startswith(("command", "executed")) else ""


def _kinds_by_length(value: str) -> Sequence[str]:
    """Return which kinds to try; that is cheaper than to try all."""
    length = len(value.strip())
    if length in _HASH_LENGTHS:
        return (_HASH_LENGTHS[length], "ip", "email")
    return ("ip", "email") if length <= _LONGEST_ADDRESS and ("@" in value or value[-1:].isalnum()) else ()


def _network(network: Record) -> Iterator[Sighting]:
    hosts = dict.fromkeys(text(host.get("ip")) for host in records(network.get("hosts")))
    for host in hosts:
        yield Sighting("ip", host, "network.hosts.ip")
    for record in records(network.get("domains")):
        yield Sighting("domain", record.get("domain"), "network.domains.domain")
    for record in records(network.get("dns")):
        yield from _question(record)
    for name in ("tcp", "udp"):
        for flow in records(network.get(name)):
            yield from _server(flow, f"network.{name}", hosts)
    for name in _CONVERSATIONS:
        for record in records(network.get(name)):
            yield from _conversation(record, f"network.{name}", hosts)
    for dead in sequence(network.get("dead_hosts")):
        yield Sighting("ip", _address_of(dead), "network.dead_hosts")


def _address_of(dead: object) -> object:
    """Return the address of a host that never answered: of [address, port], "address:port" or an address."""
    if sequence(dead):
        return sequence(dead)[0]
    address, colon, port = text(dead).rpartition(":")
    return address if colon and port.isdecimal() and (":" not in address or address.endswith("]")) else dead


def _server(record: Record, source: str, hosts: Record) -> Iterator[Sighting]:
    """Yield the other side, if the section counts it among the hosts: those of the sandbox are none."""
    if text(record.get("dst")) in hosts:
        yield _of(record, "ip", record.get("dst"), f"{source}.dst")


def _question(record: Record) -> Iterator[Sighting]:
    yield _of(record, "domain", record.get("request"), "network.dns.request")
    for answer in records(record.get("answers")):
        kind = {"A": "ip", "AAAA": "ip", "CNAME": "domain"}.get(text(answer.get("type")))
        if kind:
            yield _of(record, kind, answer.get("data"), "network.dns.answers")


def _conversation(record: Record, source: str, hosts: Record) -> Iterator[Sighting]:
    """Yield the server, the name and the URL of one conversation, its mail addresses, and hashes of what went over."""
    yield from _server(record, source, hosts)
    for key in ("uri", "url"):
        yield _of(record, "url", record.get(key), f"{source}.{key}")
    yield _of(record, "domain", record.get("sni"), f"{source}.sni")
    yield _of(record, "user_agent", record.get("user-agent"), f"{source}.user-agent")
    for side in ("req", "resp"):
        for kind in _HASHES:
            yield _of(record, kind, mapping(record.get(side)).get(kind), f"{source}.{side}.{kind}")
    for message in records(record.get("messages")):
        yield from _message(message, record, source)


def _message(message: Record, record: Record, source: str) -> Iterator[Sighting]:
    for key in ("mail_from", "rcpt_to", "from", "to"):
        for address in _texts(message.get(key)):
            yield _of(record, "email", address, f"{source}.messages.{key}")
    for attachment in records(message.get("attachments")):
        for kind in _HASHES:
            yield _of(record, kind, attachment.get(kind), f"{source}.messages.attachments.{kind}")


def _of(record: Record, kind: str, value: object, source: str) -> Sighting:
    seen = time_of(record.get("first_seen", record.get("time")))
    return Sighting(kind, value, source, seen, [record.get("process_id")], record.get("process_name"))


def _summary(summary: Record, touched: bool) -> Iterator[Sighting]:
    for name, kind in (*_WRITTEN, *(_TOUCHED if touched else ())):
        for value in sequence(summary.get(name)):
            yield Sighting(kind, value, f"behavior.summary.{name}")


def _static(static: Record) -> Iterator[Sighting]:
    yield from _found_in_data(static.get("indicators"), "static.indicators", ())
    pe = mapping(static.get("pe"))
    yield Sighting("imphash", pe.get("imphash") or static.get("pe_imphash"), "static.pe.imphash")
    for name, section in pairs(static):
        if name not in _PROGRAMS:
            yield from _document(mapping(section), f"static.{name}")


def _document(section: Record, source: str) -> Iterator[Sighting]:
    """Yield what a document, a mail or an archive leads to, its correspondents, and the hashes of files inside."""
    for name in ("url", "urls", "uris"):
        for url in _texts(section.get(name)):
            yield Sighting("url", url, f"{source}.{name}")
    for name in ("sender", "recipients"):
        for address in _texts(section.get(name)):
            yield Sighting("email", address, f"{source}.{name}")
    for name, value in pairs(section):
        for record in records(value):
            for kind in _HASHES:
                yield Sighting(kind, record.get(kind), f"{source}.{name}.{kind}")
            for key in ("url", "uri", "target"):
                yield Sighting("url", record.get(key), f"{source}.{name}.{key}")


def _found_in_data(value: object, source: str, pids: Sequence[object]) -> Iterator[Sighting]:
    for each in records(value):
        kind = text(each.get("kind"))
        if kind in KINDS:
            yield Sighting(kind, each.get("value"), source, process_ids=pids)


def _process_memory(results: Record) -> Iterator[Sighting]:
    for dump in records(results.get("procmemory")):
        pids = [dump.get("pid")]
        yield from _found_in_data(dump.get("indicators"), "procmemory.indicators", pids)
        for image in records(dump.get("images")):
            yield Sighting("sha256", image.get("sha256"), "procmemory.images.sha256", process_ids=pids)


def _image(memory: Record) -> Iterator[Sighting]:
    """Yield whom processes were connected with, and regions taken out of the image."""
    for each in records(memory.get("connections")):
        pids = [each.get("pid")]
        yield Sighting(
            "ip",
            each.get("remote_address"),
            "memory.connections.remote_address",
            "",
            pids,
            each.get("process"),
        )
    for each in records(memory.get("regions")):
        yield Sighting("sha256", each.get("sha256"), "memory.regions.sha256", process_ids=[each.get("pid")])


def _signatures(results: Record) -> Iterator[Sighting]:
    """Yield what signatures noted, unless they only point to a call."""
    for match in records(results.get("signatures")):
        source = f"signatures.{text(match.get('name'))}"
        yield from _named([each for each in records(match.get("data")) if each.get("type") != "call"], source)
        for group in records(match.get("new_data")):
            signs: Iterable[tuple[str, object]] = (
                (text(sign.get("type")), sign.get("value")) for sign in records(group.get("signs"))
            )
            yield from _named([{name: value} for name, value in signs], source)


def time_of(value: object) -> str:
    """Return seconds since 1970, or text such as "2026-01-31 13:21:44,590", as ISO 8601 in UTC, in milliseconds.

    Returns "" for what is none, such as seconds since the beginning of the capture.
    """
    if isinstance(value, int | float) and value <= _EARLIEST_EPOCH:
        return ""
    moment = instant(value)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else ""
