import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network import dns
from lib.cuckoo.network.conversation import Context, Pool
from lib.cuckoo.network.dns import (
    DnsOverTcp,
    Malformed,
    begins_with_dns,
    looks_like_dns,
    message,
    netbios_name,
)
from tests.network.wire import name, query, resource, response

POINTER = b"\xc0\x0c"
"""To the name of the question."""


def answer(kind: int, content: bytes) -> tuple[str, str]:
    found = message(response("example.com", [resource(POINTER, kind, content)]))[1]
    assert found.whole
    assert [each.name for each in found.answers] == ["example.com"]
    return found.answers[0].type, found.answers[0].data


RECORDS = [
    (1, bytes([192, 0, 2, 1]), ("A", "192.0.2.1")),
    (28, bytes.fromhex("20010db8000000000000000000000001"), ("AAAA", "2001:db8::1")),
    (5, name("alias.example"), ("CNAME", "alias.example")),
    (2, b"\x03ns1" + POINTER, ("NS", "ns1.example.com")),
    (12, name("host.example"), ("PTR", "host.example")),
    (15, b"\0\x0a" + name("mx.example"), ("MX", "mx.example")),
    (
        6,
        name("ns.example") + name("root.example") + struct.pack(">5I", 1, 2, 3, 4, 5),
        ("SOA", "ns.example root.example 1 2 3 4 5"),
    ),
    (33, b"\0\1\0\2\x14\x66" + name("srv.example"), ("SRV", "1 2 5222 srv.example")),
    (16, b"\x05hello\x05world", ("TXT", "hello world")),
    (16, b"\x03\xff\0\x41", ("TXT", "\\255\\000A")),
    (257, b"\0\x05issueca.example", ("CAA", '0 issue "ca.example"')),
    (43, b"\x12\x34\x08\x02\xab\xcd", ("DS", "4660 8 2 abcd")),
    (48, b"\x01\x01\x03\x08\xab\xcd", ("DNSKEY", "257 3 8 abcd")),
    (
        65,
        b"\0\x01\0\0\1\0\x06\x02h2\x02h3\0\3\0\2\x01\xbb\0\4\0\4\xc0\0\2\1\0\5\0\1\xff",
        ("HTTPS", "1 . alpn=h2,h3 port=443 ipv4hint=192.0.2.1 ech=ff"),
    ),
    (64, b"\0\0" + name("svc.example"), ("SVCB", "0 svc.example")),
    (
        64,
        b"\0\1\0" + b"\0\6\0\x10" + bytes(15) + b"\1" + b"\x12\x34\0\0",
        ("SVCB", "1 . ipv6hint=::1 key4660"),
    ),
    (
        65,
        b"\0\1\0" + b"\0\0\0\4\0\1\0\x63" + b"\0\7\0\x10/dns-query{?dns}",
        ("HTTPS", "1 . mandatory=alpn,key99 dohpath=/dns-query{?dns}"),
    ),
    (65, b"\0\1\0" + b"\0\0\0\1\1", ("HTTPS", "1 . mandatory=01")),
    (65280, b"\xde\xad", ("TYPE65280", "dead")),
    (1, b"\x01\x02", ("A", "0102")),
    (28, b"\x01\x02", ("AAAA", "0102")),
    (15, b"\0", ("MX", "00")),
]


@pytest.mark.parametrize(("kind", "content", "expected"), RECORDS)
def test_the_data_of_a_record_is_given_as_in_a_zone_file(
    kind: int, content: bytes, expected: tuple[str, str]
) -> None:
    assert answer(kind, content) == expected


def test_a_question_is_read() -> None:
    identification, found = message(query("Example.COM", 28, 0xABCD))

    assert identification == 0xABCD
    assert found.questions == (("Example.COM", "AAAA"),)
    assert (found.response, found.rcode, found.whole) == (False, "NOERROR", True)


@pytest.mark.parametrize(
    ("flags", "rcode", "truncated"),
    [(0x8183, "NXDOMAIN", False), (0x8382, "SERVFAIL", True), (0x818F, "15", False)],
)
def test_the_outcome_of_a_response_is_named(flags: int, rcode: str, truncated: bool) -> None:
    found = message(response("example.com", [], flags=flags))[1]

    assert (found.response, found.rcode, found.truncated) == (True, rcode, truncated)


