import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context, Pool, Unread
from lib.cuckoo.network.detect import DETECTION_LIMIT, MAXIMUM_DEPTH, Detecting, Place
from lib.cuckoo.network.http import Http
from lib.cuckoo.network.irc import Irc
from lib.cuckoo.network.tls import Tls
from tests.network.conversations import Segment, damaged, detect, in_pieces, only, play
from tests.network.hellos import client_hello, handshake, message, server_hello, server_name

HELLO = handshake(message(1, client_hello([47], server_name(b"evil.test"))))
ANSWER = handshake(message(2, server_hello(47)))
GET = b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CONNECT = b"CONNECT evil.test:443 HTTP/1.1\r\n\r\n"


def detecting() -> Detecting:
    return Detecting(Place(Context(), (50000, 4444), "192.0.2.1"))


@pytest.mark.parametrize(
    ("client", "server", "parser"),
    [
        (HELLO, b"", Tls),
        (b"", ANSWER, Tls),
        (GET, b"", Http),
        (b"", OK, Http),
        (b"FROB / HTTP/1.1\r\n", b"", Http),
    ],
)
def test_protocols_are_known_by_their_first_bytes(client: bytes, server: bytes, parser: type) -> None:
    assert isinstance(detect(client, server, (50000, 4444)), parser)


@pytest.mark.parametrize(
    "client",
    [
        b"",
        b"\x16\x03\x01",
        b"GET / HT",
        b"INVITE sip:x SIP/2.0\r\n",
        b"DESCRIBE rtsp://x RTSP/1.0\r\n",
        b"\x16\x03\x01\0\0\x09",
    ],
)
def test_what_is_not_known_is_none(client: bytes) -> None:
    assert detect(client, b"", (50000, 80)) is None


def test_a_line_that_was_cut_is_known_at_the_end() -> None:
    assert isinstance(detect(b"GET /", b"", (50000, 80), final=True), Http)


def test_bytes_before_the_decision_are_played_again() -> None:
    records = play(detecting(), *in_pieces([(CLIENT, GET), (SERVER, OK)], 3))

    assert [(record["uri"], record["status"]) for record in only(records, "http_ex")] == [
        ("http://evil.test:4444/", 200)
    ]


def test_sides_the_wrong_way_round_are_turned() -> None:
    conversation = detecting()
    (summary,) = play(conversation, (CLIENT, ANSWER), (SERVER, HELLO))

    assert conversation.swapped
    assert summary["sni"] == "evil.test"


def test_a_beginning_behind_a_gap_is_known() -> None:
    conversation = detecting()
    records = play(conversation, (CLIENT, b"rest of something\r\n"), (CLIENT, 100), (CLIENT, GET))

    assert [record["host"] for record in only(records, "http")] == ["evil.test"]


def test_tls_in_a_tunnel_is_read() -> None:
    records = play(
        detecting(),
        (CLIENT, CONNECT),
        (SERVER, b"HTTP/1.1 200 OK\r\n\r\n"),
        (CLIENT, HELLO),
        (SERVER, ANSWER),
    )

    assert [record["sni"] for record in only(records, "tls")] == ["evil.test"]


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        (b"far.test:80", "http://far.test/x"),
        (b"far.test:8080", "http://far.test:8080/x"),
        (b"[2001:db8::1]:80", "http://[2001:db8::1]/x"),
        (b"far.test", "http://192.0.2.1:4444/x"),
    ],
)
def test_what_a_tunnel_carries_is_for_the_server_that_it_leads_to(target: bytes, uri: str) -> None:
    connect = b"CONNECT " + target + b" HTTP/1.1\r\n\r\n"
    agreed = b"HTTP/1.1 200 OK\r\n\r\n"
    records = play(detecting(), (CLIENT, connect), (SERVER, agreed), (CLIENT, b"GET /x HTTP/1.0\r\n\r\n"))

    assert [record["uri"] for record in only(records, "http")][1:] == [uri]


def test_where_the_sides_are_turned_the_client_is_the_server() -> None:
    turned = Detecting(Place(Context(), (80, 50000), "192.0.2.1", "192.0.2.2"))
    records = play(turned, (SERVER, b"GET /x HTTP/1.0\r\n\r\n"))

    assert [record["uri"] for record in only(records, "http")] == ["http://192.0.2.2/x"]


def test_tunnels_in_tunnels_end() -> None:
    layers = [((CLIENT, CONNECT), (SERVER, b"HTTP/1.1 200 OK\r\n\r\n")) for _ in range(MAXIMUM_DEPTH + 3)]
    records = play(detecting(), *(segment for layer in layers for segment in layer))

    assert len(only(records, "http")) == MAXIMUM_DEPTH + 1


def test_what_stays_unknown_is_let_go() -> None:
    conversation = detecting()
    for _ in range(10):
        conversation.data(CLIENT, b"x" * (DETECTION_LIMIT // 2), 1.0)
    conversation.data(CLIENT, GET, 1.0)
    conversation.close()

    assert conversation.records == []


def test_what_is_held_until_the_decision_is_taken_from_the_pool() -> None:
    context = Context(held=Pool(2000))
    first, second = (Detecting(Place(context, (1, 2))) for _ in range(2))
    first.data(CLIENT, b"a" * 600, 1.0)
    second.data(CLIENT, b"b" * 600, 1.0)
    assert (first.chosen is None, second.chosen is None) == (True, False)
    first.close()

    assert context.held.free == 2000


def test_bytes_that_are_no_text_are_let_go_soon() -> None:
    conversation = detecting()
    conversation.data(CLIENT, bytes(400), 1.0)
    assert conversation.chosen is None
    conversation.data(SERVER, bytes(400), 1.0)

    assert conversation.chosen is not None


@settings(max_examples=150)
@given(damaged(HELLO, ANSWER, GET, OK, CONNECT), st.integers(1, 40))
def test_any_bytes_in_any_pieces_give_the_same_records(segments: list[Segment], size: int) -> None:
    whole = play(detecting(), *segments)

    assert play(detecting(), *in_pieces(segments, size)) == whole


def test_a_long_line_without_an_end_is_looked_at_piece_by_piece() -> None:
    conversation = detecting()
    conversation.data(CLIENT, b"NICK aaaa", 1.5)
    for _ in range(DETECTION_LIMIT - 10):
        conversation.data(CLIENT, b">", 1.5)

    assert conversation.chosen is None
    conversation.data(CLIENT, b"\n", 1.5)
    assert isinstance(conversation.chosen, Irc)


def test_gaps_are_held_within_bounds() -> None:
    context = Context(held=Pool(1000))
    conversation = Detecting(Place(context, (1, 2)))
    for _ in range(7):
        conversation.gap(CLIENT, 5)

    assert isinstance(conversation.chosen, Unread)
    assert context.held.free == 1000
    assert context.held.refused == 1


def test_a_gap_behind_the_first_bytes_of_a_protocol_reaches_its_parser() -> None:
    conversation = Detecting(Place(Context(), (1, 2)))
    conversation.data(CLIENT, b"GET / HTTP/1.1", 1.5)
    conversation.gap(CLIENT, 5)
    conversation.close()

    assert "gap in the stream" in only(conversation.records, "http_ex")[0]["flaws"][0]
