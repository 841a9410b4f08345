import gc
import gzip
import hashlib
import weakref
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context, Pool, Unread
from lib.cuckoo.network.exchange import Origin
from lib.cuckoo.network.http import (
    HEAD_LIMIT,
    PENDING_LIMIT,
    Http,
    parse_request_line,
    split_request_line,
    split_status_line,
)
from tests.network.conversations import Segment, damaged, in_pieces, only, play

GET = b"GET /a?b=1 HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl/8\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello"
POST = b"POST /gate.php HTTP/1.1\r\nHost: evil.test:8080\r\nContent-Length: 7\r\n\r\nid=1234"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4;name=x\r\nwiki\r\n5\r\npedia\r\n0\r\nX-Sum: 1\r\n\r\n"
)


def exchanges(*segments: Segment, port: int = 80, context: Context | None = None) -> list[dict[str, Any]]:
    return only(play(Http(context or Context(), Origin(port=port)), *segments), "http_ex")


def response(codings: str, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        codings.encode(),
        len(body),
        body,
    )


def body_of(answer: bytes, context: Context | None = None) -> dict[str, Any]:
    (exchange,) = exchanges((CLIENT, GET), (SERVER, answer), context=context)
    body: dict[str, Any] = exchange["resp"]
    return body


def test_a_request_and_its_response_are_paired() -> None:
    old, paired = play(Http(Context()), (CLIENT, GET), (SERVER, OK))

    assert old == {
        "protocol": "http",
        "count": 1,
        "host": "example.com",
        "port": 80,
        "data": GET.decode(),
        "uri": "http://example.com/a?b=1",
        "body": "",
        "path": "/a?b=1",
        "user-agent": "curl/8",
        "version": "1.1",
        "method": "GET",
        "time": 1.5,
    }
    assert paired == {
        "protocol": "http_ex",
        "time": 1.5,
        "latency": 0.0,
        "host": "example.com",
        "port": 80,
        "method": "GET",
        "uri": "http://example.com/a?b=1",
        "path": "/a?b=1",
        "version": "1.1",
        "status": 200,
        "reason": "OK",
        "interim": [],
        "request": GET.decode().rstrip(),
        "request_headers": [["Host", "example.com"], ["User-Agent", "curl/8"]],
        "req": {"sha256": hashlib.sha256(b"").hexdigest(), "size": 0, "type": "http_request", "path": None},
        "response": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x",
        "response_headers": [["Content-Length", "5"], ["Server", "x"]],
        "resp": {
            "sha256": hashlib.sha256(b"hello").hexdigest(),
            "size": 5,
            "type": "http_response",
            "path": None,
        },
        "flaws": [],
    }


def test_the_latency_is_the_time_from_request_to_response() -> None:
    conversation = Http(Context())
    conversation.data(CLIENT, GET, 1.5)
    conversation.data(SERVER, OK, 1.75)
    conversation.close()

    _, paired = conversation.records
    assert (paired["time"], paired["latency"]) == (1.5, 0.25)


@pytest.mark.parametrize("alone", [(CLIENT, GET), (SERVER, OK)])
def test_a_message_alone_has_a_time_and_no_latency(alone: Segment) -> None:
    (exchange,) = exchanges(alone)

    assert (exchange["time"], exchange["latency"]) == (1.5, None)


def test_pipelined_requests_get_their_own_responses() -> None:
    first, second = exchanges((CLIENT, GET + POST), (SERVER, OK + CHUNKED))

    assert (first["path"], first["resp"]["size"]) == ("/a?b=1", 5)
    assert (second["path"], second["resp"]["size"]) == ("/gate.php", 9)
    assert second["req"]["sha256"] == hashlib.sha256(b"id=1234").hexdigest()


def test_the_body_of_a_request_is_in_the_old_record() -> None:
    (old,) = only(play(Http(Context(), Origin(port=8080)), (CLIENT, POST)), "http")

    assert old["body"] == "id=1234"
    assert old["data"].endswith("\r\n\r\nid=1234")
    assert old["uri"] == "http://evil.test:8080/gate.php"


def test_chunks_are_joined_and_trailers_kept() -> None:
    (exchange,) = exchanges((CLIENT, GET), (SERVER, CHUNKED))

    assert exchange["resp"]["sha256"] == hashlib.sha256(b"wikipedia").hexdigest()
    assert exchange["response_trailers"] == [["X-Sum", "1"]]


