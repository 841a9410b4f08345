import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context, Conversation, Pool
from lib.cuckoo.network.dialogue import MAXIMUM_FLAWS
from lib.cuckoo.network.http import Http
from lib.cuckoo.network.smtp import MAXIMUM_MESSAGES, Smtp
from tests.network.conversations import Segment, damaged, detect, in_pieces, only, play

MESSAGE = b"Subject: hi\r\nFrom: A <a@test>\r\nTo: b@test\r\n\r\nline\r\n..dot\r\n"
PLAIN = MESSAGE.replace(b"\n..", b"\n.")
HELLO = (
    (SERVER, b"220 mail.test ESMTP\r\n"),
    (CLIENT, b"EHLO pc\r\n"),
    (SERVER, b"250-mail.test\r\n250 AUTH LOGIN\r\n"),
)
ENVELOPE = (
    (CLIENT, b"MAIL FROM:<a@test> SIZE=100\r\n"),
    (SERVER, b"250 ok\r\n"),
    (CLIENT, b"rcpt to: <b@test>\r\n"),
    (SERVER, b"250 ok\r\n"),
)
DATA = ((CLIENT, b"DATA\r\n"), (SERVER, b"354 go\r\n"), (CLIENT, MESSAGE + b".\r\nQUIT\r\n"))
QUIT = ((SERVER, b"250 queued\r\n221 bye\r\n"),)


def inside() -> Conversation:
    return Http(Context())


def encoded(text: bytes) -> bytes:
    return base64.b64encode(text)


def smtp(*segments: Segment) -> dict[str, Any]:
    (summary,) = only(play(Smtp(Context(), inside), *segments), "smtp")
    return summary


def test_a_message_has_its_envelope_and_content() -> None:
    summary = smtp(*HELLO, *ENVELOPE, *DATA, *QUIT)
    (message,) = summary["messages"]

    assert (summary["banner"], summary["hostname"], summary["auth"]) == ("mail.test ESMTP", "pc", None)
    assert [command["command"] for command in summary["commands"]] == [
        "EHLO",
        "MAIL",
        "RCPT",
        "DATA",
        ".",
        "QUIT",
    ]
    assert summary["raw"].endswith("\r\n..dot\r\n.\r\nQUIT\r\n")
    assert (message["mail_from"], message["rcpt_to"], message["accepted"]) == ("a@test", ["b@test"], 250)
    assert (message["subject"], message["from"], message["to"]) == ("hi", "A <a@test>", "b@test")
    assert message["text"] == "line\r\n.dot\r\n"
    assert message["content"] == {
        "sha256": hashlib.sha256(PLAIN).hexdigest(),
        "size": len(PLAIN),
        "type": "mail",
        "path": None,
    }


def test_several_messages_in_one_connection_are_kept_apart() -> None:
    summary = smtp(
        *HELLO,
        *ENVELOPE,
        *DATA[:2],
        (CLIENT, MESSAGE + b".\r\n"),
        (SERVER, b"250 ok\r\n"),
        *ENVELOPE[2:],
        *DATA,
    )

    assert [(message["mail_from"], message["rcpt_to"]) for message in summary["messages"]] == [
        ("a@test", ["b@test"]),
        ("", ["b@test"]),
    ]


def test_refused_data_is_followed_by_commands() -> None:
    summary = smtp(*HELLO, *ENVELOPE, (CLIENT, b"DATA\r\nRSET\r\n"), (SERVER, b"554 no\r\n250 ok\r\n"))

    assert summary["messages"] == []
    assert summary["commands"][-1]["command"] == "RSET"


def test_an_empty_message_ends_at_once() -> None:
    summary = smtp(*HELLO, *ENVELOPE, *DATA[:2], (CLIENT, b".\r\nQUIT\r\n"), *QUIT)

    assert [message["content"]["size"] for message in summary["messages"]] == [0]
    assert summary["commands"][-1]["code"] == 221


def test_chunks_are_joined_to_one_message() -> None:
    summary = smtp(
        *HELLO,
        *ENVELOPE,
        (CLIENT, b"BDAT 14\r\nSubject: x\r\n\r\nBDAT 4 LAST\r\nbodyQUIT\r\n"),
        (SERVER, b"250 ok\r\n" * 2),
    )
    (message,) = summary["messages"]

    assert (message["subject"], message["text"], message["accepted"]) == ("x", "body", 250)


@pytest.mark.parametrize(
    ("segments", "mechanism"),
    [
        (
            [
                (CLIENT, b"AUTH LOGIN\r\n"),
                (SERVER, b"334 VXNlcg==\r\n"),
                (CLIENT, encoded(b"anna") + b"\r\n"),
                (SERVER, b"334 UGFzcw==\r\n"),
                (CLIENT, encoded(b"pw") + b"\r\n"),
                (SERVER, b"235 ok\r\n"),
            ],
            "LOGIN",
        ),
        ([(CLIENT, b"AUTH PLAIN " + encoded(b"\0anna\0pw") + b"\r\n"), (SERVER, b"235 ok\r\n")], "PLAIN"),
        (
            [
                (CLIENT, b"AUTH PLAIN\r\n"),
                (SERVER, b"334 \r\n"),
                (CLIENT, encoded(b"\0anna\0pw") + b"\r\n"),
                (SERVER, b"235 ok\r\n"),
            ],
            "PLAIN",
        ),
    ],
)
def test_users_and_passwords_are_read(segments: list[Segment], mechanism: str) -> None:
    summary = smtp(*HELLO, *segments, *ENVELOPE)

    assert summary["auth"] == {"mechanism": mechanism, "user": "anna", "password": "pw", "code": 235}
    assert summary["commands"][-1]["command"] == "RCPT"


