import base64
import binascii
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import digest_only
from lib.cuckoo.network.mime import (
    LONGEST_ENCODED,
    MAXIMUM_DEPTH,
    MAXIMUM_PARTS,
    Mail,
    decoded_header,
    read_mail,
)

MIXED = (
    b"From: a@test\r\nTo: b@test\r\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="=x"\r\n\r\npreamble\r\n'
    b"--=x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nhello=20you\r\n"
    b'--=x\r\nContent-Type: application/zip; name="a.zip"\r\nContent-Transfer-Encoding: base64\r\n'
    b'Content-Disposition: attachment; filename="invoice.zip"\r\n\r\nUEsDBA==\r\n--=x--\r\nepilogue\r\n'
)


def read(message: bytes) -> Mail:
    return read_mail(message, digest_only)


def test_headers_text_and_attachments_are_read() -> None:
    mail = read(MIXED)

    assert mail.header("subject") == "Grüße"
    assert mail.text == "hello you"
    assert mail.attachments == [
        {
            "sha256": hashlib.sha256(b"PK\x03\x04").hexdigest(),
            "size": 4,
            "type": "attachment",
            "path": None,
            "name": "invoice.zip",
            "content_type": "application/zip",
        }
    ]


def test_a_plain_message_has_its_text() -> None:
    assert read(b"Subject: x\n\nbody\n").text == "body\n"
    assert read(b"\r\nno headers").text == "no headers"


def test_a_message_that_ends_early_keeps_its_last_part() -> None:
    assert [part["size"] for part in read(MIXED[: MIXED.index(b"==\r\n--=x--")]).attachments] == [4]


def test_encoded_words_next_to_each_other_are_joined() -> None:
    assert decoded_header("=?utf-8?q?a_b?=\r\n =?iso-8859-1?Q?=E9?= c") == "a bé c"
    assert decoded_header("=?no-such?q?x?=") == "=?no-such?q?x?="


def test_names_in_parameters_are_decoded() -> None:
    head = b"Content-Type: application/x; name=other.exe\r\n"
    head += b"Content-Disposition: attachment; filename*=utf-8''%e2%82%ac.exe\r\n\r\nx"

    assert read(head).attachments[0]["name"] == "€.exe"


@pytest.mark.parametrize(
    ("charset", "letters", "text"),
    [
        ("iso-8859-1", b"Gr\xfc\xdfe", "Grüße"),
        ('"windows-1251"', b"\xcf\xf0\xe8", "При"),
        ("us-ascii", "Grüße".encode(), "Grüße"),
        ("x-unknown", b"a\xff", "a\\xff"),
        ("idna", b"a\xff", "a\\xff"),
        ("utf-16", b"\xff\xfea\0\0", "a\ufffd"),
    ],
)
def test_text_is_read_in_the_character_set_that_it_names(charset: str, letters: bytes, text: str) -> None:
    assert read(f"Content-Type: text/plain; charset={charset}\n\n".encode() + letters).text == text


@pytest.mark.parametrize("charset", ["idna", "undefined", "punycode", "unicode_escape", "rot13", "hex"])
def test_a_codec_that_is_no_character_set_leaves_a_word_as_it_is(charset: str) -> None:
    assert decoded_header(f"=?{charset}?Q?a=E9-b?=") == f"=?{charset}?Q?a=E9-b?="


@pytest.mark.parametrize("value", ["utf-7''%2b2AA-", "unicode_escape''%5cud800", "idna''x", "undefined''x"])
def test_a_parameter_that_no_character_set_gives_is_none(value: str) -> None:
    parts = f"Content-Type: multipart/mixed; boundary*={value}\n\n--x\n\ny\n"
    named = f"Content-Disposition: attachment; filename*={value}\n\nx"

    assert read(parts.encode()).attachments == []
    assert len(read(named.encode()).attachments) == 1


