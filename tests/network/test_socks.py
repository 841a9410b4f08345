from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context
from lib.cuckoo.network.detect import Detecting, Place
from lib.cuckoo.network.http import Http
from lib.cuckoo.network.socks import Socks
from tests.network.conversations import Segment, damaged, in_pieces, only, play

GET = b"GET /x HTTP/1.1\r\n\r\n"
ASK5 = b"\x05\x01\0\x03\x09evil.test\x01\xbb"
GRANT5 = b"\x05\0\0\x01" + bytes(6)
ASK4 = b"\x04\x01\0\x50\0\0\0\x01anna\0evil.test\0"
GRANT4 = b"\0\x5a" + bytes(6)


def detecting() -> Detecting:
    return Detecting(Place(Context(), (50000, 1080)))


def test_a_tunnel_of_socks_5_is_followed() -> None:
    records = play(
        detecting(),
        (CLIENT, b"\x05\x02\0\x02"),
        (SERVER, b"\x05\x02"),
        (CLIENT, b"\x01\x04anna\x02pw"),
        (SERVER, b"\x01\0"),
        (CLIENT, ASK5),
        (SERVER, GRANT5),
        (CLIENT, GET),
    )

    assert only(records, "socks") == [
        {
            "protocol": "socks",
            "time": 1.5,
            "version": 5,
            "command": "connect",
            "host": "evil.test",
            "port": 443,
            "user": "anna",
            "password": "pw",
            "granted": True,
        }
    ]
    assert [record["uri"] for record in only(records, "http")] == ["http://evil.test:443/x"]


def test_a_tunnel_of_socks_4a_is_followed() -> None:
    records = play(detecting(), (CLIENT, ASK4), (SERVER, GRANT4), (CLIENT, GET))

    assert [(record["host"], record["port"], record["user"]) for record in only(records, "socks")] == [
        ("evil.test", 80, "anna")
    ]
    assert [record["uri"] for record in only(records, "http")] == ["http://evil.test/x"]


def test_a_refused_tunnel_carries_nothing() -> None:
    records = play(detecting(), (CLIENT, ASK4), (SERVER, b"\0\x5b" + bytes(6)), (CLIENT, GET))

    assert [record["granted"] for record in records] == [False]


@settings(max_examples=100)
@given(
    damaged(b"\x05\x02\0\x02", b"\x05\x02", b"\x05\0", b"\x01\x01a\x01b", ASK5, GRANT5, ASK4, GRANT4, GET),
    st.integers(1, 9),
)
def test_any_bytes_in_any_pieces_give_the_same_records(segments: list[Segment], size: int) -> None:
    whole = play(detecting(), *segments)

    assert play(detecting(), *in_pieces(segments, size)) == whole


def test_a_client_that_does_not_wait_for_its_tunnel_is_not_followed() -> None:
    context = Context()
    conversation = Socks(context, lambda _host, _port: Http(context))
    conversation.data(CLIENT, ASK4, 1.5)
    for _ in range(200):
        conversation.data(CLIENT, GET * 50, 1.5)
    assert conversation.hold.size == 0
    conversation.data(SERVER, GRANT4, 1.5)
    conversation.close()

    assert [each["granted"] for each in conversation.records] == [True]
    assert context.held.free == Context().held.free