@pytest.mark.parametrize("body", [b"5\r\nwikiped\r\n0\r\n\r\n", b"xyz\r\nwiki\r\n", b"-5\r\nwikip\r\n"])
def test_malformed_chunks_end_a_message(body: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    first, second = exchanges((CLIENT, GET + GET), (SERVER, head + body + OK))

    assert first["flaws"] == ["response: malformed"]
    assert second["flaws"] == []


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "identity"])
def test_compressed_bodies_are_unpacked(coding: str) -> None:
    packed = {"deflate": zlib.compress(b"hello"), "identity": b"hello"}.get(coding, gzip.compress(b"hello"))

    assert body_of(response(coding, packed))["sha256"] == hashlib.sha256(b"hello").hexdigest()


def test_bare_deflate_and_several_codings_are_unpacked() -> None:
    bare = zlib.compress(b"hello", wbits=-15)

    assert body_of(response("deflate", bare))["size"] == 5
    assert body_of(response("deflate, gzip", gzip.compress(bare)))["size"] == 5


def test_brotli_is_unpacked() -> None:
    brotli = pytest.importorskip("brotli")

    assert body_of(response("br", brotli.compress(b"hello" * 100_000)))["size"] == 500_000


def test_a_body_in_an_unknown_coding_stays_encoded_and_says_so() -> None:
    assert body_of(response("zstd", b"abc"))["encoded"] == ["zstd"]
    assert body_of(response("gzip", b"abc"))["encoded"] == ["gzip"]


def test_a_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    body = body_of(response("gzip", bomb), Context(body_limit=1 << 20))

    assert body["size"] <= 1 << 20
    assert body["decoded_partly"] == "limit"


def test_bombs_share_the_allowance_of_the_capture() -> None:
    context = Context(inflated=Pool(1 << 20))
    bomb = response("gzip", gzip.compress(bytes(900_000)))

    assert "decoded_partly" not in body_of(bomb, context)
    assert body_of(bomb, context)["decoded_partly"] == "limit"


def test_a_body_beyond_the_limit_is_counted_and_hashed() -> None:
    content = bytes(range(256)) * 8
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2048\r\n\r\n" + content
    body = body_of(answer, Context(body_limit=1000))

    assert (body["size"], body["truncated"]) == (1000, 1048)
    assert body["received"] == {"size": 2048, "sha256": hashlib.sha256(content).hexdigest()}


def test_held_bytes_are_given_back() -> None:
    context = Context()
    free = context.held.free
    exchanges((CLIENT, GET), (SERVER, OK), context=context)

    assert context.held.free == free


