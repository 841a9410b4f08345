import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context, Pool
from lib.cuckoo.network.detect import Detecting, Place
from lib.cuckoo.network.exchange import Origin
from lib.cuckoo.network.http2 import HEADER_LIMIT, OPEN_STREAMS, PREFACE, Http2
from tests.network.conversations import Segment, damaged, detect, in_pieces, only, play
from tests.network.hellos import number

hpack = pytest.importorskip("hpack")
REQUEST = [
    (":method", "GET"),
    (":scheme", "http"),
    (":authority", "evil.test"),
    (":path", "/a?b"),
    ("user-agent", "x"),
]
RESPONSE = [(":status", "200"), ("content-type", "text/plain")]
END_STREAM, END_HEADERS, PADDED, PRIORITY = 1, 4, 8, 32


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return number(len(payload), 3) + bytes((kind, flags)) + number(stream, 4) + payload


def headers(pairs: Sequence[tuple[str, str]], stream: int, flags: int = END_STREAM | END_HEADERS) -> bytes:
    return frame(1, flags, stream, packed(pairs))


def packed(pairs: Sequence[tuple[str, str]]) -> bytes:
    block: bytes = hpack.Encoder().encode(pairs)
    return block


SETTINGS = frame(4, 0, 0)
ASK = PREFACE + SETTINGS + headers(REQUEST, 1)
ANSWER = SETTINGS + headers(RESPONSE, 1, END_HEADERS) + frame(0, END_STREAM, 1, b"hello")


def exchanges(*segments: Segment) -> list[dict[str, Any]]:
    return only(play(Http2(Context(), Origin(port=8080)), *segments), "http_ex")


def test_a_stream_gives_the_records_of_http() -> None:
    old, paired = play(Http2(Context()), (CLIENT, ASK), (SERVER, ANSWER))

    assert (old["method"], old["uri"], old["path"], old["version"]) == (
        "GET",
        "http://evil.test/a?b",
        "/a?b",
        "2",
    )
    assert old["data"].startswith("GET /a?b HTTP/2\r\nhost: evil.test\r\nuser-agent: x")
    assert (paired["status"], paired["resp"]["sha256"]) == (200, hashlib.sha256(b"hello").hexdigest())
    assert paired["response"] == "HTTP/2 200\r\ncontent-type: text/plain"
    assert paired["flaws"] == []


@pytest.mark.parametrize(
    ("scheme", "port", "uri"),
    [
        ("https", 8080, "https://evil.test:8080/a?b"),
        ("https", 80, "https://evil.test/a?b"),
        ("http", 443, "http://evil.test/a?b"),
        ("ws", 8080, "http://evil.test:8080/a?b"),
        ("", 443, "http://evil.test:443/a?b"),
    ],
)
def test_the_scheme_of_a_uri_is_that_of_the_request(scheme: str, port: int, uri: str) -> None:
    asked = [(name, scheme if name == ":scheme" else value) for name, value in REQUEST]
    records = play(Http2(Context(), Origin(port=port)), (CLIENT, PREFACE + headers(asked, 1)))

    assert {record["uri"] for record in records} == {uri}


def test_streams_are_kept_apart() -> None:
    encoder = hpack.Encoder()
    asked = PREFACE + b"".join(frame(1, 5, stream, encoder.encode(REQUEST)) for stream in (1, 3))
    answered = headers(RESPONSE, 3, END_HEADERS) + headers(RESPONSE, 1, END_HEADERS)
    bodies = frame(0, 0, 3, b"th") + frame(0, END_STREAM, 1, b"one") + frame(0, END_STREAM, 3, b"ree!")
    found = exchanges((CLIENT, asked), (SERVER, answered + bodies))

    assert [exchange["resp"]["size"] for exchange in found] == [3, 6]


def test_headers_may_be_padded_prioritised_and_continued() -> None:
    block = packed(REQUEST)
    first = frame(1, END_STREAM | PADDED | PRIORITY, 1, b"\x02" + bytes(5) + block[:4] + bytes(2))
    rest = frame(9, 0, 1, block[4:6]) + frame(9, END_HEADERS, 1, block[6:])
    (exchange,) = exchanges((CLIENT, PREFACE + first + rest))

    assert exchange["host"] == "evil.test"


def test_padding_is_no_part_of_a_body() -> None:
    body = frame(0, PADDED | END_STREAM, 1, b"\x03" + b"hi" + bytes(3))
    (exchange,) = exchanges((CLIENT, ASK), (SERVER, headers(RESPONSE, 1, END_HEADERS) + body))

    assert exchange["resp"]["size"] == 2


def test_interim_responses_and_trailers_are_kept() -> None:
    interim = headers([(":status", "103")], 1, END_HEADERS)
    answer = headers(RESPONSE, 1, END_HEADERS) + frame(0, 0, 1, b"x") + headers([("sum", "1")], 1)
    (exchange,) = exchanges((CLIENT, ASK), (SERVER, interim + answer))

    assert (exchange["interim"], exchange["response_trailers"]) == ([103], [["sum", "1"]])


def test_a_pushed_response_has_the_promised_request() -> None:
    promise = frame(5, END_HEADERS, 1, number(2, 4) + packed(REQUEST))
    found = exchanges((CLIENT, ASK), (SERVER, promise + headers(RESPONSE, 2)))

    assert [(exchange["path"], exchange["status"]) for exchange in found] == [("/a?b", 200), ("/a?b", None)]


