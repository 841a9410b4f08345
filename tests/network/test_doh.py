from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import digest_only
from lib.cuckoo.network.doh import MOST_KEPT, DnsOverHttps
from tests.network.wire import Dialogue, pcap, query, resource, response, sections

QUESTION = query("doh.example", identification=0)
ANSWER = response("doh.example", [resource(b"\xc0\x0c", 1, bytes([192, 0, 2, 1]))], identification=0)


def exchange(path: str = "/dns-query", **more: Any) -> dict[str, Any]:
    return {"time": 1.0, "latency": 1.0, "path": path, "req": None, "resp": None} | more


def test_messages_are_found_in_bodies() -> None:
    listener = DnsOverHttps(digest_only)
    asked, answered = listener.save(QUESTION, "http_request"), listener.save(ANSWER, "http_response")

    assert list(listener.messages(exchange(req=asked, resp=answered))) == [(QUESTION, 1.0), (ANSWER, 2.0)]


def test_a_question_is_found_in_the_path() -> None:
    encoded = urlsafe_b64encode(QUESTION).decode().rstrip("=")

    found = list(DnsOverHttps(digest_only).messages(exchange(f"/dns-query?x=1&dns={encoded}")))

    assert found == [(QUESTION, 1.0)]


@pytest.mark.parametrize("path", ["/", "/?dns=", "/?dns=!!!", "/?dns=AAAA", "//[?dns=AAAA", "/?dns=é"])
def test_other_paths_hold_no_question(path: str) -> None:
    assert list(DnsOverHttps(digest_only).messages(exchange(path))) == []


def test_what_is_kept_is_bounded() -> None:
    listener = DnsOverHttps(digest_only)
    records = [listener.save(query(f"{number}.example"), "x") for number in range(MOST_KEPT + 1)]

    assert [bool(list(listener.messages(exchange(req=record)))) for record in (records[0], records[1])] == [
        False,
        True,
    ]


def test_questions_over_http_are_questions() -> None:
    dialogue = Dialogue()
    head = f"POST /dns-query HTTP/1.1\r\nHost: dns.example\r\nContent-Length: {len(QUESTION)}\r\n\r\n"
    reply = f"HTTP/1.1 200 OK\r\nContent-Length: {len(ANSWER)}\r\n\r\n"
    packets = [
        *dialogue.open(),
        dialogue.send(0, head.encode() + QUESTION),
        dialogue.send(1, reply.encode() + ANSWER),
    ]

    (record,) = sections(pcap(packets))["dns"]

    assert (record["request"], record["answers"][0]["data"]) == ("doh.example", "192.0.2.1")
    assert record["latency"] == pytest.approx(0.001)


@given(st.text(max_size=60))
def test_any_path_is_a_question_or_none(path: str) -> None:
    assert len(list(DnsOverHttps(digest_only).messages(exchange("/?dns=" + path)))) <= 1


def test_a_path_that_looks_like_another_host_is_a_path() -> None:
    path = "//" + "\u0301\u0316" * 50_000 + "?dns=" + "x"

    assert not list(DnsOverHttps(digest_only).messages(exchange(path=path)))