@pytest.mark.parametrize(
    ("request_head", "head"),
    [
        (b"HEAD / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n"),
        (
            b"GET / HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
    ],
)
def test_some_responses_have_no_body(request_head: bytes, head: bytes) -> None:
    first, second = exchanges((CLIENT, request_head + GET), (SERVER, head + OK))

    assert first["resp"]["size"] == 0
    assert second["resp"]["size"] == 5


def test_interim_responses_are_listed() -> None:
    (exchange,) = exchanges((CLIENT, POST), (SERVER, b"HTTP/1.1 100 Continue\r\n\r\n" + OK))

    assert (exchange["interim"], exchange["status"]) == ([100], 200)


def test_a_body_without_a_length_lasts_until_the_end() -> None:
    (exchange,) = exchanges((CLIENT, GET), (SERVER, b"HTTP/1.0 200 OK\r\n\r\nall "), (SERVER, b"of it"))

    assert exchange["resp"]["size"] == 9
    assert exchange["flaws"] == []


@pytest.mark.parametrize(
    ("head", "method", "uri", "version"),
    [
        (b"GET / HTTP/1.1\nHost: bare.test\n\n", "GET", "http://bare.test/", "1.1"),
        (b"GET /x HTTP/1.0\r\n\r\n", "GET", "http://192.0.2.1/x", "1.0"),
        (b"GET /old\r\n", "GET", "http://192.0.2.1/old", "0.9"),
        (b"GET http://far.test/p HTTP/1.1\r\nHost: far.test\r\n\r\n", "GET", "http://far.test/p", "1.1"),
        (b"FROB /y HTTP/1.1\r\nHost: odd.test\r\n\r\n", "FROB", "http://odd.test/y", "1.1"),
        (b"GET /a b c HTTP/1.1\r\nHost: s.test\r\n\r\n", "GET", "http://s.test/a b c", "1.1"),
        (b"\r\n\r\nGET /late HTTP/1.1\r\nHost: s.test\r\n\r\n", "GET", "http://s.test/late", "1.1"),
        (b"GET /cut.gif HTT", "GET", "http://192.0.2.1/cut.gif", "1.0"),
    ],
)
def test_unusual_requests_are_read(head: bytes, method: str, uri: str, version: str) -> None:
    (old,) = only(play(Http(Context(), Origin("192.0.2.1")), (CLIENT, head)), "http")

    assert (old["method"], old["uri"], old["version"]) == (method, uri, version)


@pytest.mark.parametrize(("port", "authority"), [(80, "[2001:db8::1]"), (8080, "[2001:db8::1]:8080")])
def test_an_ipv6_address_stands_in_brackets(port: int, authority: str) -> None:
    head = b"GET /x HTTP/1.0\r\n\r\n"
    old, paired = play(Http(Context(), Origin("2001:db8::1", port)), (CLIENT, head))

    assert old["uri"] == paired["uri"] == f"http://{authority}/x"
    assert old["host"] == paired["host"] == "2001:db8::1"


def test_the_path_of_a_request_to_a_proxy_has_no_host() -> None:
    (old,) = only(play(Http(Context()), (CLIENT, b"GET http://far.test/p?q HTTP/1.1\r\n\r\n")), "http")

    assert old["path"] == "/p?q"


@pytest.mark.parametrize("start", [b"GET /", b"GET /a HTTP/1.1\r\nHost: example.com\r\nX: "])
def test_an_endless_head_that_ends_early_keeps_its_beginning(start: bytes) -> None:
    (exchange,) = exchanges((CLIENT, start), *([(CLIENT, b"a" * 10_000)] * 100))

    assert exchange["request"].startswith(start.decode())
    assert "request: end of stream" in exchange["flaws"]


def test_what_follows_a_connect_is_read_by_another_parser() -> None:
    asked: list[tuple[str, str]] = []

    def tunnel(protocol: str, target: str) -> Http:
        asked.append((protocol, target))
        return Http(Context())

    connect = b"CONNECT far.test:443 HTTP/1.1\r\n\r\n"
    records = play(
        Http(Context(), tunnel=tunnel),
        (CLIENT, connect + GET),
        (SERVER, b"HTTP/1.1 200 Connection established\r\nContent-Length: 9\r\n\r\n" + OK),
    )

    assert asked == [("connect", "far.test:443")]
    assert [(record["method"], record["status"]) for record in only(records, "http_ex")] == [
        ("CONNECT", 200),
        ("GET", 200),
    ]


def test_a_body_may_be_packed_for_the_transfer_only() -> None:
    packed = gzip.compress(b"hello" * 100)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n%x\r\n" % len(packed)
    (exchange,) = exchanges((CLIENT, GET), (SERVER, head + packed + b"\r\n0\r\n\r\n"))

    assert exchange["resp"]["sha256"] == hashlib.sha256(b"hello" * 100).hexdigest()
    assert exchange["flaws"] == []


def test_a_refused_connect_is_followed_by_requests() -> None:
    first, second = exchanges(
        (CLIENT, b"CONNECT far.test:443 HTTP/1.1\r\n\r\n" + GET),
        (SERVER, b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n" + OK),
    )

    assert (first["status"], second["path"]) == (407, "/a?b=1")


def test_an_agreed_upgrade_names_its_protocol() -> None:
    asked: list[str] = []

    def tunnel(protocol: str, _target: str) -> Unread:
        asked.append(protocol)
        return Unread()

    upgrade = b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\r\n"
    records = play(Http(Context(), tunnel=tunnel), (CLIENT, upgrade), (SERVER, answer + b"\x81\x00"))

    assert asked == ["websocket"]
    assert [record["status"] for record in only(records, "http_ex")] == [101]


def test_a_gap_in_a_body_is_counted_and_the_next_message_found() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
    first, second = exchanges(
        (CLIENT, GET + GET), (SERVER, head + b"12345"), (SERVER, 10), (SERVER, b"67890" + OK)
    )

    assert first["resp"]["missing"] == 10
    assert first["resp"]["sha256"] == hashlib.sha256(b"12345").hexdigest()
    assert second["resp"]["size"] == 5


def test_a_gap_in_a_head_ends_its_message() -> None:
    first, second = exchanges((CLIENT, GET[:30]), (CLIENT, 10), (CLIENT, b"xx\r\n\r\n" + POST))

    assert (first["path"], first["flaws"][0]) == ("/a?b=1", "request: gap in the stream")
    assert second["path"] == "/gate.php"


def test_a_start_line_that_is_cut_by_a_gap_is_kept() -> None:
    first, second = exchanges((CLIENT, b"GET /images/x.gif HTT"), (CLIENT, 90), (CLIENT, GET))

    assert (first["path"], first["flaws"][0]) == ("/images/x.gif", "request: gap in the stream")
    assert second["host"] == "example.com"


def test_a_response_of_http_0_9_is_a_body_until_the_end() -> None:
    old, paired = play(Http(Context()), (CLIENT, b"GET /x\n"), (SERVER, b"<ht"), (SERVER, b"ml>\n\nbye"))

    assert (old["version"], paired["status"], paired["response"], paired["flaws"]) == ("0.9", None, "", [])
    assert paired["resp"]["type"] == "http_response"
    assert paired["resp"]["sha256"] == hashlib.sha256(b"<html>\n\nbye").hexdigest()


def test_a_server_may_answer_http_0_9_with_a_head() -> None:
    (exchange,) = exchanges((CLIENT, b"GET /x\n"), (SERVER, b"HT"), (SERVER, OK[2:]))

    assert (exchange["status"], exchange["resp"]["size"]) == (200, 5)


def test_the_name_of_the_protocol_may_be_in_small_letters() -> None:
    (exchange,) = exchanges(
        (CLIENT, GET.replace(b"HTTP/", b"http/")), (SERVER, OK.replace(b"HTTP/", b"Http/"))
    )

    assert (exchange["path"], exchange["version"], exchange["status"]) == ("/a?b=1", "1.1", 200)


def test_a_lost_response_does_not_shift_those_behind_it() -> None:
    first, second = exchanges((CLIENT, GET), (SERVER, 100), (CLIENT, POST), (SERVER, OK))

    assert (first["status"], second["status"]) == (None, 200)


def test_one_sided_captures_give_what_they_have() -> None:
    (response_only,) = exchanges((SERVER, OK))
    (request_only,) = exchanges((CLIENT, GET))

    assert (response_only["status"], response_only["method"]) == (200, None)
    assert (request_only["status"], request_only["method"]) == (None, "GET")
    assert request_only["flaws"] == ["response: not captured"]


def test_requests_without_responses_are_bounded() -> None:
    http = Http(Context())
    http.data(CLIENT, GET * (PENDING_LIMIT + 5), 1.0)

    assert len(only(http.records, "http")) == 5
    http.close()
    assert len(only(http.records, "http")) == PENDING_LIMIT + 5


def test_an_exchange_whose_response_was_lost_is_reported_at_once() -> None:
    http = Http(Context())
    http.data(CLIENT, GET, 1.0)
    http.gap(SERVER, 100)
    http.data(CLIENT, POST, 1.0)
    http.data(SERVER, OK, 1.0)

    assert [record["status"] for record in only(http.records, "http_ex")] == [None, 200]


def test_requests_that_wait_share_the_room_of_the_capture() -> None:
    context = Context(held=Pool(20_000))
    http = Http(context)
    http.data(CLIENT, GET * 100, 1.0)

    assert 80 < len(only(http.records, "http")) < 100
    http.close()
    assert len(only(http.records, "http")) == 100
    assert context.held.free == 20_000


def test_an_endless_header_is_bounded() -> None:
    http = Http(Context())
    http.data(CLIENT, b"GET / HTTP/1.1\r\nX: ", 1.0)
    for _ in range(100):
        http.data(CLIENT, b"a" * 100_000, 1.0)
        assert len(http.tapes[CLIENT].buffer) < 400_000
    http.data(CLIENT, b"\r\n\r\n" + GET, 1.0)
    http.close()
    first, second = only(http.records, "http_ex")

    assert "bytes of headers let go" in first["flaws"][0]
    assert second["host"] == "example.com"


@settings(max_examples=150)
@given(damaged(GET, OK, POST, CHUNKED, response("gzip", gzip.compress(b"x" * 99))), st.integers(1, 40))
def test_any_bytes_in_any_pieces_give_the_same_records(segments: list[Segment], size: int) -> None:
    whole = play(Http(Context()), *segments)

    assert play(Http(Context()), *in_pieces(segments, size)) == whole


@pytest.mark.parametrize("size", [HEAD_LIMIT - 3, HEAD_LIMIT - 2, 1 << 20])
def test_headers_without_an_end_are_counted_where_they_are_too_long(size: int) -> None:
    head = b"HTTP/1.1 200 OK\r\n"
    records = play(Http(Context()), (CLIENT, GET), *in_pieces([(SERVER, head + b"X: " + b"a" * size)], 1400))
    (exchange,) = only(records, "http_ex")

    more = size + 3 - HEAD_LIMIT
    told = [f"response: {more} bytes of headers let go"] if more > 0 else []
    assert exchange["flaws"] == [*told, "response: end of stream"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"GET /a HTTP/1.1", (b"GET", b"/a", b"1.1")),
        (b"GET  /a b \t HTTP/1.0 \r", (b"GET", b"/a b", b"1.0")),
        (b"GET  HTTP/1.1", (b"GET", b"HTTP/1.1", None)),
        (b"GET ", (b"GET", b"", None)),
        (b"GET /a HTTP/1.1234", (b"GET", b"/a HTTP/1.1234", None)),
        (b"GET", None),
        (b"GET /a\rb HTTP/1.1", None),
        (b"G" * 65 + b" / HTTP/1.1", None),
    ],
)
def test_a_request_line_is_taken_apart(line: bytes, found: tuple[bytes, bytes, bytes | None] | None) -> None:
    assert split_request_line(line) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"HTTP/1.1 200 OK then ", (b"1.1", b"200", b"OK then")),
        (b"ICY\t200", (None, b"200", b"")),
        (b"HTTP/2 404 \r", (b"2", b"404", b"")),
        (b"HTTP/1.1 2000", None),
        (b"HTTP/1.1 200 a\rb", None),
        (b"HTTP/1.1 200\r\r b", None),
    ],
)
def test_a_status_line_is_taken_apart(line: bytes, found: tuple[bytes | None, bytes, bytes] | None) -> None:
    assert split_status_line(line) == found