OPT_BADVERS = b"\0\0\x29\x10\0\1\0\0\0\0\0"
"""An OPT record whose extended return code is 16."""


def with_additional(records: bytes, count: int, rcode: int = 0) -> bytes:
    content = response("example.com", [resource(POINTER, 1, bytes(4))], flags=0x8180 | rcode)
    return content[:10] + count.to_bytes(2, "big") + content[12:] + records


@pytest.mark.parametrize(
    ("content", "rcode"),
    [
        (with_additional(OPT_BADVERS, 1), "BADVERS"),
        (with_additional(resource(POINTER, 1, bytes(4)) + OPT_BADVERS, 2, rcode=7), "BADCOOKIE"),
        (with_additional(OPT_BADVERS, 0), "NOERROR"),
        (with_additional(resource(POINTER, 16, b"\x0b" + OPT_BADVERS), 1), "NOERROR"),
        (with_additional(OPT_BADVERS[:6], 1), "NOERROR"),
        (with_additional(b"\xff" + OPT_BADVERS, 1), "NOERROR"),
    ],
)
def test_a_return_code_may_go_on_in_an_opt_record(content: bytes, rcode: str) -> None:
    found = message(content)[1]

    assert (found.rcode, found.whole, len(found.answers)) == (rcode, True, 1)


@pytest.mark.parametrize(
    "owner",
    [
        b"\xc0\x0c",  # to itself
        b"\xc0\x0e\xc0\x0c",  # to each other
        b"\x01a\xc0\x0c",  # a label more each time round
        b"\x40a\0",  # a kind of label that does not exist
        b"\x3f" + b"a" * 63 + b"\xc0\x0c",
        b"\xff\xff",
    ],
)
def test_names_that_do_not_end_make_a_message_that_is_not_whole(owner: bytes) -> None:
    found = message(struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + owner + b"\0\1\0\1")[1]

    assert found.questions == ()
    assert not found.whole


def test_what_precedes_damage_is_kept() -> None:
    content = response("example.com", [resource(POINTER, 1, bytes(4)), resource(POINTER, 1, bytes(4))])

    found = message(content[:-3])[1]

    assert (len(found.questions), len(found.answers), found.whole) == (1, 1, False)


def test_a_message_shorter_than_a_header_is_malformed() -> None:
    with pytest.raises(Malformed):
        message(bytes(11))


def test_labels_that_are_no_text_are_escaped() -> None:
    content = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + b"\x04\xff\x00 a\x07example\0\0\1\0\1"

    assert message(content)[1].questions == (("\\255\\000\\032a.example", "A"),)


def test_labels_of_utf8_are_text() -> None:
    assert message(query("bücher.example"))[1].questions == (("bücher.example", "A"),)


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        ("FHEPFCELEHFCEPFFFACACACACACACABN", "WORKGROUP<1d>"),
        ("CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "*<00>"),
        ("FHEPFCELEHFCEPFFFACACACACACACABN.scope.example", "WORKGROUP<1d>"),
        ("not-encoded.example", "not-encoded.example"),
        ("ZZEPFCELEHFCEPFFFACACACACACACABN", "ZZEPFCELEHFCEPFFFACACACACACACABN"),
    ],
)
def test_netbios_names_are_decoded(encoded: str, decoded: str) -> None:
    assert netbios_name(encoded) == decoded


NETBIOS_NAMES = b"\2" + b"PC".ljust(15) + b"\0\4\0" + b"WORKGROUP".ljust(15) + b"\x1e\x84\0" + bytes(46)


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (32, b"\0\0\x0a\0\0\x09", ("NB", "10.0.0.9")),
        (32, b"\xe0\0\x0a\0\0\x09\x60\0\x0a\0\0\x0a", ("NB", "10.0.0.9 10.0.0.10")),
        (32, b"\0\0\x0a\0\0", ("NB", "00000a0000")),
        (33, NETBIOS_NAMES, ("NBSTAT", "PC<00> WORKGROUP<1e>")),
        (33, NETBIOS_NAMES[:30], ("NBSTAT", NETBIOS_NAMES[:30].hex())),
        (33, b"", ("NBSTAT", "")),
        (1, bytes(4), ("A", "00000000")),
    ],
)
def test_netbios_has_types_of_its_own(kind: int, content: bytes, expected: tuple[str, str]) -> None:
    owner = name("FHEPFCELEHFCEPFFFACACACACACACABN")

    found = message(response("x", [resource(owner, kind, content)]), netbios=True)[1]

    assert [(each.name, each.type, each.data) for each in found.answers] == [("WORKGROUP<1d>", *expected)]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (query("example.com"), True),
        (response("example.com", [resource(POINTER, 1, bytes(4))]), True),
        (b"", False),
        (bytes(40), False),
        (b"\xff" * 40, False),
        (query("example.com", kind=4000), False),
        (query("\x01\xff.com"), False),
        (query("example.com", flags=0x7800), False),
        (query("example.com")[:-5], False),
    ],
)
def test_a_message_on_unusual_ports_is_known_by_its_looks(payload: bytes, expected: bool) -> None:
    assert looks_like_dns(payload) is expected


