import contextlib
import gzip
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.reputation.exchange import LARGEST_BYTES, Reply, Request, fetch, retry_after_seconds
from tests.reputation.loopback import Loopback

KEY = "0123456789abcdef-the-key"
SECRETS = {"x-apikey": KEY}


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of a server that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def dripping() -> Iterator[str]:
    """The address of a server whose headers take two seconds, a byte at a time."""

    def drip() -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Padding: ")
            for _ in range(20):
                time.sleep(0.1)
                connection.sendall(b"x")
            connection.sendall(b"\r\nContent-Length: 2\r\n\r\n{}")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@pytest.fixture
def closed() -> str:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def ask(service: Loopback, seconds: float = 10) -> Reply:
    return fetch(Request(f"{service.address}/x", SECRETS), seconds)


def test_an_answer_comes_with_its_status_whatever_it_is(service: Loopback) -> None:
    service.plan("/x", {"text": "hello"}, {"status": 404, "text": "nothing"})

    assert ask(service) == Reply(200, b"hello")
    assert ask(service) == Reply(404, b"nothing")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_some_faults_are_temporary(status: int, service: Loopback) -> None:
    service.plan("/x", {"status": status, "headers": {"Retry-After": "7"}})

    assert ask(service) == Reply(status, retry_after=7.0, temporary=True)


