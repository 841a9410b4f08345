from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context, Conversation
from lib.cuckoo.network.http import Http
from lib.cuckoo.network.irc import MAXIMUM_MESSAGES, Irc
from tests.network.conversations import Segment, damaged, detect, in_pieces, only, play

LOGIN = b"PASS l0m3za\r\nNICK bot\nUSER a 0 0 :bot\r\n"
WELCOME = b"@time=1 :irc.test 001 bot :Welcome\r\nPING :x\r\n"


def inside() -> Conversation:
    return Http(Context())


def test_messages_of_both_sides_are_recorded() -> None:
    records = play(Irc(Context(), inside), (CLIENT, LOGIN), (SERVER, WELCOME))
    fields = ("type", "command", "params", "prefix")

    assert [tuple(record[name] for name in fields) for record in records] == [
        ("client", "PASS", "l0m3za", None),
        ("client", "NICK", "bot", None),
        ("client", "USER", "a 0 0 :bot", None),
        ("server", "001", "bot :Welcome", "irc.test"),
        ("server", "PING", ":x", None),
    ]


def test_unprintable_bytes_are_escaped() -> None:
    (record,) = play(Irc(Context(), inside), (CLIENT, b"PRIVMSG bob :\x01DCC SEND a 1 2\x01\r\n"))

    assert record["params"] == "bob :\\x01DCC SEND a 1 2\\x01"


def test_a_message_that_was_cut_is_kept() -> None:
    (record,) = play(Irc(Context(), inside), (CLIENT, b"JOIN #chan"))

    assert (record["command"], record["params"]) == ("JOIN", "#chan")


def test_what_follows_starttls_is_read_by_another_parser() -> None:
    records = play(
        Irc(Context(), inside),
        (CLIENT, b"STARTTLS\r\n"),
        (SERVER, b":irc.test 670 bot :go ahead\r\n"),
        (CLIENT, b"GET / HTTP/1.1\r\n\r\n"),
    )

    assert len(only(records, "http")) == 1


def test_messages_are_bounded() -> None:
    records = play(Irc(Context(), inside), (CLIENT, b"PING x\n" * (MAXIMUM_MESSAGES + 3)))

    assert len(records) == MAXIMUM_MESSAGES + 1
    assert records[-1] == {"protocol": "irc", "type": "truncated", "messages": 3}


def test_irc_is_known_by_either_side() -> None:
    assert isinstance(detect(LOGIN, b"", (1, 2)), Irc)
    assert isinstance(detect(b"", b":irc.test NOTICE AUTH :*** hi\r\n", (1, 2)), Irc)
    assert isinstance(detect(b"PRIVMSG bob :hi\r\n", b"", (1, 2)), Irc)
    assert detect(b"PASS l0m3za\r\n", b"", (1, 2)) is None


@settings(max_examples=100)
@given(damaged(LOGIN, WELCOME, b":a 670 b\r\n"), st.integers(1, 20))
def test_any_bytes_in_any_pieces_give_the_same_records(segments: list[Segment], size: int) -> None:
    whole = play(Irc(Context(), inside), *segments)

    assert play(Irc(Context(), inside), *in_pieces(segments, size)) == whole
