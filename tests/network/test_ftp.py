import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context, Conversation
from lib.cuckoo.network.detect import Detecting, Place
from lib.cuckoo.network.dialogue import MAXIMUM_COMMANDS
from lib.cuckoo.network.ftp import Ftp
from lib.cuckoo.network.http import Http
from tests.network.conversations import Segment, damaged, detect, in_pieces, only, play
from tests.network.hellos import client_hello, handshake, message

LOGIN = (
    (SERVER, b"220-Welcome\r\n to all\r\n220 ready\r\n"),
    (CLIENT, b"USER anna\r\n"),
    (SERVER, b"331 password\r\n"),
    (CLIENT, b"PASS s3cret\r\n"),
    (SERVER, b"230 in\r\n"),
)
GET = b"GET / HTTP/1.1\r\n\r\n"


def inside() -> Conversation:
    return Http(Context())


def ftp(*segments: Segment) -> dict[str, Any]:
    (summary,) = only(play(Ftp(Context(), inside), *segments), "ftp")
    return summary


def test_a_session_is_summed_up() -> None:
    summary = ftp(*LOGIN)

    assert summary == {
        "protocol": "ftp",
        "time": 1.5,
        "banner": "Welcome\n to all\nready",
        "user": "anna",
        "password": "s3cret",
        "commands": [
            {"command": "USER", "argument": "anna", "code": 331, "reply": "password", "time": 1.5},
            {"command": "PASS", "argument": "s3cret", "code": 230, "reply": "in", "time": 1.5},
        ],
        "transfers": [],
        "tls": False,
        "commands_dropped": 0,
        "flaws": [],
    }


def test_transfers_name_their_data_connections() -> None:
    summary = ftp(
        *LOGIN,
        (CLIENT, b"PASV\r\n"),
        (SERVER, b"227 Entering Passive Mode (192,0,2,1,4,1)\r\n"),
        (CLIENT, b"RETR a b.txt\r\n"),
        (SERVER, b"150 opening\r\n226 done\r\n"),
        (CLIENT, b"EPSV\r\n"),
        (SERVER, b"229 go (|||5000|)\r\n"),
        (CLIENT, b"STOR up.bin\r\n"),
        (SERVER, b"226 done\r\n"),
        (CLIENT, b"PORT 10,0,0,1,1,2\r\n"),
        (SERVER, b"200 ok\r\n"),
        (CLIENT, b"LIST\r\n"),
        (SERVER, b"550 no\r\n"),
        (CLIENT, b"EPRT |2|2001:db8::1|5282|\r\n"),
        (SERVER, b"200 ok\r\n"),
        (CLIENT, b"NLST /x\r\n"),
    )
    fields = ("command", "name", "code", "mode", "address", "port", "listener")

    assert [tuple(transfer[name] for name in fields) for transfer in summary["transfers"]] == [
        ("RETR", "a b.txt", 226, "PASV", "192.0.2.1", 1025, "server"),
        ("STOR", "up.bin", 226, "EPSV", "", 5000, "server"),
        ("LIST", "", 550, "PORT", "10.0.0.1", 258, "client"),
        ("NLST", "/x", None, "EPRT", "2001:db8::1", 5282, "client"),
    ]


def test_pipelined_commands_get_their_own_replies() -> None:
    summary = ftp((SERVER, b"220 hi\r\n"), (CLIENT, b"SYST\r\nPWD\r\n"), (SERVER, b"215 UNIX\r\n257 /\r\n"))

    assert [command["code"] for command in summary["commands"]] == [215, 257]


def test_a_transfer_asked_for_before_the_passive_reply_gets_its_endpoint() -> None:
    summary = ftp(
        (SERVER, b"220 hi\r\n"),
        (CLIENT, b"PASV\r\nRETR x\r\n"),
        (SERVER, b"227 (192,0,2,1,0,21)\r\n226 done\r\n"),
    )

    assert summary["transfers"][0]["port"] == 21


def test_a_data_connection_is_of_one_transfer() -> None:
    passive = ((CLIENT, b"PASV\r\n"), (SERVER, b"227 (192,0,2,1,0,21)\r\n"))
    summary = ftp(
        (SERVER, b"220 hi\r\n"),
        *passive,
        (CLIENT, b"LIST\r\n"),
        (SERVER, b"226 ok\r\n"),
        (CLIENT, b"LIST\r\n"),
    )

    assert [transfer["port"] for transfer in summary["transfers"]] == [21, None]


@pytest.mark.parametrize(
    ("announcement", "address", "port"),
    [
        ([(CLIENT, b"PASV\r\n"), (SERVER, b"227 (192,0,2,1,0,99)\r\n")], "192.0.2.1", 99),
        ([(CLIENT, b"PASV\r\n"), (SERVER, b"227 (10,9,9,9,0,99)\r\n")], "192.0.2.1", 99),
        ([(CLIENT, b"EPSV\r\n"), (SERVER, b"229 (|||99|)\r\n")], "192.0.2.1", 99),
        ([(CLIENT, b"PORT 198,51,100,7,0,99\r\n"), (SERVER, b"200 ok\r\n")], "198.51.100.7", 99),
        ([(CLIENT, b"EPRT |1|198.51.100.7|99|\r\n"), (SERVER, b"200 ok\r\n")], "198.51.100.7", 99),
    ],
)
def test_what_was_transferred_is_the_content_of_its_transfer(
    announcement: list[Segment], address: str, port: int
) -> None:
    context = Context()
    control = Detecting(Place(context, (50000, 21), "192.0.2.1"))
    for side, event in [(SERVER, b"220 hi\r\n"), *announcement, (CLIENT, b"STOR loot.zip\r\n")]:
        assert isinstance(event, bytes)
        control.data(side, event, 1.5)
    play(Detecting(Place(context, (50001, port), address)), (CLIENT, b"GET "), (CLIENT, b"content"))
    (summary,) = play(control, (SERVER, b"226 done\r\n"))

    assert summary["transfers"][0]["content"]["sha256"] == hashlib.sha256(b"GET content").hexdigest()


