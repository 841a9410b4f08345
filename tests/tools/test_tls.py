"""The encrypted session, decrypted again with nothing but what the other side knows."""

import hashlib
import hmac
import struct
from datetime import UTC, datetime

import pytest

from tools.example import story, tls, traffic

STARTED = datetime(2026, 3, 17, tzinfo=UTC)


def session() -> tls.Session:
    return tls.Session(
        "panel.test", tls.certificate("panel.test", "Panel", STARTED, STARTED, 7), b"seed", STARTED
    )


def test_the_stream_cipher_gives_the_published_bytes() -> None:
    """RFC 6229, key 0x0102030405, the first sixteen bytes of the stream."""
    stream = tls.Rc4(bytes.fromhex("0102030405")).crypt(bytes(16))

    assert stream.hex() == "b2396305f03dc027ccc3524a0a1118a8"


@pytest.mark.parametrize("size", [0, 127, 128, 255, 256, 65536])
def test_lengths_take_as_few_bytes_as_they_can(size: int) -> None:
    element = tls.der(0x04, bytes(size))
    head = element[: len(element) - size]

    expected = (
        bytes([4, size]) if size < 128 else bytes([4, 0x80 | len(head) - 2]) + size.to_bytes(len(head) - 2)
    )
    assert head == expected
    assert len(head) < 4 or head[2] != 0


def test_the_certificate_is_signed_by_its_own_key() -> None:
    certificate = tls.certificate("panel.test", "Panel", STARTED, STARTED, 7)
    body_size = 4 + struct.unpack_from("!H", certificate, 6)[0]
    body, signature = certificate[4 : 4 + body_size], certificate[-141:]

    block = pow(int.from_bytes(signature), tls.EXPONENT, tls.MODULUS).to_bytes(141)

    assert block.startswith(b"\x00\x01\xff")
    assert block.endswith(hashlib.sha256(body).digest())


def test_what_the_client_sends_is_sealed_with_the_keys_of_the_master_secret() -> None:
    sealed = session()
    for flight in (sealed.client_hello, sealed.server_hello, sealed.client_finish, sealed.server_finish):
        flight()
    record = sealed.from_client(b"GET / HTTP/1.1\r\n\r\n")

    keys = tls.prf(sealed.master_secret, b"key expansion", sealed.server_random + sealed.client_random, 72)
    cipher = tls.Rc4(keys[40:56])
    finished_size = 4 + 12 + 20
    cipher.crypt(bytes(finished_size))
    opened = cipher.crypt(record[5:])
    mac = hmac.digest(keys[:20], struct.pack("!QBHH", 1, 23, 0x303, 18) + opened[:18], "sha1")

    assert opened == b"GET / HTTP/1.1\r\n\r\n" + mac


def test_two_sessions_of_one_seed_are_equal() -> None:
    assert session().client_hello() == session().client_hello()


def test_the_name_of_the_server_stands_in_the_clear() -> None:
    capture = traffic.capture()

    assert story.PANEL_NAME.encode() in story.panel_session().client_hello()
    assert story.panel_session().certificate[:64] in capture
    assert traffic.panel_request() not in capture
