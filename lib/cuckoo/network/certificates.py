"""What a report says of an X.509 certificate."""

import hashlib
import re
import warnings
from ipaddress import ip_address
from typing import TYPE_CHECKING

from lib.cuckoo.network.conversation import Record, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

MAXIMUM_NAMES = 500
"""Subject alternative names in a record."""
TEXT_LIMIT = 4096
"""Characters of a name in a record."""
_ALTERNATIVE = re.compile(rb"\x06\x03\x55\x1d\x11(?:\x01\x01.)?(?=\x04)", re.DOTALL)
"""The begin of that extension in DER, up to its content (RFC 5280, 4.2.1.6)."""
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_INTEGER = 0x02
_SHORT_NAMES = {
    "1.2.840.113549.1.9.1": "emailAddress",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
    "2.5.4.4": "sn",
    "2.5.4.5": "serialNumber",
    "2.5.4.12": "title",
    "2.5.4.15": "businessCategory",
    "2.5.4.17": "postalCode",
    "2.5.4.42": "givenName",
}
"""Attributes of names that RFC 4514 would write as numbers (RFC 4519, 2985; CA/Browser Forum)."""


def describe_certificate(der: bytes) -> Record:
    """Return hashes and size, and, where it can be read, what the certificate says.

    Keys besides sha1, sha256 and size: subject and issuer (as RFC 4514 writes names), common_name, serial
    (hexadecimal), not_before and not_after (ISO 8601, UTC), names (DNS names and addresses it is for), self_signed
    (subject and issuer are the same). What is malformed of these is None, and "error" says why; when the whole is
    malformed there is "error", and "serial" where that precedes the fault.
    """
    record: Record = {
        "sha1": hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(der).hexdigest(),
        "size": len(der),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            certificate = _load(der)
        except ImportError:
            return record | {"error": "cryptography is not installed"}
        if certificate is None:
            return record | {"error": "malformed certificate"} | _serial_of(der)
        return record | _contents(certificate)


def _load(der: bytes) -> "x509.Certificate | None":
    from cryptography import x509  # noqa: PLC0415 - an extra, and slow to load

    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, TypeError, x509.InvalidVersion):
        return None


def _contents(certificate: "x509.Certificate") -> Record:
    record: Record = {}
    for name, read in _FIELDS.items():
        try:
            value = read(certificate)
            record[name] = value[:TEXT_LIMIT] if isinstance(value, str) else value
        except (ValueError, TypeError, OverflowError) as error:
            record[name] = None
            record.setdefault("error", f"malformed {name}: {error}")
    return record


def _common_name(certificate: "x509.Certificate") -> str:
    from cryptography import x509  # noqa: PLC0415 - loaded by the caller

    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _names(certificate: "x509.Certificate") -> list[str]:
    from cryptography import x509  # noqa: PLC0415 - loaded by the caller

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return names_of(
            certificate.tbs_certificate_bytes
        )  # whatever the fault, it may be in another extension
    wanted = (x509.DNSName, x509.IPAddress)
    return [str(name.value)[:TEXT_LIMIT] for name in names if isinstance(name, wanted)][:MAXIMUM_NAMES]


def names_of(der: bytes) -> list[str]:
    """Read the subject alternative names of a certificate that has a fault elsewhere."""
    found, names = _ALTERNATIVE.search(der), list[str]()
    try:
        block = _element(_element(der, found.end())[0], 0)[0] if found is not None else b""
        at = 0
        while at < len(block) and len(names) < MAXIMUM_NAMES:
            kind = block[at]
            content, at = _element(block, at)
            if kind == _DNS_NAME:
                names.append(printable(content))
            elif kind == _IP_ADDRESS:
                names.append(str(ip_address(content)))
    except (IndexError, ValueError):
        pass  # what precedes the damage was read
    return names


def _serial_of(der: bytes) -> Record:
    """Return the serial number alone of what is a certificate in its first bytes, if that is so."""
    try:
        fields = _element(_element(der, 0)[0], 0)[0]
        number = fields if fields[0] == _INTEGER else fields[_element(fields, 0)[1] :]
        serial = _element(number, 0)[0] if number[0] == _INTEGER else b""
    except (IndexError, ValueError):
        return {}
    return {"serial": f"{int.from_bytes(serial, 'big', signed=True):x}"} if 0 < len(serial) <= 64 else {}


def _element(der: bytes, at: int) -> tuple[bytes, int]:
    """Return the content of an element of DER, and the offset behind it."""
    size, start = der[at + 1], at + 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[at + 2 : start], "big")
    if start + size > len(der):
        raise ValueError("element is cut short")
    return der[start : start + size], start + size


def _text(name: "x509.Name") -> str:
    from cryptography import x509  # noqa: PLC0415 - loaded by the caller

    return name.rfc4514_string(
        {x509.ObjectIdentifier(number): short for number, short in _SHORT_NAMES.items()}
    )


_FIELDS: "dict[str, Callable[[x509.Certificate], object]]" = {
    "subject": lambda certificate: _text(certificate.subject),
    "issuer": lambda certificate: _text(certificate.issuer),
    "common_name": _common_name,
    "serial": lambda certificate: f"{certificate.serial_number:x}",
    "not_before": lambda certificate: certificate.not_valid_before_utc.isoformat(),
    "not_after": lambda certificate: certificate.not_valid_after_utc.isoformat(),
    "names": _names,
    "self_signed": lambda certificate: certificate.subject == certificate.issuer,
}
