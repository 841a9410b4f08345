from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context, Pool
from lib.cuckoo.network.dtls import DATAGRAM_LIMIT, HANDSHAKE_LIMIT, MOST_PIECES, Dtls, is_dtls, is_stun
from tests.network.certificate import make_certificate
from tests.network.conversations import Segment, play
from tests.network.hellos import client_hello, number, server_hello, server_name, vector
from tests.network.wire import GUEST, ethernet, ipv4, pcap, sections, udp

DTLS12 = 0xFEFD
COOKIE = b"\x05taste"
STUN = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)


def hello(cookie: bytes = b"\0") -> bytes:
    plain = client_hello([0xC02F, 0xC030], server_name(b"evil.test"), version=DTLS12, random=b"c" * 32)
    return plain[:35] + cookie + plain[35:]


ANSWER = server_hello(0xC02F, version=DTLS12, random=b"s" * 32)


def record(content: bytes, kind: int = 22, epoch: int = 0) -> bytes:
    return bytes((kind, 0xFE, 0xFD)) + number(epoch) + bytes(6) + vector(content)


def fragment(kind: int, body: bytes, sequence: int, start: int = 0, end: int | None = None) -> bytes:
    piece = body[start:end]
    return bytes((kind,)) + number(len(body), 3) + number(sequence) + number(start, 3) + vector(piece, 3)


ASK = record(fragment(1, hello(), 0))
ASK_AGAIN = record(fragment(1, hello(COOKIE), 1))


def only(*segments: Segment) -> dict[str, Any]:
    (found,) = play(Dtls(Context()), *segments)
    return found


def chain(der: bytes) -> bytes:
    return vector(vector(der, 3), 3)


def test_a_handshake_is_read_as_one_of_tls() -> None:
    certificate = make_certificate()
    answers = record(fragment(2, ANSWER, 1)) + record(fragment(11, chain(certificate), 2))
    secret = record(bytes(40), epoch=1)
    found = only(
        (CLIENT, ASK),
        (SERVER, record(fragment(3, b"\xfe\xff" + COOKIE, 0))),
        (CLIENT, ASK_AGAIN),
        (SERVER, answers),
        (CLIENT, record(b"\1", 20) + secret),
        (SERVER, record(b"\1", 20) + secret),
    )

    assert (found["protocol"], found["version"], found["sni"]) == ("tls", "DTLS 1.2", "evil.test")
    assert (found["cipher"], found["ciphers"], found["established"]) == (0xC02F, [0xC02F, 0xC030], True)
    assert found["ja3_string"] == "65277,49199-49200,0,,"
    assert found["ja4"].startswith("dd2d020100_")
    assert [each["common_name"] for each in found["certificates"]] == ["evil.test"]
    assert found["flaws"] == []


def test_fragments_are_joined_in_any_order_and_repeated_ones_change_nothing() -> None:
    pieces = [record(fragment(1, hello(), 0, start, start + 30)) for start in range(0, len(hello()), 20)]
    datagrams = [pieces[0], *reversed(pieces), *pieces]

    assert only(*((CLIENT, each) for each in datagrams))["sni"] == "evil.test"


def test_a_message_of_which_a_part_is_missing_is_not_read() -> None:
    body = hello()
    pieces = [record(fragment(1, body, 0, 0, 30)), record(fragment(1, body, 0, 31))]

    assert play(Dtls(Context()), *((CLIENT, each) for each in pieces)) == []


def test_an_alert_in_the_clear_is_listed() -> None:
    assert only((CLIENT, ASK), (SERVER, record(b"\2\x28", 21)))["alerts"] == [
        {"side": "server", "level": 2, "description": 40}
    ]


def test_who_says_hello_is_the_client() -> None:
    conversation = Dtls(Context())
    found = play(conversation, (SERVER, ASK), (CLIENT, record(fragment(2, ANSWER, 1))))

    assert conversation.swapped
    assert (found[0]["sni"], found[0]["cipher"]) == ("evil.test", 0xC02F)


def test_the_newest_version_that_is_offered_has_the_lowest_number() -> None:
    plain = client_hello([0x1301], (43, b"\4\xfe\xfc\xfe\xfd"), version=DTLS12)
    found = only((CLIENT, record(fragment(1, plain[:35] + b"\0" + plain[35:], 0))))

    assert found["version"] == "DTLS 1.3"


@pytest.mark.parametrize(("pieces", "read"), [(MOST_PIECES, 1), (MOST_PIECES + 1, 0)])
def test_the_fragments_of_a_message_are_bounded(pieces: int, read: int) -> None:
    body = hello(vector(bytes(40), 1))
    cuts = [*range(pieces), len(body)]
    fragments = [record(fragment(1, body, 0, start, end)) for start, end in pairwise(cuts)]

    assert len(play(Dtls(Context()), *((CLIENT, each) for each in fragments))) == read


def test_what_is_kept_of_a_side_is_bounded() -> None:
    conversation = Dtls(Context())
    for sequence in range(DATAGRAM_LIMIT // 2):
        conversation.data(CLIENT, record(fragment(11, bytes(2000), sequence, 0, 1000)), 1.0)
    conversation.data(CLIENT, ASK, 1.0)
    conversation.close()

    assert DATAGRAM_LIMIT // 2 * 1000 > HANDSHAKE_LIMIT
    assert conversation.records == []


def between(payload: bytes, *, answer: bool = False) -> bytes:
    ports, addresses = (50000, 4433), (GUEST, "192.0.2.1")
    if answer:
        ports, addresses = ports[::-1], addresses[::-1]
    return ethernet(ipv4(udp(*ports, payload), 17, *addresses))


def test_dtls_is_found_behind_the_search_for_a_way() -> None:
    found = sections(pcap([*[between(STUN)] * 9, between(ASK, answer=True)]))

    assert [flow["protocol"] for flow in found["udp"]] == ["dtls"]
    assert [(each["src"], each["sni"]) for each in found["tls"]] == [("192.0.2.1", "evil.test")]
    assert sections(pcap([between(STUN)]))["udp"][0]["protocol"] == "stun"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (ASK, True),
        (record(bytes(20), epoch=1), False),
        (record(bytes(20)), False),
        (ASK[:24], False),
        (b"", False),
    ],
)
def test_dtls_is_known_by_its_first_message(payload: bytes, *, expected: bool) -> None:
    assert is_dtls(payload) is expected
    assert not is_stun(payload)


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1), st.binary(max_size=60) | st.integers(0, 80).map(lambda size: ASK[:size])
        ),
        max_size=6,
    ),
    st.integers(0, 120),
    st.binary(max_size=3),
)
def test_any_datagrams_give_a_record_or_none(
    datagrams: Sequence[tuple[int, bytes]], place: int, change: bytes
) -> None:
    damaged = ASK[:place] + change + ASK[place + len(change) :]

    assert len(play(Dtls(Context()), *datagrams, (CLIENT, damaged))) <= 1


def test_pieces_of_handshakes_find_room_or_are_given_up() -> None:
    context = Context(held=Pool(1000))
    flow = Dtls(context)
    record = b"\x16\xfe\xfd" + bytes(8) + (12 + 900).to_bytes(2, "big")
    piece = b"\x01" + (60_000).to_bytes(3, "big") + bytes(5) + (900).to_bytes(3, "big") + bytes(900)
    flow.data(CLIENT, record + piece, 1.5)
    flow.data(CLIENT, record + piece, 1.5)
    flow.close()

    assert flow.records == []
    assert (context.held.free, context.held.refused) == (1000, 1)
