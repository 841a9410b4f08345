"""What went over the wire: addresses, domains, URLs, conversations, requests, certificates, mail."""

from urllib.parse import urlsplit

from lib.cuckoo.reporting.sharing.records import Certificate, Findings, Flow, Mail, Name, Request
from lib.cuckoo.reporting.stix.objects import Objects


def add_network(objects: Objects, findings: Findings) -> list[str]:
    """Add all of it; return the ids, each once."""
    added = [
        *(add_address(objects, host) for host in findings.hosts),
        *(_name(objects, name) for name in findings.names),
        *(_flow(objects, flow) for flow in findings.flows),
        *(found for request in findings.requests for found in _request(objects, request)),
        *(_certificate(objects, certificate) for certificate in findings.certificates),
        *(_mail(objects, mail) for mail in findings.mails),
    ]
    return list(dict.fromkeys(found for found in added if found))


def add_address(objects: Objects, value: str) -> str | None:
    """Add an address of either version."""
    return objects.observable("IPv6Address" if ":" in value else "IPv4Address", value=value)


def _name(objects: Objects, name: Name) -> str | None:
    answers = [
        *(objects.observable("DomainName", value=alias) for alias in name.aliases),
        *(add_address(objects, value) for value in name.addresses),
    ]
    return objects.observable(
        "DomainName", value=name.domain, resolves_to_refs=[ref for ref in answers if ref]
    )


def _flow(objects: Objects, flow: Flow) -> str | None:
    return objects.observable(
        "NetworkTraffic",
        src_ref=add_address(objects, flow.source),
        dst_ref=add_address(objects, flow.target),
        src_port=flow.source_port,
        dst_port=flow.target_port,
        protocols=_layers(flow.target, flow.transport, flow.protocol),
        src_byte_count=flow.sent,
        dst_byte_count=flow.received,
    )


def _layers(target: str, transport: str, protocol: str) -> list[str]:
    """Return the protocols from the outermost on, as the specification wants them."""
    return ["ipv6" if ":" in target else "ipv4", transport, *([protocol] if protocol else [])]


def _request(objects: Objects, request: Request) -> tuple[str | None, str | None]:
    target = (
        add_address(objects, request.target)
        if request.target
        else objects.observable("DomainName", value=request.host or urlsplit(request.url).hostname)
    )
    headers = {"Host": request.host, "User-Agent": request.agent}
    shown = {name: [value] for name, value in headers.items() if value}
    extension = {"request_method": request.method.lower(), "request_value": request.path}
    extension |= {"request_version": f"http/{request.version}"} if request.version else {}
    traffic = objects.observable(
        "NetworkTraffic",
        start=request.seen,
        src_ref=add_address(objects, request.source) if request.source else None,
        dst_ref=target,
        src_port=request.source_port,
        dst_port=request.target_port,
        protocols=_layers(request.target, "tcp", urlsplit(request.url).scheme.lower()),
        extensions={"http-request-ext": extension | ({"request_header": shown} if shown else {})},
    )
    return objects.observable("URL", value=request.url), traffic


def _certificate(objects: Objects, certificate: Certificate) -> str | None:
    hashes = {"SHA-1": certificate.sha1, "SHA-256": certificate.sha256}
    return objects.observable(
        "X509Certificate",
        hashes={name: value for name, value in hashes.items() if value},
        serial_number=certificate.serial,
        subject=certificate.subject,
        issuer=certificate.issuer,
        validity_not_before=certificate.not_before,
        validity_not_after=certificate.not_after,
        is_self_signed=certificate.self_signed,
    )


def _mail(objects: Objects, mail: Mail) -> str | None:
    sender = objects.observable("EmailAddress", value=mail.sender) if mail.sender else None
    recipients = [objects.observable("EmailAddress", value=value) for value in mail.recipients]
    return objects.observable(
        "EmailMessage",
        is_multipart=False,
        date=mail.seen,
        from_ref=sender,
        to_refs=[ref for ref in recipients if ref],
        subject=mail.subject,
    )
