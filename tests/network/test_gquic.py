import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context
from lib.cuckoo.network.gquic import Gquic, is_gquic, server_name
from tests.network.conversations import play
from tests.network.wire import GUEST, ethernet, ipv4, pcap, sections, udp
from tests.network.wire import SERVER as HOST


def hello(*pairs: tuple[bytes, bytes]) -> bytes:
    table, values = b"", b""
    for tag, value in pairs:
        values += value
        table += tag + struct.pack("<I", len(values))
    return b"CHLO" + struct.pack("<HH", len(pairs), 0) + table + values


NAMED = hello((b"PAD\0", b"-" * 50), (b"SNI\0", b"evil.test"), (b"VER\0", b"Q046"))
FRAME = bytes(12) + b"\xa0\x01\x04\0"
NEW = b"\xc3Q046\x50" + bytes(8) + b"\0\0\0\1" + FRAME + NAMED
OLD = b"\x0d" + bytes(8) + b"Q025\1" + FRAME + NAMED


@pytest.mark.parametrize(("datagram", "version"), [(NEW, "gQUIC Q046"), (OLD, "gQUIC Q025")])
def test_version_and_name_are_read(datagram: bytes, version: str) -> None:
    (record,) = play(Gquic(Context()), (CLIENT, datagram), (SERVER, b"\x43" + bytes(40)))

    assert (record["protocol"], record["version"], record["sni"]) == ("quic", version, "evil.test")
    assert (record["ja3"], record["alpn"], record["cipher"]) == (None, [], None)


def test_the_name_may_come_in_a_later_datagram_or_never() -> None:
    (late,) = play(Gquic(Context()), (CLIENT, NEW[:20]), (CLIENT, NEW))
    (never,) = play(Gquic(Context()), (CLIENT, NEW[:20]))

    assert (late["sni"], never["sni"]) == ("evil.test", None)


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (b"", None),
        (bytes(100) + NAMED, None),
        (hello((b"PAD\0", b"x")), ""),
        (NAMED[:20], ""),
        (NAMED[:-13], ""),
        (hello((b"SNI\0", b"\xff\0")), "\\xff\\x00"),
        (b"CHLO\xff\xff\0\0" + b"SNI\0\xff\xff\xff\xff", ""),
    ],
)
def test_a_hello_has_a_name_or_none(payload: bytes, name: str | None) -> None:
    assert server_name(payload) == name


def test_it_is_found_on_any_port() -> None:
    found = sections(pcap([ethernet(ipv4(udp(50000, 4433, NEW), 17))]))

    assert [(each["src"], each["dst"], each["sni"]) for each in found["quic"]] == [(GUEST, HOST, "evil.test")]
    assert found["udp"][0]["protocol"] == "quic"


@pytest.mark.parametrize("payload", [b"", b"\xc3Q999" + bytes(40), b"\x01" + bytes(8) + b"Q046", b"Q046Q046"])
def test_other_datagrams_are_none_of_it(payload: bytes) -> None:
    assert not is_gquic(payload)


@given(st.binary(max_size=80), st.integers(0, 60))
def test_any_datagrams_give_a_record_or_none(payload: bytes, size: int) -> None:
    assert len(play(Gquic(Context()), (CLIENT, NEW[:size] + payload), (SERVER, payload))) <= 1
