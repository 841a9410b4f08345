from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context, Pool
from lib.cuckoo.network.smb import MESSAGE_LIMIT, Smb
from lib.cuckoo.network.smb1 import HEADER, Block
from lib.cuckoo.network.smb_activity import MAXIMUM_COMMANDS, MAXIMUM_ENTRIES
from tests.network.conversations import Segment, damaged, detect, in_pieces, play


def little(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


def smb2(
    command: int, body: bytes, number: int = 1, status: int = 0, tree: int = 0, following: int = 0
) -> bytes:
    head = b"\xfeSMB" + little(64, 2) + bytes(2) + little(status, 4) + little(command, 2) + bytes(6)
    return head + little(following, 4) + little(number, 8) + bytes(4) + little(tree, 4) + bytes(24) + body


def create(name: str, number: int, disposition: int = 1, options: int = 0, tree: int = 5) -> bytes:
    body = (
        bytes(36) + little(disposition, 4) + little(options, 4) + little(120, 2) + little(len(wide(name)), 2)
    )
    return smb2(5, body.ljust(56, b"\0") + wide(name), number, tree=tree)


def created(number: int, file: bytes, status: int = 0) -> bytes:
    return smb2(5, bytes(64) + file, number, status)


def set_info(kind: int, change: bytes, file: bytes, number: int) -> bytes:
    body = little(33, 2) + bytes((1, kind)) + little(len(change), 4) + little(96, 2) + bytes(6) + file
    return smb2(17, body + change, number, tree=5)


FILE = b"F" * 16
RENAME = bytes(16) + little(len(wide("b.txt")), 4) + wide("b.txt")
NEGOTIATE = smb2(0, little(36, 2) + little(2, 2) + bytes(32) + little(0x0210, 2) + little(0x0311, 2))
NEGOTIATED = smb2(0, little(65, 2) + bytes(2) + little(0x0311, 2))
NTLM = (
    b"NTLMSSP\0\x03\0\0\0"
    + bytes(16)
    + b"".join(little(size, 2) * 2 + little(at, 4) for size, at in ((6, 64), (8, 70), (4, 78)))
)
NTLM = NTLM.ljust(64, b"\0") + wide("DOManna") + wide("PC")
SESSION = smb2(1, bytes(12) + little(88, 2) + little(len(NTLM), 2) + bytes(8) + NTLM)
SHARE = r"\\srv\data"
TREE = smb2(3, little(9, 2) + bytes(2) + little(72, 2) + little(len(wide(SHARE)), 2) + wide(SHARE), 2)
CONNECTED = smb2(3, bytes(16), 2, tree=5)
OPENING = (
    (CLIENT, framed(NEGOTIATE)),
    (SERVER, framed(NEGOTIATED)),
    (CLIENT, framed(SESSION) + framed(TREE)),
    (SERVER, framed(CONNECTED)),
)


def smb(*segments: Segment) -> dict[str, Any]:
    (record,) = play(Smb(Context()), *segments)
    return record


def files(record: dict[str, Any], *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(entry[name] for name in fields) for entry in record["files"]]


def test_an_opening_gives_dialect_user_and_share() -> None:
    record = smb(*OPENING)

    assert (record["dialect"], record["dialects"]) == ("SMB 3.1.1", ["SMB 2.1", "SMB 3.1.1"])
    assert record["users"] == [{"user": "anna", "domain": "DOM", "workstation": "PC"}]
    assert record["trees"] == [{"path": SHARE, "status": 0, "time": 1.5}]
    assert record["commands"] == {"negotiate": 1, "session_setup": 1, "tree_connect": 1}
    assert (record["time"], record["flaws"], record["encrypted"]) == (1.5, [], 0)


def test_files_have_their_share_and_the_answer() -> None:
    record = smb(
        *OPENING,
        (
            CLIENT,
            framed(create("a.txt", 3)) + framed(create("no.txt", 4, 5)) + framed(create("x", 5, 1, 0x1000)),
        ),
        (
            SERVER,
            framed(created(3, FILE)) + framed(created(4, FILE, 0x103)) + framed(created(4, b"", 0xC0000034)),
        ),
    )

    assert files(record, "action", "name", "tree", "status") == [
        ("open", "a.txt", SHARE, 0),
        ("overwrite_or_create", "no.txt", SHARE, 0xC0000034),
        ("delete_on_close", "x", SHARE, None),
    ]


def test_renames_and_deletions_name_the_file_that_was_opened() -> None:
    record = smb(
        (CLIENT, framed(create("a.txt", 3))),
        (SERVER, framed(created(3, FILE))),
        (CLIENT, framed(set_info(10, RENAME, FILE, 4)) + framed(set_info(13, b"\1", FILE, 5))),
        (CLIENT, framed(set_info(13, b"\0", FILE, 6)) + framed(set_info(4, b"\1", FILE, 7))),
    )

    assert files(record, "action", "name")[1:] == [("rename", "a.txt"), ("delete", "a.txt")]
    assert record["files"][1]["new_name"] == "b.txt"


def test_messages_sent_as_one_are_taken_apart() -> None:
    first = create("a.txt", 3).ljust(136, b"\0")
    first = first[:20] + little(len(first), 4) + first[24:]
    record = smb((CLIENT, framed(first + set_info(13, b"\1", b"\xff" * 16, 4))))

    assert files(record, "action", "name") == [("open", "a.txt"), ("delete", "a.txt")]


def test_names_in_directories_are_listed() -> None:
    def entry(name: str, step: int) -> bytes:
        return (little(step, 4) + bytes(56) + little(len(wide(name)), 4)).ljust(104, b"\0") + wide(name)

    entries = entry("dir", 112).ljust(112, b"\0") + entry("..", 112).ljust(112, b"\0") + entry("f.txt", 0)
    answer = smb2(14, little(9, 2) + little(72, 2) + little(len(entries), 4) + entries, 3)
    record = smb((CLIENT, framed(smb2(14, little(33, 2) + b"\x25", 3))), (SERVER, framed(answer)))

    assert record["listed"] == ["dir", "f.txt"]


def test_encrypted_messages_are_counted() -> None:
    assert smb((CLIENT, framed(b"\xfdSMB" + bytes(60)) * 3))["encrypted"] == 3


def test_content_of_files_is_let_go() -> None:
    write = smb2(9, bytes(10 * MESSAGE_LIMIT), 9)
    record = smb((CLIENT, framed(write) + framed(create("a.txt", 3))))

    assert record["commands"] == {"write": 1, "create": 1}


def test_entries_are_bounded() -> None:
    record = smb((CLIENT, framed(create("a", 3)) * (MAXIMUM_ENTRIES + 2)))

    assert (len(record["files"]), record["dropped"]) == (MAXIMUM_ENTRIES, 2)


def smb1(
    command: int, words: bytes, content: bytes, *, answer: bool = False, tree: int = 0, unicode: bool = True
) -> bytes:
    flags = bytes((0x80 if answer else 0,)) + little(0x8000 if unicode else 0, 2)
    head = (
        b"\xffSMB"
        + bytes((command,))
        + bytes(4)
        + flags
        + bytes(12)
        + little(tree, 2)
        + bytes(4)
        + little(7, 2)
    )
    return head + bytes((len(words) // 2,)) + words + little(len(content), 2) + content


def andx(words: bytes) -> bytes:
    return b"\xff" + bytes(3) + words


OFFER = smb1(0x72, b"", b"\x02LANMAN1.0\0\x02NT LM 0.12\0")
CHOICE = smb1(0x72, little(1, 2) + bytes(30), b"", answer=True)
TREE1 = smb1(0x75, andx(little(0, 2) + little(1, 2)), b"\0" + wide(SHARE) + b"\0\0?????\0")
CREATE1 = smb1(0xA2, andx(bytes(31) + little(2, 4) + bytes(9)), b"\0" + wide("\\a.txt") + b"\0\0", tree=9)
LOGIN1 = smb1(
    0x73,
    andx(bytes(10) + little(2, 2) + little(2, 2) + bytes(8)),
    b"pwpw\0" + wide("anna") + b"\0\0" + wide("DOM") + b"\0\0",
)


def test_version_1_gives_the_same_record() -> None:
    record = smb(
        (CLIENT, framed(OFFER)),
        (SERVER, framed(CHOICE)),
        (CLIENT, framed(LOGIN1) + framed(TREE1)),
        (SERVER, framed(smb1(0x75, andx(b""), b"", answer=True, tree=9))),
        (CLIENT, framed(CREATE1)),
    )

    assert (record["dialect"], record["dialects"]) == ("NT LM 0.12", ["LANMAN1.0", "NT LM 0.12"])
    assert record["users"] == [{"user": "anna", "domain": "DOM", "workstation": ""}]
    assert [tree["path"] for tree in record["trees"]] == [SHARE]
    assert files(record, "action", "name", "tree") == [("create", "\\a.txt", SHARE)]


def test_paths_of_version_1_may_be_ascii() -> None:
    delete = smb1(0x06, bytes(2), b"\x04\\a.txt\0", unicode=False)
    rename = smb1(0x07, bytes(2), b"\x04\\a.txt\0\x04\\b.txt\0", unicode=False)
    record = smb((CLIENT, framed(delete) + framed(rename)))

    assert files(record, "action", "name") == [("delete", "\\a.txt"), ("rename", "\\a.txt")]
    assert record["files"][1]["new_name"] == "\\b.txt"


def test_smb_is_known_by_its_first_message() -> None:
    assert isinstance(detect(framed(NEGOTIATE), b"", (1, 2)), Smb)
    assert isinstance(detect(b"", framed(CHOICE), (1, 2)), Smb)
    assert isinstance(detect(b"\x81\0\0\x44" + bytes(68), b"", (1, 139)), Smb)


@settings(max_examples=200)
@given(
    damaged(
        *map(
            framed,
            (NEGOTIATE, NEGOTIATED, SESSION, TREE, CONNECTED, create("a", 3), OFFER, CHOICE, TREE1, LOGIN1),
        )
    ),
    st.integers(1, 40),
)
def test_any_bytes_in_any_pieces_give_the_same_records(segments: list[Segment], size: int) -> None:
    whole = play(Smb(Context()), *segments)

    assert play(Smb(Context()), *in_pieces(segments, size)) == whole


@given(
    st.binary(max_size=80),
    st.sampled_from(range(20)),
    st.sampled_from([0x06, 0x07, 0x25, 0x2D, 0x32, 0x72, 0x73, 0x75, 0xA2]),
)
def test_any_body_of_any_command_is_read(body: bytes, command2: int, command1: int) -> None:
    message2, message1 = smb2(command2, body), smb1(command1, body[:24], body[24:])
    records = play(
        Smb(Context()),
        (CLIENT, framed(message2) + framed(message1)),
        (SERVER, framed(message2) + framed(message1)),
    )

    assert len(records) == 1


@pytest.mark.parametrize("answer", [3, 5, 14, 17])
@pytest.mark.parametrize("question", [3, 5, 14, 17])
def test_an_answer_of_another_kind_than_its_question_is_read(question: int, answer: int) -> None:
    asked, answered = smb2(question, bytes(64), 9), smb2(answer, bytes(100), 9)

    assert smb((CLIENT, framed(asked)), (SERVER, framed(answered)))["commands"]


def test_what_an_open_connection_keeps_is_held() -> None:
    context = Context(held=Pool(20_000))
    conversation = Smb(context)
    for number in range(60):
        conversation.data(CLIENT, framed(create("n" * 100 + str(number), number)), 1.5)
    assert context.held.free < 1000
    conversation.close()

    (record,) = conversation.records
    assert 10 < len(record["files"]) < 60
    assert record["dropped"] == 60 - len(record["files"])
    assert context.held.free == 20_000


def test_commands_without_a_name_are_bounded() -> None:
    record = smb(*((CLIENT, framed(smb2(100 + number, b""))) for number in range(MAXIMUM_COMMANDS + 10)))

    assert len(record["commands"]) == MAXIMUM_COMMANDS + 1
    assert record["commands"]["other"] == 10


def test_wide_text_of_version_1_ends_at_two_zero_bytes_of_one_character() -> None:
    message = b"\xffSMB" + bytes(28)
    message = message[:10] + b"\0\x80" + message[12:]
    text = "a\u6200b\0rest".encode("utf-16-le")
    block = Block(message + b"\0" + little(len(text) + 1, 2) + b"\0" + text, HEADER)

    assert block.text(1) == ("a\u6200b", 1 + 8)
