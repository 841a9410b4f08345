"""What went over the wire: names, conversations, requests, certificates, mail."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any

from lib.cuckoo.common.text import visible
from lib.cuckoo.reporting.sharing.records import Bounds, Certificate, Flow, Mail, Name, Request
from lib.cuckoo.reporting.sharing.tally import Tally
from lib.cuckoo.reporting.sharing.values import (
    address,
    digest,
    domain,
    exact,
    instant,
    mail_address,
    port,
    size,
    url,
)
from lib.cuckoo.reporting.story.values import Record, records, sequence, text

_MOST_ANSWERS, _MOST_RECIPIENTS = 50, 50
_Answers = dict[str, tuple[dict[str, None], dict[str, None], datetime | None]]


def names(network: Record, tally: Tally, bounds: Bounds) -> list[Name]:
    """Return each domain once, with the answers of all questions for it."""
    found: _Answers = {}
    for record in chain(records(network.get("dns")), records(network.get("domains"))):
        name = domain(record.get("request") or record.get("domain"))
        if name is None:
            tally.unfit("domain")
        elif name in found or len(found) < bounds.entries:
            _answer(found, name, record)
        else:
            tally.beyond("domain")
    return [
        Name(name, tuple(addresses), tuple(aliases), seen)
        for name, (addresses, aliases, seen) in found.items()
    ]


def _answer(found: _Answers, name: str, record: Record) -> None:
    addresses, aliases, _ = found.setdefault(name, ({}, {}, instant(record.get("first_seen"))))
    given = [answer.get("data") for answer in records(record.get("answers"))[:_MOST_ANSWERS]]
    for value in [*given, *([record["ip"]] if record.get("ip") else [])]:
        number, alias = address(value), domain(value)
        if number is not None and len(addresses) < _MOST_ANSWERS:
            addresses[number] = None
        elif alias not in (None, name) and len(aliases) < _MOST_ANSWERS:
            aliases[str(alias)] = None


def hosts(network: Record, tally: Tally) -> list[str]:
    """Return the addresses of servers; allow-listed and private ones are not among them."""
    return tally.kept("address", records(network.get("hosts")), lambda record: address(record.get("ip")))


def flows(network: Record, tally: Tally) -> list[Flow]:
    """Return TCP and UDP conversations."""
    found = [(name, record) for name in ("tcp", "udp") for record in records(network.get(name))]
    return tally.kept("flow", found, lambda each: _flow(*each))


def _flow(transport: str, record: Record) -> Flow | None:
    source, target = address(record.get("src")), address(record.get("dst"))
    if source is None or target is None:
        return None
    return Flow(
        transport=transport,
        source=source,
        source_port=port(record.get("sport")),
        target=target,
        target_port=port(record.get("dport")),
        protocol=_word(record.get("protocol")),
        sent=size(record.get("client_bytes")),
        received=size(record.get("server_bytes")),
    )


def _word(value: object) -> str:
    """Return the name of a protocol or method, as plain letters, or ""."""
    found = text(value)
    return found if len(found) < 32 and found.isascii() and found.replace("-", "").isalnum() else ""


def requests(network: Record, tally: Tally, bounds: Bounds) -> list[Request]:
    """Return the requests, with addresses where the network section says them."""
    exchanges = [*records(network.get("http_ex")), *records(network.get("https_ex"))]
    told = {(text(record.get("method")), text(record.get("uri"))) for record in exchanges}
    others = (
        record
        for record in records(network.get("http"))
        if (text(record.get("method")), text(record.get("uri"))) not in told
    )
    return tally.kept("request", chain(exchanges, others), partial(_request, bounds=bounds))


def _request(record: Record, bounds: Bounds) -> Request | None:
    whole, method = url(record.get("uri") or record.get("url"), bounds.text), _word(record.get("method"))
    if whole is None or not method:
        return None
    host = text(record.get("host"))
    return Request(
        method=method,
        url=whole,
        path=exact(record.get("path"), bounds.text) or "/",
        version=visible(text(record.get("version")), 20),
        agent=visible(_agent(record), bounds.text),
        host=domain(host.rpartition(":")[0]) or domain(host) or "",
        source=address(record.get("src")) or "",
        target=address(record.get("dst")) or "",
        source_port=port(record.get("sport")),
        target_port=port(record.get("dport") or record.get("port")),
        seen=instant(record.get("time")),
    )


def _agent(record: Record) -> str:
    for header in sequence(record.get("request_headers")):
        pair = sequence(header)
        if len(pair) == 2 and text(pair[0]).lower() == "user-agent":
            return text(pair[1])
    return text(record.get("user-agent"))


def certificates(network: Record, tally: Tally, bounds: Bounds) -> list[Certificate]:
    """Return the first certificate of each handshake, which is the server's own."""
    shown = (
        chosen[0]
        for name in ("tls", "quic")
        for record in records(network.get(name))
        if (chosen := records(record.get("certificates")))
    )
    return tally.kept("certificate", shown, partial(_certificate, bounds=bounds))


def _certificate(record: Record, bounds: Bounds) -> Certificate | None:
    sha1, sha256 = digest("sha1", record.get("sha1")), digest("sha256", record.get("sha256"))
    if sha1 is None and sha256 is None:
        return None
    own = record.get("self_signed")
    return Certificate(
        sha1=sha1 or "",
        sha256=sha256 or "",
        serial=_word(record.get("serial")) or visible(text(record.get("serial")), 100),
        subject=visible(text(record.get("subject")), bounds.text),
        issuer=visible(text(record.get("issuer")), bounds.text),
        not_before=instant(record.get("not_before")),
        not_after=instant(record.get("not_after")),
        self_signed=own if isinstance(own, bool) else None,
    )


def mails(network: Record, tally: Tally, bounds: Bounds) -> list[Mail]:
    """Return the messages of all mail sessions."""
    sent = (
        message for session in records(network.get("smtp")) for message in records(session.get("messages"))
    )
    return tally.kept("message", sent, partial(_mail, tally=tally, bounds=bounds))


def _mail(record: Record, tally: Tally, bounds: Bounds) -> Mail | None:
    sender = mail_address(record.get("mail_from"))
    given = sequence(record.get("rcpt_to"))
    recipients = tuple(_addresses(given[:_MOST_RECIPIENTS]))
    tally.beyond("recipient", max(0, len(given) - _MOST_RECIPIENTS))
    if sender is None and not recipients:
        return None
    return Mail(
        sender or "",
        recipients,
        visible(text(record.get("subject")), bounds.text),
        instant(record.get("time")),
    )


def _addresses(given: Sequence[Any]) -> Iterator[str]:
    yield from dict.fromkeys(filter(None, map(mail_address, given)))
