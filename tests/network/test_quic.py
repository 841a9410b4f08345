"""Keys are compared with the published examples: RFC 9001, appendix A, and RFC 9369, appendix A."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context, Pool
from lib.cuckoo.network.quic import (
    MOST_PIECES,
    PACKET_LIMIT,
    V1,
    V2,
    Initial,
    Quic,
    derive_keys,
    initials,
    is_quic,
    open_packet,
)
from tests.network.conversations import only, play
from tests.network.hellos import alpn, client_hello, message, number, server_hello, server_name, vector

pytest.importorskip("cryptography")
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FIRST = bytes.fromhex("8394c8f03e515708")
HELLO = message(1, client_hello([0x1301], server_name(b"evil.test"), alpn(b"h3"), (43, b"\x02\x03\x04")))
ANSWER = message(2, server_hello(0x1301, (43, number(0x0304))))
RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def varint(value: int) -> bytes:
    return number(0x4000 | value)


def crypto(offset: int, piece: bytes) -> bytes:
    return b"\x06" + varint(offset) + varint(len(piece)) + piece


def sealed(
    frames: bytes, side: int = CLIENT, identifier: bytes = FIRST, version: int = V1, to: bytes = FIRST
) -> bytes:
    """Build an Initial packet with packet number 2, in a two-byte field."""
    keys = derive_keys(version, identifier, side)
    first = 0xD1 if version == V2 else 0xC1
    payload = frames + bytes(max(0, 40 - len(frames)))
    head = bytes((first,)) + number(version, 4) + vector(to, 1) + vector(b"", 1) + b"\0"
    head += varint(2 + len(payload) + 16)
    nonce = int.from_bytes(keys.iv, "big") ^ 2
    body = AESGCM(keys.key).encrypt(nonce.to_bytes(12, "big"), payload, head + number(2))
    encryptor = Cipher(algorithms.AES(keys.header_key), modes.ECB()).encryptor()
    mask = encryptor.update(body[2:18])
    digits = bytes((mask[1], 2 ^ mask[2]))
    return bytes((first ^ mask[0] & 0x0F,)) + head[1:] + digits + body


def test_keys_of_version_1_agree_with_the_rfc() -> None:
    client, server = derive_keys(V1, FIRST, CLIENT), derive_keys(V1, FIRST, SERVER)

    assert client.key.hex() == "1f369613dd76d5467730efcbe3b1a22d"
    assert client.iv.hex() == "fa044b2f42a3fd3b46fb255c"
    assert client.header_key.hex() == "9f50449e04a0e810283a1e9933adedd2"
    assert server.key.hex() == "cf3a5331653c364c88f0f379b6067e37"
    assert server.iv.hex() == "0ac1493ca1905853b0bba03e"
    assert server.header_key.hex() == "c206b8d9b9f0f37644430b490eeaa314"


def test_keys_of_version_2_agree_with_the_rfc() -> None:
    client = derive_keys(V2, FIRST, CLIENT)

    assert client.key.hex() == "8b1a0bc121284290a29e0971b5cd045d"
    assert client.iv.hex() == "91f73e2351d8fa91660e909f"
    assert client.header_key.hex() == "45b95e15235d6f45a6b19cbcb0294ba9"


@pytest.mark.parametrize(
    ("version", "name"), [(V1, "QUIC 1"), (V2, "QUIC 2"), (0xFF00001D, "QUIC (draft 29)")]
)
def test_hellos_are_read(version: int, name: str) -> None:
    asked = sealed(crypto(0, HELLO), version=version)
    answered = sealed(b"\x02\x00\x00\x00\x00" + crypto(0, ANSWER), SERVER, version=version, to=b"")
    (record,) = play(Quic(Context()), (CLIENT, asked), (SERVER, answered))

    assert is_quic(asked)
    assert (record["protocol"], record["version"], record["sni"]) == ("quic", name, "evil.test")
    assert (record["alpn"], record["cipher"]) == (["h3"], 0x1301)
    assert record["ja4"].startswith("q13d0103h3_")
    assert record["flaws"] == []


def test_pieces_in_any_order_and_packet_are_joined() -> None:
    frames = crypto(30, HELLO[30:]) + b"\x01" + bytes(3) + crypto(10, HELLO[10:40])
    coalesced = sealed(frames) + sealed(crypto(0, HELLO[:20]), to=b"other")
    (record,) = play(Quic(Context()), (CLIENT, coalesced))

    assert record["sni"] == "evil.test"


def test_a_retry_gives_new_keys() -> None:
    second = sealed(crypto(0, HELLO[:50]), identifier=b"retried", to=b"retried")
    third = sealed(crypto(50, HELLO[50:]), identifier=b"retried", to=b"server's")
    (record,) = play(Quic(Context()), (CLIENT, sealed(b"\x01")), (CLIENT, second), (CLIENT, third))

    assert record["sni"] == "evil.test"


def test_the_answer_behind_a_hello_retry_is_the_answer() -> None:
    retry = message(2, server_hello(0x1302, random=RETRY_RANDOM))
    answers = sealed(crypto(0, retry), SERVER), sealed(crypto(len(retry), ANSWER), SERVER)
    (record,) = play(
        Quic(Context()), (CLIENT, sealed(crypto(0, HELLO))), (SERVER, answers[0]), (SERVER, answers[1])
    )

    assert record["cipher"] == 0x1301


def test_a_hello_that_is_not_complete_is_a_flaw() -> None:
    (record,) = play(Quic(Context()), (CLIENT, sealed(crypto(0, HELLO[:40]))))

    assert (record["sni"], record["flaws"]) == (None, ["client: the hello is not complete"])


def test_of_a_first_packet_that_is_cut_the_version_and_the_keys_of_the_answer_are_known() -> None:
    asked = sealed(crypto(0, HELLO))[:60]
    (alone,) = play(Quic(Context()), (CLIENT, asked))
    (answered,) = play(Quic(Context()), (CLIENT, asked), (SERVER, sealed(crypto(0, ANSWER), SERVER, to=b"")))

    assert (alone["version"], alone["sni"], alone["flaws"]) == (
        "QUIC 1",
        None,
        ["client: the first packet is cut short"],
    )
    assert (answered["sni"], answered["cipher"]) == (None, 0x1301)


def test_what_is_no_quic_gives_no_record() -> None:
    damaged_packet = bytearray(sealed(crypto(0, HELLO)))
    damaged_packet[-1] ^= 1

    assert play(Quic(Context()), (CLIENT, bytes(damaged_packet)), (CLIENT, b"\xc0" + bytes(50))) == []
    assert not is_quic(b"\x40" + bytes(50))
    assert not is_quic(b"\xc0\x51\x30\x34\x36\x08")


def test_a_packet_is_opened() -> None:
    (initial,) = initials(sealed(b"\x01"))

    assert isinstance(initial, Initial)
    assert open_packet(initial, derive_keys(V1, FIRST, CLIENT)) == b"\x01" + bytes(39)
    assert open_packet(initial, derive_keys(V1, FIRST, SERVER)) is None


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.one_of(
                st.binary(max_size=60).map(sealed),
                st.integers(0, 200).map(lambda size: sealed(crypto(0, HELLO))[:size]),
                st.tuples(st.integers(0, 400), st.binary(max_size=40)).map(
                    lambda piece: sealed(crypto(*piece), SERVER)
                ),
                st.binary(max_size=60),
            ),
        ),
        max_size=8,
    )
)
def test_any_datagrams_give_at_most_one_record(datagrams: list[tuple[int, bytes]]) -> None:
    assert len(only(play(Quic(Context()), *datagrams), "quic")) <= 1


def test_handshakes_find_room_or_are_given_up() -> None:
    context = Context(held=Pool(1000))
    first, second = Quic(context), Quic(context)
    for flow in (first, second):
        flow.data(CLIENT, sealed(crypto(0, HELLO[:4] + bytes(600))), 1.5)
    second.data(CLIENT, sealed(crypto(0, HELLO)), 1.5)
    assert context.held.free < 500
    first.close()
    second.close()

    assert [each.records[0]["flaws"] for each in (first, second)] == [
        [],
        ["no room for the handshake"],
    ]
    assert context.held.free == 1000


def test_pieces_that_wait_are_bounded() -> None:
    flow = Quic(Context())
    ahead = b"".join(crypto(2 + 2 * number, b"x") for number in range(MOST_PIECES + 50))
    flow.data(CLIENT, sealed(ahead), 1.5)

    assert len(flow._crypto[CLIENT]._ahead) == MOST_PIECES


def test_of_one_datagram_only_so_many_packets_are_opened() -> None:
    assert len(initials(sealed(b"\x01") * (PACKET_LIMIT + 5))) == PACKET_LIMIT


@given(st.permutations(range(8)))
def test_pieces_are_joined_in_any_order(order: list[int]) -> None:
    size = -(-len(HELLO) // 8)
    frames = (crypto(size * number, HELLO[size * number :][:size]) for number in order)
    flow = Quic(Context())
    for frame in frames:
        flow.data(CLIENT, sealed(frame), 1.5)
    flow.close()

    assert flow.records[0]["sni"] == "evil.test"
