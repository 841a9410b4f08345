"""Messages of the Internet and of Outlook."""

import struct
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.eml import describe_eml
from lib.cuckoo.files.outlook import describe_msg
from tests.files.compoundwriter import compound
from tests.files.reading import cuts, read, survives

PIECES = [
    "From: a", "Subject: =?utf-8?b?w6k=?=", "Content-Type: multipart/mixed; boundary=b", "", "--b", "--b--", "text",
    "Content-Disposition: attachment; filename*0*=utf-8''a%00; filename*1=b", "Content-Transfer-Encoding: base64",
    'Content-Type: text/plain; charset="\\x00"', "Content-Type: message/rfc822", "YWJj",
]  # fmt: skip


def message() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Me <me@x.example>", "you@x.example", "Rëchnung"
    mail["Message-ID"], mail["Date"] = "<1@x.example>", "Sat, 31 Jan 2026 13:21:44 +0000"
    mail.set_content("see http://evil.example/a\n")
    mail.add_alternative("<a href='http://evil.example/b'>é</a>", subtype="html")
    mail.add_attachment(b"MZ" + bytes(60), maintype="application", subtype="pdf", filename="rëchnung.pdf")
    return mail.as_bytes()


def outlook() -> bytes:
    def wide(text: str) -> bytes:
        return text.encode("utf-16-le")

    sent = bytes.fromhex("40003900") + struct.pack("<IQ", 0, 132_500_000_000_000_000)
    return compound(
        {
            "__properties_version1.0": bytes(32) + sent,
            "__substg1.0_0037001F": wide("Invoice"),
            "__substg1.0_0C1A001F": wide("Me"),
            "__substg1.0_0C1F001E": b"me@x.example",
            "__substg1.0_1000001F": wide("see http://evil.example/a"),
            "__substg1.0_007D001F": wide("Received: one\r\n two\r\nDate: today\r\n"),
            "__recip_version1.0_#00000000": {"__substg1.0_3003001F": wide("you@x.example")},
            "__attach_version1.0_#00000000": {
                "__substg1.0_37010102": b"MZ" + bytes(60),
                "__substg1.0_3707001F": wide("invoice.exe"),
            },
        }
    )


def attachments(found: Any) -> list[tuple[str, int, str]]:
    return [(each["name"], each["size"], each["kind"]) for each in found["attachments"]]


def test_a_message_with_texts_and_an_attachment() -> None:
    found = read(describe_eml, message())

    assert (found["subject"], found["sender"]) == ("Rëchnung", "Me <me@x.example>")
    assert (found["recipients"], found["message_id"]) == (["you@x.example"], "<1@x.example>")
    assert found["body"] == "see http://evil.example/a\n"
    assert found["urls"] == ["http://evil.example/a", "http://evil.example/b"]
    assert attachments(found) == [("rëchnung.pdf", 62, "dos")]


def test_a_message_without_parts_is_its_body() -> None:
    found = read(describe_eml, b"From: a\nSubject: b\n\nhello")

    assert (found["body"], found["attachments"]) == ("hello", [])


def test_parts_nested_without_end_are_told() -> None:
    text = b"From: a\n"
    for depth in range(500):
        text += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (depth, depth)

    found = read(describe_eml, text)

    assert found["anomalies"] == ["no parts are read of a multipart/mixed"]


def test_more_data_than_allowed_is_noted() -> None:
    budget = Budget(unpacked=7000)
    part = b"--b\nContent-Disposition: attachment\n\n" + b"x" * 3000 + b"\n"

    found = read(describe_eml, b"From: a\nContent-Type: multipart/mixed; boundary=b\n\n" + part * 3, budget)

    assert [each["size"] for each in found["attachments"]] == [3000, 3000]
    assert budget.notes == ["mail: the file unpacks to more than the option unpacked allows"]


def test_broken_base64_is_read_as_far_as_it_goes() -> None:
    head = b"From: a\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\n"

    assert read(describe_eml, head + b"YW!Jj\nZ")["attachments"][0]["size"] == 3


def test_data_without_header_is_refused() -> None:
    with pytest.raises(CuckooProcessingError, match="no header"):
        read(describe_eml, b"\n\nhello")


def test_a_message_cut_or_damaged_anywhere_is_survived() -> None:
    for data in cuts(message(), 100):
        survives(describe_eml, data)


@pytest.mark.parametrize(
    "trap", [b"a;", b'"', b"=?utf-8?q?", b"--b\n", b"Content-Type: a; ", b"(", b"\n ", b"\r"]
)
def test_a_trap_repeated_without_end_is_survived(trap: bytes) -> None:
    survives(describe_eml, b"Content-Type: multipart/mixed; boundary=b\nFrom: a\n\n" + trap * 30_000)
    survives(describe_eml, b"From: a\nContent-Type: " + trap * 30_000)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=10), max_size=30))
def test_any_message_is_survived(lines: list[str]) -> None:
    survives(describe_eml, "\n".join(lines).encode("utf-8", "replace"))


def test_a_message_of_outlook() -> None:
    found = read(describe_msg, outlook())

    assert (found["subject"], found["sender"]) == ("Invoice", "Me <me@x.example>")
    assert (found["recipients"], found["date"]) == (["you@x.example"], "2020-11-16 11:33:20")
    assert found["headers"] == [{"name": "Received", "value": "one two"}, {"name": "Date", "value": "today"}]
    assert found["urls"] == ["http://evil.example/a"]
    assert attachments(found) == [("invoice.exe", 62, "dos")]


def test_a_message_of_outlook_cut_or_damaged_anywhere_is_survived() -> None:
    for data in cuts(outlook(), 150):
        survives(describe_msg, data)
