import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.pe.authenticode import signatures
from lib.cuckoo.files.pe.image import Image

Facts = dict[str, Any]


@pytest.fixture(scope="module")
def signed(shared_data: Path) -> bytes:
    return (shared_data / "binaries/pypi-pywinpty/conpty.dll").read_bytes()


def table(data: bytes) -> tuple[int, int]:
    """Where the entry of the security directory is, and where it leads."""
    at = struct.unpack_from("<I", data, 60)[0] + 24 + 112 + 4 * 8
    return at, struct.unpack_from("<I", data, at)[0]


def read(data: bytes) -> tuple[list[Facts], list[str]]:
    image = Image(data, Budget())
    return [dict(each) for each in signatures(image)], image.anomalies


def with_certificates(data: bytes, *contents: bytes) -> bytes:
    """Replace the certificate table."""
    at, start = table(data)
    entries = b"".join(
        struct.pack("<IHH", 8 + len(raw), 0x200, 2) + raw + bytes(-len(raw) % 8) for raw in contents
    )
    return data[: at + 4] + struct.pack("<I", len(entries)) + data[at + 8 : start] + entries


def pkcs7(data: bytes) -> bytes:
    _, start = table(data)
    return data[start + 8 : start + struct.unpack_from("<I", data, start)[0]]


def test_a_signature_names_signer_chain_and_time(signed: bytes) -> None:
    (signature,), anomalies = read(signed)

    assert anomalies == []
    assert signature["digest_matches"] is signature["signature_valid"] is True
    assert signature["digest"] == "b8f6edafc223ef445e92fb80f7d21bf96c6d691c956fd7c0688f34ecee9144ac"
    assert (signature["program"], signature["url"]) == ("Microsoft", "http://www.microsoft.com")
    assert [each["subject_commonName"] for each in signature["chain"]] == [
        "Microsoft Corporation",
        "Microsoft Code Signing PCA 2024",
    ]
    assert signature["signer"]["not_after"] == "2027-04-15 18:59:43"
    (stamp,) = signature["timestamps"]
    assert (stamp["kind"], stamp["time"], stamp["signature_valid"]) == (
        "rfc3161",
        "2026-09-30 23:45:22",
        True,
    )


def test_a_file_that_was_changed_no_longer_matches(signed: bytes) -> None:
    (signature,), _ = read(signed[:0x500] + b"\xcc" + signed[0x501:])

    assert signature["digest_matches"] is False
    assert signature["signature_valid"] is True
    assert signature["digest"] != signature["computed"]


def test_the_checksum_is_no_part_of_what_was_signed(signed: bytes) -> None:
    at = struct.unpack_from("<I", signed, 60)[0] + 24 + 64

    (signature,), _ = read(signed[:at] + b"\x01\x02\x03\x04" + signed[at + 4 :])

    assert signature["digest_matches"] is True


def test_a_signature_that_was_changed_is_not_valid(signed: bytes) -> None:
    content = cms.ContentInfo.load(pkcs7(signed))
    value = content["content"]["signer_infos"][0]["signature"].native
    raw = pkcs7(signed).replace(value, value[:-1] + bytes([value[-1] ^ 1]))

    (signature,), _ = read(with_certificates(signed, raw))

    assert signature["signature_valid"] is False
    assert signature["timestamps"][0]["signature_valid"] is False


def test_signed_attributes_of_another_content_are_not_valid(signed: bytes) -> None:
    digest = bytes.fromhex("b8f6edafc223ef445e92fb80f7d21bf96c6d691c956fd7c0688f34ecee9144ac")

    (signature,), _ = read(with_certificates(signed, pkcs7(signed).replace(digest, bytes(32))))

    assert signature["digest"] == "00" * 32
    assert signature["signature_valid"] is signature["digest_matches"] is False


def test_each_signature_of_a_file_and_those_nested_in_it_are_read(signed: bytes) -> None:
    inner = pkcs7(signed)
    outer = cms.ContentInfo.load(inner)
    signer = outer["content"]["signer_infos"][0]
    nested = cms.CMSAttribute({"type": "1.3.6.1.4.1.311.2.4.1", "values": [cms.ContentInfo.load(inner)]})
    signer["unsigned_attrs"].append(nested)

    found, anomalies = read(with_certificates(signed, outer.dump(), inner))

    assert anomalies == []
    assert [each["nested"] for each in found] == [False, True, False]
    assert all(each["signature_valid"] for each in found)


def test_a_signature_without_its_certificate_has_no_signer(signed: bytes) -> None:
    content = cms.ContentInfo.load(pkcs7(signed))
    content["content"]["certificates"] = cms.CertificateSet([])

    (signature,), _ = read(with_certificates(signed, content.dump()))

    assert signature["signer"] is signature["signature_valid"] is None
    assert signature["chain"] == []
    assert signature["digest_matches"] is True


def test_a_certificate_that_only_has_the_issuers_name_is_no_part_of_the_chain(signed: bytes) -> None:
    content = cms.ContentInfo.load(pkcs7(signed))
    key = content["content"]["certificates"][1].chosen.public_key.dump()

    (signature,), _ = read(
        with_certificates(signed, pkcs7(signed).replace(key, key[:-20] + bytes(15) + key[-5:]))
    )

    assert signature["signature_valid"] is True
    assert len(signature["chain"]) == 1


def test_other_kinds_of_certificates_are_an_anomaly(signed: bytes) -> None:
    _, start = table(signed)

    found, anomalies = read(signed[: start + 6] + b"\x01\0" + signed[start + 8 :])

    assert found == []
    assert len(anomalies) == 1
    assert "type 1 is not read" in anomalies[0]


def test_an_unsigned_file_has_none(shared_data: Path) -> None:
    assert read((shared_data / "binaries/osslsigncode/unsigned.exe").read_bytes()) == ([], [])


@pytest.mark.parametrize(
    "raw", [b"", b"\x30\x80", b"\xff" * 100, b"\x30\x84\xff\xff\xff\xff", b"\x30" * 2000]
)
def test_what_is_no_signature_is_an_anomaly(signed: bytes, raw: bytes) -> None:
    found, anomalies = read(with_certificates(signed, raw))

    assert found == []
    assert anomalies == [] or anomalies[0].startswith("a signature cannot be read")


@given(st.data())
def test_any_change_to_a_signature_is_read_or_an_anomaly(signed: bytes, data: st.DataObject) -> None:
    raw = bytearray(pkcs7(signed))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(CuckooProcessingError):
        read(with_certificates(signed, bytes(raw[: data.draw(st.sampled_from([len(raw), len(raw) // 2]))])))


def test_signatures_without_the_libraries_cost_only_themselves(
    signed: bytes, describe: Callable[..., Facts], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "asn1crypto", None)
    monkeypatch.setitem(sys.modules, "asn1crypto.cms", None)
    budget = Budget()

    pe = describe(signed, budget)

    assert pe["signatures"] == []
    assert len(pe["sections"]) == 6
    assert "pip install 'fledge[static]'" in budget.notes[0]
