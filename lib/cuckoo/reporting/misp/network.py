"""What went over the wire: addresses, domains, conversations, requests, certificates, mail."""

from lib.cuckoo.reporting.misp.objects import Attribute, Objects
from lib.cuckoo.reporting.sharing.records import Certificate, Findings, Flow, Mail, Name, Request


def add_network(objects: Objects, findings: Findings) -> None:
    """Add all of it."""
    for name in findings.names:
        _name(objects, name)
    named = {address for name in findings.names for address in name.addresses}
    for host in findings.hosts:
        if host not in named:
            objects.add("domain-ip", host, [Attribute("ip", host, "ip")])
    for flow in findings.flows:
        _flow(objects, flow)
    for place, request in enumerate(findings.requests):
        _request(objects, place, request)
    for certificate in findings.certificates:
        _certificate(objects, certificate)
    for place, mail in enumerate(findings.mails):
        _mail(objects, place, mail)


def _name(objects: Objects, name: Name) -> None:
    attributes = [
        Attribute("domain", name.domain, "domain"),
        *(Attribute("domain", alias, "domain", comment="alias") for alias in name.aliases),
        *(Attribute("ip", address, "ip") for address in name.addresses),
        Attribute("first-seen", name.seen),
    ]
    objects.add("domain-ip", name.domain, attributes)


def _flow(objects: Objects, flow: Flow) -> None:
    attributes = [
        Attribute("ip-src", flow.source),
        Attribute("src-port", flow.source_port),
        Attribute("ip-dst", flow.target, "ip"),
        Attribute("dst-port", flow.target_port),
        Attribute("layer3-protocol", "IPv6" if ":" in flow.target else "IP"),
        Attribute("layer4-protocol", flow.transport.upper()),
        Attribute("layer7-protocol", flow.protocol.upper()),
        Attribute("src-bytes-count", flow.sent),
        Attribute("dst-bytes-count", flow.received),
    ]
    objects.add("network-connection", repr(flow), attributes)


def _request(objects: Objects, place: int, request: Request) -> None:
    attributes = [
        Attribute("method", request.method),
        Attribute("url", request.url, "url"),
        Attribute("uri", request.path),
        Attribute("host", request.host, "domain"),
        Attribute("user-agent", request.agent, "user_agent"),
        Attribute("ip-src", request.source),
        Attribute("ip-dst", request.target, "ip"),
    ]
    objects.add("http-request", f"{place} {request.method} {request.url}", attributes)


def _certificate(objects: Objects, certificate: Certificate) -> None:
    attributes = [
        Attribute("x509-fingerprint-sha1", certificate.sha1),
        Attribute("x509-fingerprint-sha256", certificate.sha256),
        Attribute("serial-number", certificate.serial),
        Attribute("subject", certificate.subject),
        Attribute("issuer", certificate.issuer),
        Attribute("validity-not-before", certificate.not_before),
        Attribute("validity-not-after", certificate.not_after),
        Attribute("self_signed", certificate.self_signed),
    ]
    objects.add("x509", f"{certificate.sha1} {certificate.sha256}", attributes)


def _mail(objects: Objects, place: int, mail: Mail) -> None:
    attributes = [
        Attribute("from", mail.sender, "email"),
        *(Attribute("to", recipient, "email") for recipient in mail.recipients),
        Attribute("subject", mail.subject),
        Attribute("send-date", mail.seen),
    ]
    objects.add("email", str(place), attributes)
