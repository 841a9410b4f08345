"""Makes certificates for tests."""

import datetime
import ipaddress
from typing import Any

import pytest

FLAWED = b"\x30\x03\x01\x01\x00"
"""Basic constraints that say what is the default, which DER forbids."""


def make_certificate(
    subject: str = "evil.test",
    issuer: str = "evil.test",
    serial: int = 0xABCDEF,
    *,
    mail: str = "",
    flawed: bool = False,
) -> bytes:
    """Return a certificate in DER; skips the test when cryptography is not installed."""
    certificate, _ = _make(subject, issuer, serial, mail=mail, flawed=flawed)
    der: bytes = certificate.public_bytes(_encoding("DER"))
    return der


def make_key_and_certificate() -> tuple[bytes, bytes]:
    """Return a private key and a certificate for it, in PEM."""
    certificate, key = _make("evil.test", "evil.test", 1)
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an extra

    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(_encoding("PEM"), form, plain), certificate.public_bytes(_encoding("PEM"))


def _encoding(name: str) -> Any:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an extra

    return getattr(serialization.Encoding, name)


def _make(subject: str, issuer: str, serial: int, *, mail: str = "", flawed: bool = False) -> tuple[Any, Any]:
    pytest.importorskip("cryptography")
    from cryptography import x509  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - an extra

    key = ec.generate_private_key(ec.SECP256R1())
    name = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in (subject, issuer)]
    if mail:
        name[0] = x509.Name([*name[0], x509.NameAttribute(x509.NameOID.EMAIL_ADDRESS, mail)])
    names = [x509.DNSName("evil.test"), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]
    builder = (
        x509.CertificateBuilder(name[1], name[0], key.public_key(), serial)
        .not_valid_before(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    if flawed:
        constraints = x509.UnrecognizedExtension(x509.oid.ExtensionOID.BASIC_CONSTRAINTS, FLAWED)
        builder = builder.add_extension(constraints, critical=False)
    return builder.sign(key, hashes.SHA256()), key