def test_encoded_words_in_names_are_decoded() -> None:
    head = b'Content-Disposition: attachment; filename="=?utf-8?B?4oKsLmV4ZQ==?="\r\n\r\nx'

    assert read(head).attachments[0]["name"] == "€.exe"


def test_uuencoded_parts_are_decoded() -> None:
    body = b"begin 644 a.bin\n" + binascii.b2a_uu(b"payload") + b"`\nend\n"
    head = b"Content-Type: application/x\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n"

    assert read(head + body).attachments[0]["sha256"] == hashlib.sha256(b"payload").hexdigest()


def test_messages_inside_messages_are_read() -> None:
    outer = b'Content-Type: multipart/mixed; boundary="o"\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n'

    assert [part["name"] for part in read(outer + MIXED + b"\r\n--o--\r\n").attachments] == ["invoice.zip"]


@pytest.mark.parametrize(
    ("levels", "found"), [(MAXIMUM_DEPTH - 1, 1), (MAXIMUM_DEPTH, 0), (MAXIMUM_DEPTH * 50, 0)]
)
def test_nesting_is_bounded(levels: int, found: int) -> None:
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level)
        for level in range(levels)
    )

    assert len(read(deep + MIXED).attachments) == found


def test_parts_are_bounded() -> None:
    wide = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * (MAXIMUM_PARTS + 5)

    assert read(wide).parts_dropped is True


def test_base64_with_junk_in_it_is_decoded() -> None:
    encoded = base64.b64encode(b"payload").replace(b"Q", b"-Q !\r\n") + b"\r\n"
    head = b"Content-Type: application/x\r\nContent-Transfer-Encoding: BASE64 \r\n\r\n"

    assert read(head + encoded).attachments[0]["size"] == 7


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40), st.sampled_from([MIXED, MIXED[:200], MIXED[100:], b'";', b"\r\n--=x\r\n"])
        )
    )
)
def test_any_bytes_give_a_mail(pieces: list[bytes]) -> None:
    assert isinstance(read(b"".join(pieces)), Mail)


@given(st.text(max_size=80))
def test_any_text_gives_a_header(text: str) -> None:
    assert isinstance(decoded_header("=?utf-8?b?" + text + "?= =?x?q?=?="), str)


@pytest.mark.parametrize(
    "word",
    [
        "=?idna?B?YWJj?=",
        "=?undefined?Q?abc?=",
        "=?punycode?Q?abc-?=",
        "=?unicode_escape?Q?=5Cud800?=",
        "=?no-charset?Q?abc?=",
        "=?utf-7?Q?+2AA-?=",
    ],
)
def test_words_of_what_is_no_charset_stay_as_they_are(word: str) -> None:
    assert decoded_header(word) == word


def test_charsets_are_known_by_all_their_names() -> None:
    assert decoded_header("=?windows-1251?B?z/Do4uXy?= =?KOI8-R?B?8NLJ18XU?=") == "ПриветПривет"


def test_parts_inside_parts_are_not_copied_with_all_that_is_around_them() -> None:
    message = b"Content-Type: text/plain\r\n\r\ninnermost"
    for level in range(MAXIMUM_DEPTH):
        message = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%s\r\n--b%d--\r\n" % (
            level, level, message, level
        )  # fmt: skip

    assert read(message).text == "innermost"


@pytest.mark.parametrize(("size", "found"), [(LONGEST_ENCODED // 2, ["a.bin"]), (LONGEST_ENCODED, [])])
def test_a_large_encoded_message_inside_another_is_read_as_it_was_sent(size: int, found: list[str]) -> None:
    inner = b"Content-Type: a/b; name=a.bin\r\n\r\n" + bytes(size)
    message = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(
        inner
    )

    assert [each["name"] for each in read(message).attachments] == found


def test_blank_lines_in_uuencoded_parts_stand_for_nothing() -> None:
    line = binascii.b2a_uu(b"hello")
    part = (
        b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n"
        + line
        + b"\r\n\r\n"
        + line
        + b"end\r\n"
    )

    assert read(part).text == "hellohello"
