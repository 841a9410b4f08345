"""X.509 certificates of a signature: their records, the chain between them, and the check of what they signed.

asn1crypto takes the structures apart, and tolerates what real certificates get wrong; cryptography does the arithmetic.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from lib.cuckoo.files.pe.records import Certificate

CHAIN = 16
"""Certificates followed from the signer upwards."""
CERTIFICATES = 64
"""Certificates looked at in one signature."""
DIGESTS = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512"}


def record(certificate: Any) -> Certificate:
    """Return the record of an asn1crypto certificate.

    Raises:
        ValueError: the certificate is damaged.
    """
    raw = certificate.dump()
    validity = certificate["tbs_certificate"]["validity"]
    serial = f"{certificate.serial_number:x}"
    return {
        "subject_commonName": _common_name(certificate.subject),
        "issuer_commonName": _common_name(certificate.issuer),
        "subject": certificate.subject.human_friendly,
        "issuer": certificate.issuer.human_friendly,
        "serial_number": serial.zfill(len(serial) + len(serial) % 2),
        "not_before": time_text(validity["not_before"].native) or "",
        "not_after": time_text(validity["not_after"].native) or "",
        "md5_fingerprint": hashlib.md5(raw, usedforsecurity=False).hexdigest(),
        "sha1_fingerprint": hashlib.sha1(raw, usedforsecurity=False).hexdigest(),
        "sha256_fingerprint": hashlib.sha256(raw).hexdigest(),
    }


def time_text(time: datetime | None) -> str | None:
    """Return a time as reports show it."""
    return time.strftime("%Y-%m-%d %H:%M:%S") if isinstance(time, datetime) else None


def _common_name(name: Any) -> str | None:
    value = name.native.get("common_name")
    return value if isinstance(value, str) else None


def signer_of(signer: Any, certificates: Sequence[Any]) -> Any | None:
    """Return the certificate that an entry of signers names by issuer and number."""
    wanted = signer["sid"].chosen
    for certificate in certificates:
        if (
            certificate.serial_number == wanted["serial_number"].native
            and certificate.issuer == wanted["issuer"]
        ):
            return certificate
    return None


def chain(certificate: Any, certificates: Sequence[Any]) -> Iterator[Any]:
    """Yield a certificate, then the one among `certificates` that signed it, and so on to the last that is there."""
    for _ in range(CHAIN):
        yield certificate
        issuers = [
            each for each in certificates if each.subject == certificate.issuer and each is not certificate
        ]
        issuer = next((each for each in issuers if _issued(certificate, each)), None)
        if issuer is None:
            return
        certificate = issuer


def _issued(certificate: Any, issuer: Any) -> bool:
    from cryptography import x509  # noqa: PLC0415 - heavy, and an extra
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415 - as above

    try:
        loaded = x509.load_der_x509_certificate(certificate.dump())
        loaded.verify_directly_issued_by(x509.load_der_x509_certificate(issuer.dump()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def verifies(certificate: Any, signature: bytes, signed: bytes, digest: str) -> bool | None:
    """Tell whether the key of `certificate` made `signature` over `signed`; None for algorithms that are not known."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415 - heavy, and an extra
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa  # noqa: PLC0415 - as above

    if digest not in DIGESTS:
        return None
    algorithm = getattr(hashes, digest.upper())()
    try:
        key = serialization.load_der_public_key(certificate.public_key.dump())
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(algorithm))
        else:
            return None
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError):
        return None
    return True
