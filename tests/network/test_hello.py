"""The vectors are those of the publications: the README of JA3, and the technical details of JA4.

That of JA3S is asserted for a public capture by the httpreplay project.
"""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network.hello import (
    ClientHello,
    ja3,
    ja3s,
    ja4,
    md5,
    parse_client_hello,
    parse_server_hello,
    parse_ssl2_client_hello,
    parse_ssl2_server_hello,
    version_name,
)
from tests.network.hellos import alpn, client_hello, number, numbers, server_hello, server_name, vector

JA4_CIPHERS = [0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014]
JA4_CIPHERS += [0x009C, 0x009D, 0x002F, 0x0035]
JA4_SIGNATURES = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]
EMPTY = [0x001B, 0x0033, 0x4469, 0x0017, 0x002D, 0x000B, 0x0005, 0x0023, 0x0012, 0xFF01, 0x000A, 0x0015]


def parsed(body: bytes) -> ClientHello:
    hello = parse_client_hello(body)
    assert hello is not None
    return hello


def chrome(*pairs: tuple[int, bytes]) -> ClientHello:
    versions = (43, vector(numbers([0x2A2A, 0x0304, 0x0303]), 1))
    signatures = (13, vector(numbers(JA4_SIGNATURES)))
    rest = [(kind, b"") for kind in EMPTY]
    return parsed(client_hello([0x3A3A, *JA4_CIPHERS], (0xFAFA, b""), *pairs, versions, signatures, *rest))


def test_ja3_agrees_with_its_publication() -> None:
    hello = parsed(
        client_hello(
            [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
            server_name(b"x"),
            (10, vector(numbers([23, 24, 25]))),
            (11, vector(b"\0", 1)),
            version=0x0301,
        )
    )

    assert ja3(hello) == "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"
    assert md5(ja3(hello)) == "ada70206e40642a3e4461f35503241d5"


def test_ja3_of_a_hello_without_extensions_agrees_with_its_publication() -> None:
    hello = parsed(client_hello([4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99], version=0x0301))

    assert ja3(hello) == "769,4-5-10-9-100-98-3-6-19-18-99,,,"
    assert md5(ja3(hello)) == "de350869b8c85de67a350c8d186f11e6"


def test_ja3_leaves_out_reserved_values() -> None:
    assert "2570" not in ja3(
        parsed(client_hello([0x0A0A, 47], (0x0A0A, b""), (10, vector(numbers([0x0A0A])))))
    )


def test_ja3s_agrees_with_a_public_vector() -> None:
    hello = parse_server_hello(server_hello(5, (0, b""), (65281, b"\0"), version=0x0301))
    assert hello is not None

    assert ja3s(hello) == "769,5,0-65281"
    assert md5(ja3s(hello)) == "d2e6f7ef558ea8036c7e21b163b2d1af"


def test_ja4_agrees_with_its_publication() -> None:
    hello = chrome(server_name(b"example.com"), alpn(b"h2", b"http/1.1"))

    assert ja4(hello) == "t13d1516h2_8daaf6152771_e5627efa2ab1"
    assert ja4(hello, "q").startswith("q13d1516h2_")


def test_ja4_says_when_neither_name_nor_protocol_is_given() -> None:
    assert ja4(chrome()) == "t13i151400_8daaf6152771_e5627efa2ab1"


def test_ja4_gives_protocols_that_are_not_text_in_hexadecimal() -> None:
    assert ja4(chrome(alpn(b"\xab\xcd"))).split("_")[0].endswith("ad")
    assert ja4(chrome(alpn(b"x"))).split("_")[0].endswith("xx")


def test_ja4_of_a_hello_without_extensions_and_ciphers_has_zeros() -> None:
    assert ja4(parsed(client_hello([]))) == "t12i000000_000000000000_000000000000"


def test_ja4_without_signature_algorithms_hashes_extensions_alone() -> None:
    hello = parsed(client_hello([47], (5, b""), version=0x0301))

    hashes = [hashlib.sha256(text).hexdigest()[:12] for text in (b"002f", b"0005")]
    assert ja4(hello) == "_".join(["t10i010100", *hashes])


def test_the_offer_of_a_client_is_read() -> None:
    hello = chrome(server_name(b"example.com"), alpn(b"h2", b"http/1.1"))

    assert hello.server_name == "example.com"
    assert hello.protocols == ["h2", "http/1.1"]
    assert hello.versions == [0x2A2A, 0x0304, 0x0303]


def test_the_choice_of_a_server_is_read() -> None:
    hello = parse_server_hello(server_hello(0x1301, (43, number(0x0304)), alpn(b"h2")))
    assert hello is not None

    assert (hello.chosen_version, hello.protocol, hello.cipher) == (0x0304, "h2", 0x1301)


def test_early_drafts_of_tls_1_3_have_a_shorter_hello() -> None:
    body = number(0x7F12) + bytes(32) + number(0x1301) + vector(b"")
    hello = parse_server_hello(body)
    assert hello is not None

    assert (hello.cipher, version_name(hello.chosen_version)) == (0x1301, "TLS 1.3 (draft 18)")


def test_hellos_of_ssl_2_are_read() -> None:
    client = b"\x01\x00\x02" + number(6) + number(0) + number(16) + b"\x01\x00\x80\x02\x00\x80" + bytes(16)
    hello = parse_ssl2_client_hello(client)
    assert hello is not None
    assert (hello.version, hello.ciphers) == (2, [0x010080, 0x020080])

    server = b"\x04\x00\x01\x00\x02" + number(3) + number(0) + number(0) + b"der"
    assert parse_ssl2_server_hello(server) == (2, b"der")


def test_short_hellos_are_none() -> None:
    assert parse_client_hello(client_hello([1, 2, 3])[:38]) is None
    assert parse_server_hello(server_hello(47)[:35]) is None


@given(st.binary(max_size=120))
def test_any_bytes_give_a_hello_or_none(body: bytes) -> None:
    hello = parse_client_hello(body) or parse_ssl2_client_hello(body)
    server = parse_server_hello(body)
    parse_ssl2_server_hello(body)

    if hello is not None:
        assert len(md5(ja3(hello))) == 32
        assert len(ja4(hello)) == 36
        assert isinstance(hello.server_name, str)
    if server is not None:
        assert ja3s(server).count(",") == 2