def test_a_data_connection_may_end_after_the_control_connection() -> None:
    context = Context()
    control = Detecting(Place(context, (50000, 21), "192.0.2.1"))
    for side, event in [
        (SERVER, b"220 hi\r\n"),
        (CLIENT, b"PASV\r\n"),
        (SERVER, b"227 (192,0,2,1,0,99)\r\n"),
    ]:
        control.data(side, event, 1.5)
    loot = Detecting(Place(context, (50001, 99), "192.0.2.1"))
    loot.data(CLIENT, b"content", 1.5)
    (summary,) = play(control, (CLIENT, b"STOR loot.zip\r\n"))
    loot.close()
    (transfer,) = summary["transfers"]

    assert list(transfer)[:5] == ["command", "name", "code", "time", "mode"]
    assert (transfer["name"], transfer["content"]["size"]) == ("loot.zip", 7)


def test_a_transfer_that_was_not_captured_has_no_content() -> None:
    assert ftp((CLIENT, b"PORT 1,2,3,4,5,6\r\nSTOR x\r\n"))["transfers"][0]["content"] is None


def test_an_announcement_is_for_one_connection_and_not_for_tls() -> None:
    hello = handshake(message(1, client_hello([47])))
    context = Context()
    for _ in range(2):
        control = Ftp(context, inside)
        control.data(CLIENT, b"PORT 1,2,3,4,0,99\r\n", 1.5)
    first = play(Detecting(Place(context, (1, 99), "1.2.3.4")), (CLIENT, hello))
    second = play(Detecting(Place(context, (1, 99), "1.2.3.4")), (CLIENT, GET))

    assert [record["protocol"] for record in first] == ["tls"]
    assert len(only(second, "http")) == 1


def test_what_follows_auth_tls_is_read_by_another_parser() -> None:
    records = play(
        Ftp(Context(), inside),
        (SERVER, b"220 hi\r\n"),
        (CLIENT, b"AUTH TLS\r\n"),
        (SERVER, b"234 go\r\n"),
        (CLIENT, GET),
    )

    assert only(records, "ftp")[0]["tls"] is True
    assert len(only(records, "http")) == 1


def test_a_refused_auth_goes_on_in_the_clear() -> None:
    summary = ftp(
        (SERVER, b"220 hi\r\n"), (CLIENT, b"AUTH TLS\r\nQUIT\r\n"), (SERVER, b"502 no\r\n221 bye\r\n")
    )

    assert (summary["tls"], [command["code"] for command in summary["commands"]]) == (False, [502, 221])


def test_replies_lost_in_a_gap_are_none() -> None:
    summary = ftp(
        (SERVER, b"220 hi\r\n"),
        (CLIENT, b"SYST\r\n"),
        (SERVER, 20),
        (CLIENT, b"PWD\r\n"),
        (SERVER, b"257 /\r\n"),
    )

    assert [command["code"] for command in summary["commands"]] == [None, 257]
    assert summary["flaws"] == ["server: gap in the stream"]


def test_commands_are_bounded() -> None:
    summary = ftp((CLIENT, b"NOOP\r\n" * (MAXIMUM_COMMANDS + 7)))

    assert (len(summary["commands"]), summary["commands_dropped"]) == (MAXIMUM_COMMANDS, 7)


def test_ftp_is_known_by_its_first_command_or_by_its_greeting() -> None:
    assert isinstance(detect(b"USER anna\r\n", b"220 hi\r\n", (1, 2)), Ftp)
    assert isinstance(detect(b"QUIT\r\n", b"220 (vsFTPd 3.0)\r\n", (1, 2)), Ftp)
    assert isinstance(detect(b"QUIT\r\n", b"220 hi\r\n", (1, 21)), Ftp)
    assert isinstance(detect(b"QUIT\r\n", b"", (1, 21)), Ftp)
    assert detect(b"QUIT\r\n", b"220 hi\r\n", (1, 2)) is None


@settings(max_examples=100)
@given(
    damaged(
        b"220 hi\r\n",
        b"AUTH TLS\r\nRETR x\r\n",
        b"PASV\r\n",
        b"227 (1,2,3,4,5,6)\r\n",
        b"234-a\r\n234 b\r\n",
        GET,
    ),
    st.integers(1, 20),
)
def test_any_bytes_in_any_pieces_give_the_same_records(segments: list[Segment], size: int) -> None:
    whole = play(Ftp(Context(), inside), *segments)

    assert play(Ftp(Context(), inside), *in_pieces(segments, size)) == whole
