"""What independent tools say of a capture, and what we say, as comparable items.

An item is a kind and a text: ("dns", "example.com"), ("tcp", "10.0.0.1:80 10.0.0.2:5000") …
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.network.analysis import Analysis, Settings
from lib.cuckoo.network.capture import Capture
from lib.cuckoo.network.conversation import Record

Item = tuple[str, str]

_ENVELOPE = re.compile(r"(?:FROM|TO)\s*:\s*<?([^<>\s]*)>?", re.IGNORECASE)


def captures(shared_data: Path) -> Iterator[tuple[str, Path, Record]]:
    """Yield name, file and tshark's view of every capture."""
    root = shared_data / "pcap"
    for truth in sorted(root.rglob("tshark.json")):
        capture = truth.parent.with_name(truth.parent.name.removesuffix(".truth"))
        yield str(capture.relative_to(root)), capture, json.loads(truth.read_text())


def ours(capture: Path) -> Record:
    """Return our sections; those of an unreadable capture are empty."""
    with capture.open("rb") as file:
        try:
            return Analysis(Capture(file), Settings(maximum=100_000, private_hosts=True)).run()
        except CuckooProcessingError as error:
            return {"error": str(error)}


def their_items(view: Record, truth: Path) -> set[Item]:
    """Return the items that tshark and, for hashes of certificates, Zeek found."""
    items = {
        (protocol, _pair(*stream[:4]))
        for protocol in ("tcp", "udp")
        for stream in view[f"{protocol}_streams"]
    }
    for row in view.get("dns", []):
        items |= {("dns", "" if name == "<Root>" else name) for name in _listed(row.get("qry.name"))}
    for row in view.get("http", []):
        items |= set(_their_requests(row))
    for row in view.get("http2", []):
        if "method" in row:
            parts = zip(*(_listed(row.get(key)) for key in ("method", "authority", "path")), strict=False)
            items |= {("http", " ".join(part)) for part in parts}
    for row in view.get("tls", []):
        items |= set(_their_tls(row))
    for row in view.get("smtp", []):
        items |= set(_their_envelope(row))
    return items | {("certificate", digest) for digest in _zeek_fingerprints(truth)}


def _pair(source: Any, sport: Any, destination: Any, dport: Any) -> str:
    return " ".join(sorted([f"{source}:{sport}", f"{destination}:{dport}"]))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _their_requests(row: Record) -> Iterator[Item]:
    methods, targets = _listed(row.get("request.method")), _listed(row.get("request.uri"))
    hosts = _listed(row.get("host"))
    if len(hosts) < len(methods):
        hosts += [""] * (len(methods) - len(hosts))
    for method, host, target in zip(methods, hosts, targets, strict=False):
        yield "http", f"{method} {host} {target}"


def _their_tls(row: Record) -> Iterator[Item]:
    for key, kind in (("extensions_server_name", "sni"), ("ja3", "ja3"), ("ja3s", "ja3s")):
        yield from ((kind, value) for value in _listed(row.get(key)))
    for serial in _listed(row.get("x509af.serialNumber")):
        yield "serial", serial.replace(":", "").lower().lstrip("0")


def _their_envelope(row: Record) -> Iterator[Item]:
    for command, parameter in zip(
        _listed(row.get("req.command")), _listed(row.get("req.parameter")), strict=False
    ):
        found = _ENVELOPE.match(parameter)
        if command.upper() in {"MAIL", "RCPT"} and found:
            yield "smtp", f"{command.upper()} {found[1]}"


def _zeek_fingerprints(truth: Path) -> Iterator[str]:
    for log in truth.glob("zeek/*/x509.log"):
        fields: list[str] = []
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("#fields\t"):
                fields = line.split("\t")[1:]
            elif not line.startswith("#") and "fingerprint" in fields:
                yield line.split("\t")[fields.index("fingerprint")]


def our_items(sections: Record) -> set[Item]:
    """Return the items that we found."""
    items = {
        (protocol, _pair(flow["src"], flow["sport"], flow["dst"], flow["dport"]))
        for protocol in ("tcp", "udp")
        for flow in sections.get(protocol, [])
    }
    items |= {
        ("dns", record["request"])
        for family in ("dns", "mdns", "llmnr")
        for record in sections.get(family, [])
    }
    for record in [*sections.get("http_ex", []), *sections.get("https_ex", [])]:
        items |= set(_our_request(record))
    for record in [*sections.get("tls", []), *sections.get("quic", [])]:
        items |= set(_our_tls(record))
    for record in sections.get("smtp", []):
        items |= set(_our_envelope(record))
    return items


def _our_request(record: Record) -> Iterator[Item]:
    if record["method"]:
        headers = {name.lower(): value for name, value in reversed(record["request_headers"])}
        host = headers.get("host", "")
        words = record["request"].partition("\r\n")[0].split(" ")
        yield "http", f"{record['method']} {host} {record['path']}"
        yield "http", f"{record['method']} {host} {record['uri']}"
        yield "http", f"{record['method']} {host} {words[1] if len(words) > 1 else ''}"


def _our_tls(record: Record) -> Iterator[Item]:
    for key in ("sni", "ja3", "ja3s"):
        if record.get(key):
            yield key, record[key]
    for certificate in [*record.get("certificates", []), *record.get("client_certificates", [])]:
        yield "certificate", certificate["sha256"]
        yield "certificate", certificate["sha1"]
        yield "serial", str(certificate.get("serial", "")).lower().lstrip("0")


def _our_envelope(record: Record) -> Iterator[Item]:
    for command in record["commands"]:
        found = _ENVELOPE.match(command["argument"] or "")
        if command["command"] in {"MAIL", "RCPT"} and found:
            yield "smtp", f"{command['command']} {found[1]}"


def missing(name: str, capture: Path, view: Record) -> tuple[int, list[tuple[str, str, str]]]:
    """Return how many items they found in a capture, and those that we did not."""
    theirs = their_items(view, capture.with_name(f"{capture.name}.truth"))
    return len(theirs), [(name, *item) for item in sorted(theirs - our_items(ours(capture)))]


if __name__ == "__main__":
    for each in captures(Path(sys.argv[1])):
        for row in missing(*each)[1]:
            print("\t".join(row))  # noqa: T201 - the purpose of running this file