def test_a_reset_stream_is_reported_at_once() -> None:
    conversation = Http2(Context())
    conversation.data(CLIENT, ASK + frame(3, 0, 1, bytes(4)), 1.0)

    assert len(only(conversation.records, "http_ex")) == 1


def test_streams_that_stay_open_are_bounded() -> None:
    conversation = Http2(Context())
    encoder = hpack.Encoder()
    opened = b"".join(frame(1, 5, 2 * n + 1, encoder.encode(REQUEST)) for n in range(OPEN_STREAMS + 4))
    conversation.data(CLIENT, PREFACE + opened, 1.0)

    assert len(only(conversation.records, "http")) == 4


def test_open_streams_share_the_room_of_the_capture() -> None:
    context = Context(held=Pool(20_000))
    conversation = Http2(context)
    encoder = hpack.Encoder()
    opened = b"".join(frame(1, 5, 2 * n + 1, encoder.encode(REQUEST)) for n in range(100))
    conversation.data(CLIENT, PREFACE + opened, 1.0)

    assert 80 < len(only(conversation.records, "http")) < 100
    conversation.close()
    assert len(only(conversation.records, "http")) == 100
    assert context.held.free == 20_000


def test_headers_that_cannot_be_read_end_a_side_and_say_so() -> None:
    records = play(Http2(Context()), (CLIENT, PREFACE + frame(1, 5, 1, b"\xff\xff\xff\xff\xff")))
    long = play(Http2(Context()), (CLIENT, PREFACE + frame(1, 5, 1, bytes(HEADER_LIMIT + 1))))

    assert records[0]["flaws"][0].startswith("client: headers")
    assert long[0]["flaws"] == [f"client: {HEADER_LIMIT + 1} bytes of headers"]


def test_a_gap_outside_of_a_body_ends_a_side() -> None:
    records = play(Http2(Context()), (CLIENT, ASK), (SERVER, SETTINGS[:4]), (SERVER, 10), (SERVER, ANSWER))

    assert records[-1]["flaws"] == ["server: gap in the stream"]


def test_http_2_is_known_by_its_preface_and_after_an_upgrade() -> None:
    assert isinstance(detect(PREFACE, b"", (1, 2)), Http2)

    upgrade = b"GET / HTTP/1.1\r\nHost: evil.test\r\nUpgrade: h2c\r\n\r\n"
    agreed = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"
    records = play(
        Detecting(Place(Context(), (1, 2))), (CLIENT, upgrade), (SERVER, agreed + ANSWER), (CLIENT, ASK)
    )

    assert [record["version"] for record in only(records, "http")] == ["1.1", "2"]


@settings(max_examples=150)
@given(
    damaged(ASK, ANSWER, headers(REQUEST, 3), frame(0, 8, 1, b"\x09x"), frame(5, 4, 1, bytes(3))),
    st.integers(1, 40),
)
def test_any_bytes_in_any_pieces_give_the_same_records(segments: list[Segment], size: int) -> None:
    segments = [(CLIENT, PREFACE), *segments]
    whole = play(Http2(Context()), *segments)

    assert play(Http2(Context()), *in_pieces(segments, size)) == whole


def test_trailers_are_bounded() -> None:
    encoder = hpack.Encoder()
    blocks = [encoder.encode([("long", "x" * 60_000)], huffman=False) for _ in range(12)]
    trailers = b"".join(frame(1, END_HEADERS, 1, block) for block in blocks)
    (exchange,) = exchanges((CLIENT, PREFACE + headers(REQUEST, 1, END_HEADERS) + trailers))

    assert len(exchange["request_trailers"]) == 12
    (exchange,) = exchanges((CLIENT, PREFACE + headers(REQUEST, 1, END_HEADERS) + trailers + trailers))
    assert 15 < len(exchange["request_trailers"]) < 20
    assert exchange["flaws"][0] == "request: trailers let go"


def test_what_headers_unpack_to_is_bounded() -> None:
    context = Context(inflated=Pool(100_000))
    block = packed([*REQUEST, ("x", "y" * 4000)])
    records = play(
        Http2(context), (CLIENT, PREFACE + b"".join(frame(1, 5, 2 * n + 1, block) for n in range(9)))
    )

    assert len(only(records, "http_ex")) == 2
    assert only(records, "http2")[0]["flaws"] == ["client: headers unpack to too much"]


def test_interim_responses_are_bounded_and_hold_nothing() -> None:
    context = Context()
    conversation = Http2(context)
    conversation.data(CLIENT, ASK, 1.5)
    free = context.held.free
    conversation.data(SERVER, headers([(":status", "103")], 1, END_HEADERS) * 1200, 1.5)
    assert free - context.held.free < 5000
    conversation.close()

    assert only(conversation.records, "http_ex")[0]["interim"] == [103] * 1000


def test_tables_of_headers_are_held() -> None:
    context = Context(held=Pool(15_000))
    flows = [Http2(context) for _ in range(4)]
    for conversation in flows:
        conversation.data(CLIENT, ASK, 1.5)
    for conversation in flows:
        conversation.close()

    assert only([record for each in flows for record in each.records], "http2")
    assert context.held.free == 15_000
