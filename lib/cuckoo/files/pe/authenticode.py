"""Authenticode: who signed a Portable Executable, when, and whether it is still what was signed.

Microsoft's "Windows Authenticode Portable Executable Signature Format": the security directory leads, by offset in the
file, to PKCS#7 structures (RFC 2315, RFC 5652) whose content holds a digest of the file without its checksum, the
entry of the security directory and the signatures. Time stamps are RFC 3161 or PKCS#9 countersignatures.
"""

import hashlib
import struct
from collections.abc import Iterator
from typing import Any

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.files.pe.certificates import (
    CERTIFICATES,
    DIGESTS,
    chain,
    record,
    signer_of,
    time_text,
    verifies,
)
from lib.cuckoo.files.pe.image import Image
from lib.cuckoo.files.pe.records import Signature, TimeStamp

SIGNATURES = 16
"""Signatures read, nested ones included."""
SIGNATURE_BYTES = 4 << 20
_PKCS7 = 2
_OPUS_INFO = "1.3.6.1.4.1.311.2.1.12"
_NESTED = "1.3.6.1.4.1.311.2.4.1"
_RFC3161 = {"1.3.6.1.4.1.311.3.3.1", "1.2.840.113549.1.9.16.2.14"}
_COUNTERSIGNATURE = "1.2.840.113549.1.9.6"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_TIME = "1.2.840.113549.1.9.5"


def signatures(image: Image) -> list[Signature]:
    """Return the signatures in the file, each followed by those nested in it.

    Raises:
        CuckooDependencyError: asn1crypto or cryptography is not installed.
    """
    waiting = list(_certificate_entries(image))
    if not waiting:
        return []
    _require_libraries()
    found: list[Signature] = []
    for raw in waiting:
        image.attempt("a signature", lambda raw=raw: found.extend(_signatures(image, raw)), None)  # type: ignore[misc]  # mypy cannot infer the default's type
    return found


def authentihash(image: Image, algorithm: str) -> str:
    """Return the digest of what a signature covers.

    That is the whole file but for the checksum, the entry of the security directory and the signatures.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    view, position = memoryview(image.data), 0
    for start, size in _left_out(image):
        digest.update(view[position : max(position, start)])
        position = max(position, start + size)
    digest.update(view[position:])
    digest.update(bytes(-len(view) % 8 if not image.directory("SECURITY")[1] else 0))
    return digest.hexdigest()


def _left_out(image: Image) -> Iterator[tuple[int, int]]:
    optional = image.pe.OPTIONAL_HEADER
    yield optional.get_file_offset() + 64, 4
    directories = getattr(optional, "DATA_DIRECTORY", [])
    if len(directories) > 4:
        yield directories[4].get_file_offset(), 8
        yield directories[4].VirtualAddress, directories[4].Size


def _certificate_entries(image: Image) -> Iterator[bytes]:
    """Yield the PKCS#7 structures of the certificate table: length, revision and type before each, padded to eight."""
    at, size = image.directory("SECURITY")
    end = min(at + size, len(image.data))
    for _ in range(SIGNATURES):
        head = image.data[at : at + 8]
        if len(head) < 8 or at + 8 > end:
            return
        length, _, kind = struct.unpack("<IHH", head)
        if length < 8:
            return
        if kind == _PKCS7 and length <= SIGNATURE_BYTES:
            yield image.data[at + 8 : min(at + length, end)]
        else:
            image.anomalies.append(f"a certificate of {length} bytes and type {kind} is not read")
        at += length + -length % 8


def _require_libraries() -> None:
    try:
        import asn1crypto.cms  # noqa: F401, PLC0415 - an extra
        import cryptography.x509  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise CuckooDependencyError(
            f"signatures need asn1crypto and cryptography ({error}): pip install 'fledge[static]'"
        ) from error


def _signatures(image: Image, raw: bytes) -> Iterator[Signature]:
    """Yield the signature in one PKCS#7 structure and those nested in it."""
    from asn1crypto import cms  # noqa: PLC0415 - heavy, and an extra

    waiting = [(cms.ContentInfo.load(raw)["content"], False)]
    for number in range(SIGNATURES):
        if number >= len(waiting):
            return
        signed, nested = waiting[number]
        certificates = _certificates(signed)
        for signer in signed["signer_infos"]:
            yield _signature(image, signed, signer, certificates, nested=nested)
            inner = (value for name, value in _attributes(signer, "unsigned_attrs") if name == _NESTED)
            waiting += [(cms.ContentInfo.load(value)["content"], True) for value in inner]


def _certificates(signed: Any) -> list[Any]:
    held = signed["certificates"]
    return [
        each.chosen
        for number, each in zip(range(CERTIFICATES), held, strict=False)
        if each.name == "certificate"
    ]


def _attributes(signer: Any, which: str) -> Iterator[tuple[str, bytes]]:
    """Yield number and encoded value of the attributes of a signer."""
    attributes = signer[which]
    for attribute in attributes if len(attributes) else ():
        for value in attribute["values"]:
            yield attribute["type"].dotted, value.dump()