def test_the_request_is_a_get_that_says_who_asks_and_holds_nothing_more(
    service: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    ask(service)

    ((verb, path, headers),) = service.questions()
    assert (verb, path) == ("GET", "/x")
    assert headers.pop("User-Agent").startswith("fledge/")
    assert headers.keys() == {"Host", "Accept", "Accept-Encoding", "Connection", "x-apikey"}


def test_a_redirect_is_named_and_not_followed(service: Loopback) -> None:
    service.plan("/x", {"status": 302, "headers": {"Location": "https://login.example/portal?from=x"}})

    assert ask(service).problem == "answers with a redirect to login.example, which is not followed"
    assert len(service.questions()) == 1


@pytest.mark.parametrize("location", ["http://[", "https://a b/", "/elsewhere", f"https://{KEY}.example/"])
def test_a_redirect_to_somewhere_odd_is_not_followed_either(location: str, service: Loopback) -> None:
    service.plan("/x", {"status": 301, "headers": {"Location": location}})

    reply = ask(service)

    assert reply.problem.startswith("answers with a redirect")
    assert KEY not in reply.problem


def test_the_body_of_a_redirect_is_not_read(service: Loopback) -> None:
    headers = {"Location": "/elsewhere"}
    service.plan("/x", {"status": 302, "headers": headers, "text": "x" * 100, "drip": 0.1})

    assert ask(service, seconds=5).problem == "answers with a redirect, which is not followed"


def test_an_answer_that_echoes_the_key_arrives_without_it(service: Loopback) -> None:
    service.plan("/x", {"text": "you sent ECHO!", "echo": "x-apikey"})

    assert ask(service).body == b"you sent ***!"


def test_an_answer_that_is_too_large_is_cut_off(service: Loopback) -> None:
    service.plan("/x", {"text": "x" * (1 << 20), "repeat": 17})

    assert ask(service).problem == f"answers with more than {LARGEST_BYTES >> 20} MiB"


def test_an_answer_of_the_largest_size_is_taken(service: Loopback) -> None:
    service.plan("/x", {"text": "x" * (1 << 20), "repeat": LARGEST_BYTES >> 20})

    assert len(ask(service).body) == LARGEST_BYTES


def test_a_packed_answer_was_not_asked_for(service: Loopback) -> None:
    bomb = gzip.compress(bytes(1 << 20)).decode("utf-8", "surrogateescape")
    service.plan("/x", {"text": bomb, "headers": {"Content-Encoding": "gzip"}})

    assert ask(service).problem == "answers in an encoding that was not asked for"


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_allowed(deaf: str) -> None:
    reply = fetch(Request(deaf), 0.5)

    assert reply.temporary
    assert reply.problem in {"gave no answer in time", "gave no whole answer in 0.5 s"}


def test_a_server_that_answers_byte_by_byte_is_left(service: Loopback) -> None:
    service.plan("/x", {"text": "x" * 100, "drip": 0.1})

    reply = ask(service, seconds=1)

    assert reply.temporary
    assert reply.status == 0


def test_headers_that_come_byte_by_byte_are_not_waited_for(dripping: str) -> None:
    assert fetch(Request(dripping), 0.5) == Reply(problem="gave no whole answer in 0.5 s", temporary=True)


def test_an_answer_that_breaks_off_is_temporary(service: Loopback) -> None:
    service.plan("/x", {"text": "short", "headers": {"Content-Length": "100"}})

    reply = ask(service, seconds=2)

    assert reply.temporary
    assert reply.status == 0


def test_a_server_that_is_not_there(closed: str) -> None:
    assert fetch(Request(closed), 5) == Reply(
        problem="cannot be reached (connection refused)", temporary=True
    )


def test_a_name_that_cannot_be_resolved() -> None:
    reply = fetch(Request("http://service.invalid/x"), 10)

    assert reply.temporary
    assert reply.problem in {
        "cannot be reached (its name cannot be resolved)",
        "gave no whole answer in 10 s",
    }


def test_a_proxy_that_is_not_there(service: Loopback, closed: str) -> None:
    secret = closed.replace("http://", "http://user:password@")

    reply = fetch(Request(f"{service.address}/x", SECRETS, secret), 5)

    assert reply == Reply(
        problem="is behind a proxy that cannot be reached (connection refused)", temporary=True
    )
    assert service.questions() == []


def test_a_proxy_is_asked_for_the_whole_address(service: Loopback) -> None:
    service.plan("*", {"text": "by proxy"})

    assert fetch(Request("http://service.invalid/x", proxy=service.address), 5).body == b"by proxy"
    assert service.questions()[0][1] == "http://service.invalid/x"


def test_the_proxy_of_the_environment_is_used(service: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", service.address)
    service.plan("*", {"text": "by proxy"})

    assert fetch(Request("http://service.invalid/x"), 5).body == b"by proxy"


def test_a_certificate_that_nobody_signed_is_refused(service: Loopback) -> None:
    reply = fetch(Request(service.address.replace("http:", "https:"), SECRETS), 5)

    assert reply.problem.startswith("cannot be trusted")
    assert not reply.temporary


@pytest.mark.parametrize(
    "url", ["no-address", "gopher://127.0.0.1/", "http://", "http://[::1", "http://a..b/"]
)
def test_an_address_that_is_none_is_said_to_be(url: str) -> None:
    reply = fetch(Request(url, SECRETS), 5)

    assert reply.problem
    assert reply.status == 0


def test_an_error_that_holds_the_key_is_not_shown(
    service: Loopback, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(requests.exceptions.InvalidHeader, match="the-key"):
        requests.get(service.address, headers={"x-apikey": f" {KEY}\r\n"}, timeout=5)

    reply = fetch(Request(service.address, {"x-apikey": f" {KEY}\r\n"}), 5)

    assert KEY not in repr(reply)
    assert reply.problem
    assert KEY not in "".join(capfd.readouterr())


def test_no_log_and_no_representation_holds_the_key(
    service: Loopback, closed: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for address in (service.address, closed):
        request = Request(address, SECRETS)
        assert KEY not in repr(request)
        assert KEY not in repr(fetch(request, 5))

    assert "Starting new HTTP connection" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("999999999", 999999999),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 40),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0),
        ("-5", 0),
        ("1e3", 0),
        ("soon", 0),
        ("", 0),
    ],
)
def test_what_a_server_may_say_about_when_to_come_back(text: str, seconds: float) -> None:
    assert retry_after_seconds(text, now=1445412440) == seconds


@given(st.text())
def test_any_words_about_when_to_come_back_are_a_number(text: str) -> None:
    assert retry_after_seconds(text, now=1e9) >= 0


def test_what_was_left_behind_ends_by_itself(deaf: str) -> None:
    fetch(Request(deaf), 0.2)

    for thread in threading.enumerate():
        if thread.name == "look-up":
            thread.join(5)
            assert not thread.is_alive()