def test_long_runs_of_blanks_are_read_once() -> None:
    blanks = b" " * 200_000

    assert split_request_line(b"GET" + blanks + b"\rx") is None
    assert split_status_line(b"HTTP/1.1 200" + blanks + b"\rx") is None
    assert parse_request_line(b"GET a" + blanks + b"b HTT")[2] == "1.0"


def test_responses_that_nobody_asked_for_do_not_gather_behind_an_unfinished_request() -> None:
    context = Context(held=Pool(100_000))
    conversation = Http(context)
    conversation.data(CLIENT, b"POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n", 1.5)
    for _ in range(500):
        conversation.data(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1.5)

    assert len(only(conversation.records, "http_ex")) > 400
    conversation.close()
    assert len(only(conversation.records, "http_ex")) == 500
    assert context.held.free == 100_000


def test_headers_of_a_message_whose_body_is_still_coming_are_held() -> None:
    context = Context(held=Pool(400_000))
    many = b"".join(b"%03d: x\r\n" % number for number in range(900))
    first, second = Http(context), Http(context)
    for conversation in (first, second):
        conversation.data(CLIENT, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n" + many + b"\r\n", 1.5)
    free = context.held.free
    second.data(CLIENT, b"123456789", 1.5)

    assert 0 < free < 200_000
    assert [len(only(each.records, "http_ex")) for each in (first, second)] == [0, 1]
    assert context.held.free == free
    first.close()
    second.close()
    assert context.held.free == 400_000


def test_trailers_are_bounded_and_the_rest_counted() -> None:
    lines = b"".join(b"t: " + b"x" * 60_000 + b"\r\n" for _ in range(6))
    (exchange,) = exchanges(
        (CLIENT, GET),
        (SERVER, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + lines + b"\r\n"),
    )

    assert len(exchange["response_trailers"]) == 4
    assert exchange["flaws"] == ["response: 120006 bytes of trailers let go"]


def test_many_members_of_gzip_are_unpacked() -> None:
    body = body_of(response("gzip", gzip.compress(b"ab") * 3000 + b"junk"))

    assert (body["sha256"], body["size"]) == (hashlib.sha256(b"ab" * 3000).hexdigest(), 6000)


def test_codings_that_are_not_undone_are_named_within_bounds() -> None:
    assert body_of(response(",".join(["x"] * 500), b"body"))["encoded"] == ["x"] * 16


def test_a_connection_is_freed_when_it_is_closed_whatever_it_waited_for() -> None:
    gc.disable()
    try:
        conversation = Http(Context())
        play(
            conversation,
            (CLIENT, b"GET / HTTP/1.1\r\na: b"),
            (SERVER, b"no answer"),
            (SERVER, 5),
            (SERVER, b"x"),
        )
        waits = weakref.ref(conversation)
        del conversation
        assert waits() is None
    finally:
        gc.enable()
