import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context, Pool
from lib.cuckoo.network.tls import MESSAGE_LIMIT, Tls
from tests.network.certificate import make_certificate
from tests.network.conversations import Segment, damaged, in_pieces, only, play
from tests.network.hellos import (
    alpn,
    client_hello,
    handshake,
    message,
    number,
    record,
    server_hello,
    server_name,
    vector,
)

HELLO = message(1, client_hello([0xC02F, 0x1301], server_name(b"evil.test"), alpn(b"h2"), random=b"c" * 32))
ANSWER = message(2, server_hello(0xC02F, alpn(b"h2"), random=b"s" * 32, session_id=b"id"))
CHANGE = record(20, b"\x01")
SECRET = record(23, bytes(100))


def chain(*certificates: bytes) -> bytes:
    return message(11, vector(b"".join(vector(certificate, 3) for certificate in certificates), 3))


def tls(*segments: Segment) -> dict[str, Any]:
    (summary,) = play(Tls(Context()), *segments)
    return summary


def test_a_handshake_is_summed_up() -> None:
    summary = tls(
        (CLIENT, handshake(HELLO)),
        (SERVER, handshake(ANSWER)),
        (CLIENT, CHANGE + handshake(bytes(40)) + SECRET),
        (SERVER, CHANGE + handshake(bytes(40)) + SECRET),
    )

    assert summary | {"ja3": 0, "ja3_string": 0, "ja3s": 0, "ja3s_string": 0, "ja4": 0} == {
        "protocol": "tls",
        "time": 1.5,
        "version": "TLS 1.2",
        "sni": "evil.test",
        "alpn": ["h2"],
        "alpn_selected": "h2",
        "cipher": 0xC02F,
        "cipher_name": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "ciphers": [0xC02F, 0x1301],
        "extensions": [0, 16],
        "groups": [],
        "client_random": "63" * 32,
        "server_random": "73" * 32,
        "session_id": "6964",
        "resumed": False,
        "certificates": [],
        "client_certificates": [],
        "ja3": 0,
        "ja3_string": 0,
        "ja3s": 0,
        "ja3s_string": 0,
        "ja4": 0,
        "alerts": [],
        "established": True,
        "decrypted": 0,
        "flaws": [],
    }


def test_certificates_are_described() -> None:
    der = make_certificate()
    summary = tls((CLIENT, handshake(HELLO)), (SERVER, handshake(ANSWER, chain(der, b"junk"))))
    first, second = summary["certificates"]

    assert first == {
        "sha1": hashlib.sha1(der).hexdigest(),
        "sha256": hashlib.sha256(der).hexdigest(),
        "size": len(der),
        "subject": "CN=evil.test",
        "issuer": "CN=evil.test",
        "common_name": "evil.test",
        "serial": "abcdef",
        "not_before": "2026-01-01T00:00:00+00:00",
        "not_after": "2027-01-01T00:00:00+00:00",
        "names": ["evil.test", "192.0.2.1"],
        "self_signed": True,
    }
    assert second["sha256"] == hashlib.sha256(b"junk").hexdigest()
    assert second["error"] == "malformed certificate"


def test_a_certificate_of_another_issuer_is_not_self_signed() -> None:
    summary = tls((SERVER, handshake(ANSWER, chain(make_certificate(issuer="a CA")))))

    assert summary["certificates"][0]["self_signed"] is False


def test_messages_are_joined_across_records_and_segments() -> None:
    flight = ANSWER + chain(bytes(30_000))
    records = b"".join(handshake(flight[at : at + 1000]) for at in range(0, len(flight), 1000))
    whole = tls((CLIENT, handshake(HELLO)), (SERVER, records))
    pieces = tls(*in_pieces([(CLIENT, handshake(HELLO)), (SERVER, records)], 7))

    assert whole["certificates"][0]["size"] == 30_000
    assert pieces == whole


@pytest.mark.parametrize(
    ("offered", "version"),
    [(b"", "TLS 1.2"), (b"\x0a\x0a\x03\x04\x03\x03", "TLS 1.3"), (b"\x7f\x12\x03\x03", "TLS 1.2")],
)
def test_without_an_answer_the_version_is_the_latest_that_the_client_offers(
    offered: bytes, version: str
) -> None:
    hello = client_hello([4865], (43, bytes([len(offered)]) + offered))
    (summary,) = play(Tls(Context()), (CLIENT, handshake(message(1, hello))))

    assert summary["version"] == version


