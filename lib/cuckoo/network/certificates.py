"""What a report says of an X.509 certificate."""

import hashlib
import warnings
from typing import TYPE_CHECKING

from lib.cuckoo.network.conversation import Record

if TYPE_CHECKING:
    from cryptography import x509

MAXIMUM_NAMES = 500
"""Subject alternative names in a record."""


def describe_certificate(der: bytes) -> Record:
    """Return hashes and size, and, where it can be read, what the certificate says.

    Keys besides sha1, sha256 and size: subject and issuer (RFC 4514), common_name, serial (hexadecimal),
    not_before and not_after (ISO 8601, UTC), names (DNS names and addresses it is for), self_signed (subject
    and issuer are the same); or "error" instead of these.
    """
    record: Record = {
        "sha1": hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(der).hexdigest(),
        "size": len(der),
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            record.update(_contents(der))
    except ImportError:
        record["error"] = "cryptography is not installed"
    except (ValueError, TypeError) as error:
        record["error"] = f"malformed certificate: {error}"
    return record


def _contents(der: bytes) -> Record:
    from cryptography import x509  # noqa: PLC0415 - an extra, and slow to load

    certificate = x509.load_der_x509_certificate(der)
    common_names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "common_name": str(common_names[0].value) if common_names else "",
        "serial": f"{certificate.serial_number:x}",
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "names": _names(certificate),
        "self_signed": certificate.subject == certificate.issuer,
    }


def _names(certificate: "x509.Certificate") -> list[str]:
    from cryptography import x509  # noqa: PLC0415 - loaded by the caller

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return []
    wanted = (x509.DNSName, x509.IPAddress)
    return [str(name.value) for name in names if isinstance(name, wanted)][:MAXIMUM_NAMES]