def test_a_capture_of_the_client_alone_gives_the_message() -> None:
    login = b"EHLO pc\r\nAUTH LOGIN\r\n" + encoded(b"anna") + b"\r\n" + encoded(b"pw") + b"\r\n"
    sent = login + b"MAIL FROM:<a@test>\r\nRCPT TO:<b@test>\r\nDATA\r\n" + MESSAGE + b".\r\nQUIT\r\n"
    summary = smtp((CLIENT, sent))

    assert summary["auth"]["user"] == "anna"
    assert [message["subject"] for message in summary["messages"]] == ["hi"]


def test_what_follows_starttls_is_read_by_another_parser() -> None:
    records = play(
        Smtp(Context(), inside),
        *HELLO,
        (CLIENT, b"STARTTLS\r\n"),
        (SERVER, b"220 go\r\n"),
        (CLIENT, b"GET / HTTP/1.1\r\n\r\n"),
    )

    assert only(records, "smtp")[0]["tls"] is True
    assert len(only(records, "http")) == 1


def test_a_gap_in_a_message_is_counted() -> None:
    summary = smtp(
        *HELLO, *ENVELOPE, *DATA[:2], (CLIENT, MESSAGE), (CLIENT, 50), (CLIENT, b"end\r\n.\r\nQUIT\r\n")
    )
    (message,) = summary["messages"]

    assert message["content"]["missing"] == 50
    assert message["content"]["size"] == len(PLAIN)
    assert summary["commands"][-1]["command"] == "QUIT"


def test_messages_are_bounded() -> None:
    summary = smtp((CLIENT, b"BDAT 1 LAST\r\nx" * (MAXIMUM_MESSAGES + 2)))

    assert (len(summary["messages"]), summary["messages_dropped"]) == (MAXIMUM_MESSAGES, 2)


def test_smtp_is_known_by_its_first_command_or_by_its_greeting() -> None:
    assert isinstance(detect(b"EHLO pc\r\n", b"", (1, 2)), Smtp)
    assert isinstance(detect(b"RSET\r\n", b"220 x ESMTP\r\n", (1, 2)), Smtp)
    assert isinstance(detect(b"RSET\r\n", b"220 x\r\n", (1, 25)), Smtp)


@settings(max_examples=150)
@given(
    damaged(
        b"220 hi\r\n",
        b"250 ok\r\n354 go\r\n334 x\r\n",
        b"AUTH LOGIN\r\nDATA\r\n",
        MESSAGE + b".\r\n",
        b"BDAT 9 LAST\r\n",
    ),
    st.integers(1, 20),
)
def test_any_bytes_in_any_pieces_give_the_same_records(segments: list[Segment], size: int) -> None:
    whole = play(Smtp(Context(), inside), *segments)

    assert play(Smtp(Context(), inside), *in_pieces(segments, size)) == whole


def test_gaps_are_named_within_bounds() -> None:
    record = smtp((CLIENT, b"HELO a\r\n"), *[(CLIENT, 5)] * (MAXIMUM_FLAWS + 50))

    assert record["flaws"] == ["client: gap in the stream"] * MAXIMUM_FLAWS


def test_what_an_open_connection_keeps_is_held() -> None:
    context = Context(held=Pool(30_000))
    conversation = Smtp(context, inside)
    conversation.data(SERVER, b"220 mail\r\n", 1.5)
    for _ in range(20):
        conversation.data(CLIENT, b"RCPT TO:<" + b"a" * 900 + b">\r\n", 1.5)
        conversation.data(SERVER, b"250 " + b"b" * 900 + b"\r\n", 1.5)
    assert 0 <= context.held.free < 2000
    conversation.close()

    (record,) = conversation.records
    assert 0 < len(record["commands"]) < 20
    assert record["commands_dropped"] == 20 - len(record["commands"])
    assert {"client: recipients let go", "server: no room for a reply"} <= set(record["flaws"])
    assert context.held.free == 30_000


def test_the_recipients_of_a_message_are_held_once() -> None:
    context = Context()
    conversation = Smtp(context, inside)
    conversation.data(CLIENT, b"HELO a\r\nMAIL FROM:<a@b>\r\n", 1.5)
    free = context.held.free
    conversation.data(CLIENT, b"RCPT TO:<a@b>\r\nMAIL FROM:<a@b>\r\n", 1.5)
    once = context.held.free
    conversation.data(CLIENT, b"RCPT TO:<a@b>\r\nMAIL FROM:<a@b>\r\n", 1.5)

    assert free - once == once - context.held.free


def test_a_long_reply_is_not_kept_whole_while_it_comes() -> None:
    lines = b"".join(b"250-" + b"%02da" % number + b"a" * 997 + b"\r\n" for number in range(50))
    record = smtp((CLIENT, b"EHLO a\r\n"), (SERVER, b"220 x\r\n" + lines + b"250 end\r\n"))

    assert len(record["commands"][0]["reply"]) == 2048
    assert record["commands"][0]["reply"].startswith("00a")


def test_recipients_stay_held_with_their_message() -> None:
    context = Context()
    conversation = Smtp(context, inside)
    conversation.data(CLIENT, b"HELO a\r\nMAIL FROM:<a@b>\r\n", 1.5)
    conversation.data(CLIENT, b"".join(b"RCPT TO:<%060d@b>\r\n" % number for number in range(500)), 1.5)
    conversation.data(CLIENT, b"DATA\r\n", 1.5)
    for _ in range(502):
        conversation.data(SERVER, b"250 ok\r\n", 1.5)
    conversation.data(SERVER, b"354 go\r\n", 1.5)
    free = context.held.free
    conversation.data(CLIENT, b"Subject: a\r\n\r\nb\r\n.\r\n", 1.5)

    assert context.held.free < free + 10_000  # they take 50,000