def test_the_version_of_tls_1_3_is_that_of_the_extension() -> None:
    answer = message(2, server_hello(0x1301, (43, number(0x0304))))
    summary = tls(
        (CLIENT, handshake(HELLO)), (SERVER, handshake(answer) + CHANGE + SECRET), (CLIENT, CHANGE + SECRET)
    )

    assert (summary["version"], summary["established"]) == ("TLS 1.3", True)


def test_a_retry_is_not_the_answer() -> None:
    retry = message(
        2,
        server_hello(
            0x1301, random=bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
        ),
    )
    summary = tls((CLIENT, handshake(HELLO)), (SERVER, handshake(retry, ANSWER)))

    assert summary["cipher"] == 0xC02F


def test_a_session_taken_up_again_is_seen() -> None:
    again = message(1, client_hello([0xC02F], session_id=b"id"))

    assert tls((CLIENT, handshake(again)), (SERVER, handshake(ANSWER)))["resumed"] is True


def test_alerts_are_listed() -> None:
    summary = tls((CLIENT, handshake(HELLO)), (SERVER, record(21, b"\x02\x28")))

    assert summary["alerts"] == [{"side": "server", "level": 2, "description": 40}]


def test_a_hello_of_ssl_2_is_tolerated() -> None:
    body = b"\x01\x03\x01" + number(3) + number(0) + number(16) + b"\x00\x00\x2f" + bytes(16)
    summary = tls((CLIENT, number(0x8000 | len(body)) + body), (SERVER, handshake(ANSWER)))

    assert (summary["ciphers"], summary["cipher"]) == ([0x2F], 0xC02F)


def test_one_side_alone_is_summed_up() -> None:
    assert tls((SERVER, handshake(ANSWER)))["sni"] is None
    assert tls((CLIENT, handshake(HELLO)))["cipher"] is None


def test_what_is_no_tls_gives_no_record() -> None:
    assert play(Tls(Context()), (CLIENT, b"hello, world"), (SERVER, b"hello back")) == []


def test_records_and_messages_of_absurd_length_end_a_side() -> None:
    long_record = tls((CLIENT, handshake(HELLO) + b"\x17\x03\x03\xff\xff"))
    long_message = tls((CLIENT, handshake(HELLO, number(11, 1) + number(MESSAGE_LIMIT + 1, 3))))

    assert long_record["flaws"] == ["client: not a record"]
    assert long_message["flaws"] == [f"client: a handshake message of {MESSAGE_LIMIT + 1} bytes"]


def test_a_gap_between_protected_records_is_no_flaw() -> None:
    summary = tls(
        (CLIENT, handshake(HELLO) + CHANGE + SECRET[:50]),
        (CLIENT, 55),
        (CLIENT, SECRET + SECRET[:3]),
        (CLIENT, 9),
    )

    assert summary["flaws"] == []


def test_a_gap_in_the_handshake_is_a_flaw() -> None:
    assert tls((CLIENT, handshake(HELLO) + b"\x16"), (CLIENT, 10))["flaws"] == ["client: gap in the stream"]


@settings(max_examples=150)
@given(
    damaged(handshake(HELLO), handshake(ANSWER), handshake(chain(b"x")), CHANGE, SECRET), st.integers(1, 40)
)
def test_any_bytes_in_any_pieces_give_the_same_record(segments: list[Segment], size: int) -> None:
    whole = play(Tls(Context()), *segments)

    assert play(Tls(Context()), *in_pieces(segments, size)) == whole


def test_what_a_handshake_keeps_is_held() -> None:
    context = Context(held=Pool(20_000))
    hello = handshake(message(1, client_hello(list(range(300)), server_name(b"evil.test"))))
    flows = [Tls(context) for _ in range(3)]
    for flow in flows:
        flow.data(CLIENT, hello, 1.5)
    for flow in flows:
        flow.close()

    assert [only(flow.records, "tls")[0]["sni"] if flow.records else None for flow in flows] == [
        "evil.test",
        None,
        None,
    ]
    assert context.held.free == 20_000


def test_hellos_of_very_many_extensions_are_read() -> None:
    hello = client_hello([47], *((kind, b"") for kind in range(4000)))
    summary = tls((CLIENT, handshake(message(1, hello))))

    assert summary["extensions"] == list(range(4000))