def _signature(image: Image, signed: Any, signer: Any, certificates: list[Any], *, nested: bool) -> Signature:
    algorithm, digest, content = _indirect_data(signed["encap_content_info"]["content"].dump())
    computed = authentihash(image, algorithm) if algorithm in DIGESTS else None
    attributes = dict(_attributes(signer, "signed_attrs"))
    own = signer_of(signer, certificates)
    path = [record(each) for each in chain(own, certificates)] if own is not None else []
    program, url = _opus(attributes.get(_OPUS_INFO, b""))
    return {
        "digest_algorithm": algorithm,
        "digest": digest,
        "computed": computed,
        "digest_matches": computed == digest,
        "signature_valid": _valid(signer, own, content) if own is not None else None,
        "program": program,
        "url": url,
        "signing_time": _time(attributes.get(_SIGNING_TIME, b"")),
        "signer": path[0] if path else None,
        "chain": path,
        "timestamps": list(_timestamps(signer, certificates)),
        "nested": nested,
    }


def _valid(signer: Any, certificate: Any, content: bytes) -> bool | None:
    """Tell whether a signer vouches for `content`, directly or through its signed attributes."""
    digest = signer["digest_algorithm"]["algorithm"].native
    attributes = signer["signed_attrs"]
    if not len(attributes):
        return verifies(certificate, signer["signature"].native, content, digest)
    if digest not in DIGESTS:
        return None
    claimed = dict(_attributes(signer, "signed_attrs")).get(_MESSAGE_DIGEST, b"")
    if _value(claimed) != hashlib.new(digest, content, usedforsecurity=False).digest():
        return False
    # what was signed is the set itself, not its place in the structure
    return verifies(certificate, signer["signature"].native, b"\x31" + attributes.dump()[1:], digest)


def _indirect_data(raw: bytes) -> tuple[str, str, bytes]:
    """Return algorithm and value of the digest in the signed content, and the bytes that the signature covers.

    SpcIndirectDataContent is a sequence of a description of the data and a DigestInfo.
    """
    from asn1crypto import algos, parser  # noqa: PLC0415 - heavy, and an extra

    if raw[:1] == b"\xa0":
        raw = _value(raw)
    content = _value(raw)
    _, _, _, header, _, _ = first = parser.parse(content)
    described = len(header) + len(first[4]) + len(first[5])
    info = algos.DigestInfo.load(content[described:])
    return info["digest_algorithm"]["algorithm"].native, info["digest"].native.hex(), content


def _value(raw: bytes) -> bytes:
    """Return what is inside one encoded element."""
    from asn1crypto import parser  # noqa: PLC0415 - heavy, and an extra

    content: bytes = parser.parse(raw)[4] if raw else b""
    return content


def _children(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of the elements that follow one another."""
    from asn1crypto import parser  # noqa: PLC0415 - heavy, and an extra

    while raw:
        _, _, tag, header, content, trailer = parser.parse(raw)
        yield tag, content
        raw = raw[len(header) + len(content) + len(trailer) :]


def _opus(raw: bytes) -> tuple[str | None, str | None]:
    """Return name and address of the program, as its publisher gives them.

    SpcSpOpusInfo holds [0] the name, [0] in UTF-16 or [1] in ASCII, and [1] a link, [0] a URL.
    """
    texts: dict[int, str] = {}
    for tag, content in _children(_value(raw)) if raw else ():
        for inner, text in _children(content):
            wide = tag == 0 and inner == 0
            texts[tag] = text.decode("utf-16-be" if wide else "ascii", "backslashreplace")
    return texts.get(0), texts.get(1)


def _time(raw: bytes) -> str | None:
    from asn1crypto import cms  # noqa: PLC0415 - heavy, and an extra

    return time_text(cms.Time.load(raw).native) if raw else None


def _timestamps(signer: Any, certificates: list[Any]) -> Iterator[TimeStamp]:
    from asn1crypto import cms  # noqa: PLC0415 - heavy, and an extra

    for name, value in _attributes(signer, "unsigned_attrs"):
        if name in _RFC3161:
            yield _token(cms.ContentInfo.load(value)["content"], signer["signature"].native)
        elif name == _COUNTERSIGNATURE:
            yield _countersignature(cms.SignerInfo.load(value), certificates, signer["signature"].native)


def _token(signed: Any, stamped: bytes) -> TimeStamp:
    """Describe an RFC 3161 token: it holds the digest of the signature that it is for."""
    from asn1crypto import tsp  # noqa: PLC0415 - heavy, and an extra

    certificates = _certificates(signed)
    content = signed["encap_content_info"]["content"]
    info, signer = tsp.TSTInfo.load(content.contents), signed["signer_infos"][0]
    imprint = info["message_imprint"]
    algorithm = imprint["hash_algorithm"]["algorithm"].native
    own = signer_of(signer, certificates)
    valid = _valid(signer, own, content.contents) if own is not None else None
    if (
        algorithm in DIGESTS
        and imprint["hashed_message"].native
        != hashlib.new(algorithm, stamped, usedforsecurity=False).digest()
    ):
        valid = False
    return {
        "kind": "rfc3161",
        "time": time_text(info["gen_time"].native),
        "signer": own.subject.human_friendly if own is not None else None,
        "signature_valid": valid,
    }


def _countersignature(signer: Any, certificates: list[Any], stamped: bytes) -> TimeStamp:
    """Describe a PKCS#9 countersignature, whose signer vouches for the signature itself."""
    own = signer_of(signer, certificates)
    return {
        "kind": "countersignature",
        "time": _time(dict(_attributes(signer, "signed_attrs")).get(_SIGNING_TIME, b"")),
        "signer": own.subject.human_friendly if own is not None else None,
        "signature_valid": _valid(signer, own, stamped) if own is not None else None,
    }
