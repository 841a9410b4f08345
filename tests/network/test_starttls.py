import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context
from lib.cuckoo.network.detect import Detecting, Place
from tests.network.conversations import Segment, damaged, in_pieces, only, play
from tests.network.hellos import client_hello, handshake, message, server_name

HELLO = handshake(message(1, client_hello([47], server_name(b"evil.test"))))
POP3 = [(SERVER, b"+OK hi\r\n"), (CLIENT, b"STLS\r\n"), (SERVER, b"+OK go\r\n")]
IMAP = [(SERVER, b"* OK hi\r\n"), (CLIENT, b"a1 STARTTLS\r\n"), (SERVER, b"a1 OK go\r\n")]
XMPP = [
    (CLIENT, b"<?xml version='1.0'?><stream:stream to='x'>"),
    (SERVER, b"<stream:stream><stream:features><starttls xmlns='t'/></stream:features>"),
    (CLIENT, b"<starttls xmlns='t'/>"),
    (SERVER, b"<proceed xmlns='t'/>"),
]
DESKTOP = [(CLIENT, b"\x03\0\0\x0b\x06\xe0" + bytes(5)), (SERVER, b"\x03\0\0\x0b\x06\xd0" + bytes(5))]
POSTGRES = [(CLIENT, b"\0\0\0\x08\x04\xd2\x16\x2f"), (SERVER, b"S")]


def detecting() -> Detecting:
    return Detecting(Place(Context(), (50000, 4444)))


@pytest.mark.parametrize("opening", [POP3, IMAP, XMPP, DESKTOP, POSTGRES])
def test_tls_behind_an_opening_is_read(opening: list[Segment]) -> None:
    records = play(detecting(), *opening, (CLIENT, HELLO))

    assert [record["sni"] for record in only(records, "tls")] == ["evil.test"]


@pytest.mark.parametrize("opening", [POP3, IMAP, XMPP, DESKTOP, POSTGRES])
def test_an_opening_may_come_byte_by_byte(opening: list[Segment]) -> None:
    records = play(detecting(), *in_pieces([*opening, (CLIENT, HELLO)], 1))

    assert [record["sni"] for record in only(records, "tls")] == ["evil.test"]


def test_a_refusal_is_no_beginning() -> None:
    records = play(detecting(), *POP3[:2], (SERVER, b"-ERR no\r\n+OK\r\n"), (CLIENT, HELLO))

    assert records == []


@settings(max_examples=100)
@given(
    damaged(*(event for _, event in [*POP3, *IMAP, *XMPP, *DESKTOP, *POSTGRES]), HELLO), st.integers(1, 20)
)
def test_any_bytes_in_any_pieces_give_the_same_records(segments: list[Segment], size: int) -> None:
    whole = play(detecting(), *segments)

    assert play(detecting(), *in_pieces(segments, size)) == whole


def test_a_client_that_does_not_wait_for_an_agreement_is_not_followed() -> None:
    flood = [(CLIENT, b"GET / HTTP/1.1\r\n\r\n" * 1000)] * 10

    assert play(detecting(), *POP3[:2], *flood, POP3[2]) == []
    assert play(detecting(), DESKTOP[0], *flood, DESKTOP[1]) == []
