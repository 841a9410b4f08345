"""What a report says of an X.509 certificate."""

import hashlib
import warnings
from typing import TYPE_CHECKING

from lib.cuckoo.network.conversation import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

MAXIMUM_NAMES = 500
"""Subject alternative names in a record."""
TEXT_LIMIT = 4096
"""Characters of a name in a record."""


def describe_certificate(der: bytes) -> Record:
    """Return hashes and size, and, where it can be read, what the certificate says.

    Keys besides sha1, sha256 and size: subject and issuer (RFC 4514), common_name, serial (hexadecimal),
    not_before and not_after (ISO 8601, UTC), names (DNS names and addresses it is for), self_signed (subject
    and issuer are the same). What is malformed of these is None, and "error" says why; when the whole is
    malformed there is "error" alone.
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
            return record | {"error": "malformed certificate"}
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
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return []
    wanted = (x509.DNSName, x509.IPAddress)
    return [str(name.value)[:TEXT_LIMIT] for name in names if isinstance(name, wanted)][:MAXIMUM_NAMES]


_FIELDS: "dict[str, Callable[[x509.Certificate], object]]" = {
    "subject": lambda certificate: certificate.subject.rfc4514_string(),
    "issuer": lambda certificate: certificate.issuer.rfc4514_string(),
    "common_name": _common_name,
    "serial": lambda certificate: f"{certificate.serial_number:x}",
    "not_before": lambda certificate: certificate.not_valid_before_utc.isoformat(),
    "not_after": lambda certificate: certificate.not_valid_after_utc.isoformat(),
    "names": _names,
    "self_signed": lambda certificate: certificate.subject == certificate.issuer,
}