def framed(content: bytes) -> bytes:
    return len(content).to_bytes(2, "big") + content


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_messages_over_tcp_are_read_however_they_are_cut(step: int) -> None:
    conversation = DnsOverTcp(Context())
    stream = framed(query("one.example")) + framed(query("two.example")) + framed(bytes(40))[:20]
    for start in range(0, len(stream), step):
        conversation.data(0, stream[start : start + step], 5.0)
    conversation.close()

    assert [message(record["message"])[1].questions[0][0] for record in conversation.records] == [
        "one.example",
        "two.example",
    ]
    assert {record["side"] for record in conversation.records} == {0}


def test_behind_a_gap_a_side_is_not_read() -> None:
    conversation = DnsOverTcp(Context())
    conversation.gap(0, 5)
    conversation.data(0, framed(query("lost.example")), 0.0)
    conversation.data(1, framed(query("kept.example")), 0.0)

    assert [record["side"] for record in conversation.records] == [1]


def test_a_stream_that_begins_with_dns_is_known_by_its_first_message() -> None:
    message = framed(query("example.com"))

    assert begins_with_dns(message)
    assert begins_with_dns(message + b"\0\x20rest")
    assert not begins_with_dns(message[:-1])
    assert not begins_with_dns(b"GET / HTTP/1.1\r\nHost: x")
    assert not begins_with_dns(b"")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_malformed(payload: bytes) -> None:
    looks_like_dns(payload)
    try:
        _, found = message(payload)
    except Malformed:
        assert len(payload) < 12
        return
    assert all(len(text) <= 4 * 256 for text, _ in found.questions)


@given(st.binary(max_size=80), st.integers(0, 60), st.integers(0, 255))
def test_a_damaged_response_is_still_a_message(rest: bytes, place: int, byte: int) -> None:
    content = bytearray(response("example.com", [resource(POINTER, 65, b"\0\x01\0" + rest)]))
    content[12 + place % (len(content) - 12)] = byte

    message(bytes(content))


def test_a_message_over_tcp_that_finds_no_room_ends_the_reading_of_its_side() -> None:
    context = Context(held=Pool(100))
    first, second = DnsOverTcp(context), DnsOverTcp(context)
    first.data(0, framed(bytes(90))[:80], 0.0)
    second.data(0, framed(bytes(90))[:80], 0.0)
    second.data(0, framed(query("lost.example")), 0.0)
    first.data(0, bytes(12), 0.0)
    first.close()
    second.close()

    assert [len(each.records) for each in (first, second)] == [1, 0]
    assert (context.held.free, context.held.refused) == (100, 1)


def test_names_that_share_labels_are_read_within_bounds() -> None:
    owner = name(".".join("ab"[place % 2] for place in range(120)))
    pointers = [(0xC000 | 12 + 2 * place).to_bytes(2, "big") for place in range(119)]
    records = [resource(pointer, 5, pointer) for pointer in pointers * 4]
    content = struct.pack(">6H", 7, 0x8180, 1, len(records), 0, 0) + owner + struct.pack(">HH", 1, 1)
    _, found = message(content + b"".join(records))

    assert found.whole
    assert len({id(answer.name) for answer in found.answers}) == 119


def test_names_of_too_many_labels_are_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns, "MOST_STEPS", 20)
    long = name(".".join("abcdefghij"))
    records = [resource(long, 16, b"\x01x")] * 5
    _, found = message(response("labels.example", records))

    assert (found.whole, len(found.answers)) == (False, 2)
