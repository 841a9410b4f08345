import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network import certificates
from lib.cuckoo.network.certificates import describe_certificate, names_of
from tests.network.certificate import make_certificate


def test_a_certificate_is_described() -> None:
    der = make_certificate(issuer="a CA", serial=255)

    assert describe_certificate(der) == {
        "sha1": hashlib.sha1(der).hexdigest(),
        "sha256": hashlib.sha256(der).hexdigest(),
        "size": len(der),
        "subject": "CN=evil.test",
        "issuer": "CN=a CA",
        "common_name": "evil.test",
        "serial": "ff",
        "not_before": "2026-01-01T00:00:00+00:00",
        "not_after": "2027-01-01T00:00:00+00:00",
        "names": ["evil.test", "192.0.2.1"],
        "self_signed": False,
    }


def test_what_is_malformed_is_none_and_the_rest_is_read() -> None:
    der = make_certificate()
    record = describe_certificate(der.replace(b"\x0c\x09evil.test", b"\x0c\x09evil\xfftest"))

    assert (record["subject"], record["self_signed"], record["serial"]) == (None, None, "abcdef")
    assert record["error"].startswith("malformed subject: ")


def test_names_are_read_though_another_extension_is_malformed() -> None:
    der = make_certificate(flawed=True)

    assert describe_certificate(der)["names"] == ["evil.test", "192.0.2.1"]
    assert describe_certificate(der.replace(b"\x82\x09evil.test\x87\x04", b"\x82\x09evil.test\x87\x44"))[
        "names"
    ] == ["evil.test"]
    assert describe_certificate(der.replace(b"\x55\x1d\x11", b"\x55\x1d\x12"))["names"] == []


def test_the_serial_number_is_read_where_it_precedes_the_fault() -> None:
    der = make_certificate()
    broken = der.replace(b"\x17\x0d", b"\x99\x0d", 1)

    assert describe_certificate(broken)["error"] == "malformed certificate"
    assert describe_certificate(broken)["serial"] == "abcdef"
    assert "serial" not in describe_certificate(broken.replace(b"\x02\x04\0\xab", b"\x03\x04\0\xab"))


def test_attributes_of_names_have_short_names() -> None:
    assert (
        describe_certificate(make_certificate(mail="a@b.test"))["subject"]
        == "emailAddress=a@b.test,CN=evil.test"
    )


def test_what_is_no_certificate_has_its_hashes() -> None:
    assert describe_certificate(b"junk") == {
        "sha1": hashlib.sha1(b"junk").hexdigest(),
        "sha256": hashlib.sha256(b"junk").hexdigest(),
        "size": 4,
        "error": "malformed certificate",
    }


@given(st.integers(0, 400), st.binary(max_size=4))
def test_damaged_certificates_are_described(place: int, change: bytes) -> None:
    der = make_certificate()

    assert "sha256" in describe_certificate(der[:place] + change + der[place + len(change) :])


def test_long_names_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "TEXT_LIMIT", 10)
    record = describe_certificate(make_certificate(subject="a" * 60))

    assert (record["subject"], record["common_name"]) == ("CN=aaaaaaa", "a" * 10)
    assert record["names"] == ["evil.test", "192.0.2.1"]


@given(st.binary(max_size=60))
def test_any_bytes_have_names_or_none(content: bytes) -> None:
    assert all(isinstance(name, str) for name in names_of(b"\x06\x03\x55\x1d\x11" + content))
