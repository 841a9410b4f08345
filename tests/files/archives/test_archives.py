"""Every reader of archives: real files, odd names, bombs, damage."""

import binascii
import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.archives import records
from lib.cuckoo.files.archives.cab import describe_cab
from lib.cuckoo.files.archives.iso import describe_iso
from lib.cuckoo.files.archives.rar import describe_rar
from lib.cuckoo.files.archives.sevenzip import describe_7z
from lib.cuckoo.files.archives.tar import describe_packed, describe_tar
from lib.cuckoo.files.archives.ziplist import describe_zip
from lib.cuckoo.files.budget import Budget
from tests.files.reading import Reader, cuts, read, survives

EVIL = "../../evil.exe"


def zip_of(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 31, 13, 21, 44)), content, zipfile.ZIP_DEFLATED)
        archive.comment = b"hello"
    return stream.getvalue()


def tar_of(members: dict[str, bytes], kind: int = tarfile.GNU_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=kind) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), 1_769_865_704
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return stream.getvalue()


def cab_of(names: list[bytes]) -> bytes:
    files = b"".join(struct.pack("<IIHHHH", 5, 0, 0, 0x5C3F, 0x6AB6, 0x20) + name + b"\0" for name in names)
    start = 36 + 8
    head = struct.pack(
        "<4sIIIIIBBHHHHH", b"MSCF", 0, start + len(files), 0, start, 0, 3, 1, 1, len(names), 0, 0, 0
    )
    return head + struct.pack("<IHH", start + len(files), 0, 1) + files


def rar5_number(value: int) -> bytes:
    raw = bytearray()
    while True:
        raw.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(raw)


def rar5_block(*numbers: int, tail: bytes = b"", data: bytes = b"") -> bytes:
    body = b"".join(map(rar5_number, numbers)) + tail
    body = rar5_number(len(body)) + body
    return struct.pack("<I", binascii.crc32(body)) + body + data


def rar5_of(name: bytes, extra: bytes = b"") -> bytes:
    numbers = [2, 2 | bool(extra), *([len(extra)] if extra else []), 3, 2, 5, 0o644]
    tail = (
        struct.pack("<I", 1_769_865_704) + b"".join(map(rar5_number, (3 << 7, 1, len(name)))) + name + extra
    )
    file = rar5_block(*numbers, tail=tail, data=b"abc")
    return b"Rar!\x1a\x07\x01\0" + rar5_block(1, 0, 0) + file + rar5_block(5, 0, 0)


def seven_zip_number(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([0x80 | value >> 8, value & 0xFF])


def seven_zip_files(names: list[str]) -> bytes:
    text = b"\0" + b"".join(name.encode("utf-16-le") + b"\0\0" for name in names)
    times = b"\1\0" + struct.pack("<Q", 132_500_000_000_000_000) * len(names)
    part = b"\x05" + seven_zip_number(len(names))
    part += b"\x11" + seven_zip_number(len(text)) + text
    return part + b"\x14" + seven_zip_number(len(times)) + times + b"\0"


def seven_zip_streams(coder: bytes, packed: int, size: int, offset: int) -> bytes:
    pack = b"\x06" + seven_zip_number(offset) + b"\1\x09" + seven_zip_number(packed) + b"\0"
    return pack + b"\x07\x0b\1\0\1" + coder + b"\x0c" + seven_zip_number(size) + b"\0\0"


def seven_zip(header: bytes, content: bytes = b"") -> bytes:
    start = struct.pack("<QQI", len(content), len(header), binascii.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", binascii.crc32(start)) + start + content + header


def seven_zip_of(names: list[str], method: bytes = b"\x01\0") -> bytes:
    streams = b"\x04" + seven_zip_streams(method, 3, 3, 0)
    return seven_zip(b"\x01" + streams + seven_zip_files(names) + b"\0", b"abc")


LZMA = {"id": lzma.FILTER_LZMA1, "lc": 3, "lp": 0, "pb": 2, "dict_size": 1 << 16}


def seven_zip_packed(names: list[str]) -> bytes:
    header = b"\x01\x04" + seven_zip_streams(b"\x01\0", 3, 3, 0) + seven_zip_files(names) + b"\0"
    packed = lzma.compress(header, lzma.FORMAT_RAW, filters=[LZMA])
    coder = b"\x23\x03\x01\x01\5" + b"\x5d" + struct.pack("<I", 1 << 16)
    return seven_zip(b"\x17" + seven_zip_streams(coder, len(packed), len(header), 3), b"abc" + packed)


def iso_record(name: bytes, sector: int, size: int, flags: int = 0) -> bytes:
    record = (
        struct.pack("<I", sector)
        + struct.pack(">I", sector)
        + struct.pack("<I", size)
        + struct.pack(">I", size)
    )
    record += bytes([126, 1, 31, 13, 21, 44, 0, flags, 0, 0]) + bytes(4) + bytes([len(name)]) + name
    record += b"" if len(name) % 2 else b"\0"
    return bytes([len(record) + 2, 0]) + record


def iso_of(name: bytes, below: int = 19) -> bytes:
    root = iso_record(b"\0", 18, 2048, 2)
    volume = b"\1CD001\1\0" + bytes(32) + b"LABEL".ljust(32) + bytes(84) + root
    folder = root + iso_record(b"\1", 18, 2048, 2) + iso_record(b"SUB", below, 2048, 2)
    sub = iso_record(b"\0", 19, 2048, 2) + iso_record(b"\1", 18, 2048, 2) + iso_record(name, 20, 3)
    sectors = [b""] * 16 + [volume, b"\xffCD001\1", folder, sub, b"abc"]
    return b"".join(each.ljust(2048, b"\0") for each in sectors)


MAKERS: dict[str, tuple[Reader, Callable[[str], bytes]]] = {
    "zip": (describe_zip, lambda name: zip_of({name: b"abc"})),
    "tar": (describe_tar, lambda name: tar_of({name: b"abc"})),
    "pax": (describe_tar, lambda name: tar_of({name: b"abc"}, tarfile.PAX_FORMAT)),
    "cab": (describe_cab, lambda name: cab_of([name.encode()])),
    "rar5": (describe_rar, lambda name: rar5_of(name.encode())),
    "7z": (describe_7z, lambda name: seven_zip_of([name])),
    "packed 7z": (describe_7z, lambda name: seven_zip_packed([name])),
    "tar.gz": (describe_packed, lambda name: gzip.compress(tar_of({name: b"abc"}))),
    "tar.bz2": (describe_packed, lambda name: bz2.compress(tar_of({name: b"abc"}))),
    "tar.xz": (describe_packed, lambda name: lzma.compress(tar_of({name: b"abc"}))),
}
EVERY = pytest.mark.parametrize(("reader", "make"), MAKERS.values(), ids=MAKERS)


@pytest.mark.parametrize(
    ("name", "reader", "expected"),
    [
        ("cuckoo/pdf0.zip", describe_zip, [("files/pdf0.pdf", 680, "2017-03-20 00:08:14")]),
        ("cuckoo/pdf0.tgz", describe_packed, [("tests/files/pdf0.zip", 522, "2017-03-21 12:42:15")]),
        ("cuckoo/rar_plain.rar", describe_rar, [("bar.txt", 12, "2016-09-03 17:37:30")]),
        (
            "osslsigncode/unsigned.ex_",
            describe_cab,
            [
                ("tests\\sources\\a", 2, "2022-02-04 14:24:52"),
                ("tests\\sources\\b", 2, "2022-02-04 14:25:14"),
            ],
        ),
    ],
)
def test_real_archives(shared_data: Path, name: str, reader: Reader, expected: list[Any]) -> None:
    data = (shared_data / "binaries" / name).read_bytes()

    found = read(reader, data)

    assert [(each["name"], each["size"], each["modified"]) for each in found["members"]] == expected
    assert (found["encrypted"], found["volume"], found["anomalies"]) == (False, False, [])
    for cut in cuts(data):
        survives(reader, cut)


@EVERY
def test_a_name_that_leads_out_of_the_folder_is_told(reader: Reader, make: Callable[[str], bytes]) -> None:
    found = read(reader, make(EVIL))

    first = found["members"][0]
    assert (first["name"], first["warnings"]) == (EVIL, ["leads to a parent folder"])
    assert found["anomalies"] == ["a name is odd: leads to a parent folder"]
    if "size" in first and "packed" not in reader.__name__:
        assert first["size"] in {3, 5}


@EVERY
def test_an_archive_cut_or_damaged_anywhere_is_survived(reader: Reader, make: Callable[[str], bytes]) -> None:
    for data in cuts(make("a/b.txt"), 80):
        survives(reader, data)


@given(st.sampled_from(list(MAKERS)), st.data())
def test_any_damage_is_survived(maker: str, draw: st.DataObject) -> None:
    reader, make = MAKERS[maker]
    data = bytearray(make("a"))
    for _ in range(draw.draw(st.integers(1, 10))):
        data[draw.draw(st.integers(0, min(len(data), 700) - 1))] = draw.draw(st.integers(0, 255))
    survives(reader, bytes(data))


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("/etc/passwd", "absolute path"),
        ("C:\\a", "absolute path"),
        ("\\\\host\\a", "absolute path"),
        ("a\\..\\b", "leads to a parent folder"),
        ("a\rb", "control characters"),
        ("fdp.\u202eexe", "reversed text"),
    ],
)
def test_odd_names_are_told(name: str, warning: str) -> None:
    assert read(describe_tar, tar_of({name: b""}))["members"][0]["warnings"] == [warning]


def test_two_dots_within_a_name_are_nothing_odd() -> None:
    assert read(describe_zip, zip_of({"a..b": b""}))["members"][0]["warnings"] == []


def test_a_zip_with_a_comment_behind_other_data() -> None:
    found = read(describe_zip, b"MZ" * 50 + zip_of({"a": b"abc", "d/": b""}))

    assert found["comment"] == "hello"
    assert [(each["name"], each["directory"]) for each in found["members"]] == [("a", False), ("d/", True)]
    assert found["members"][0]["modified"] == "2026-01-31 13:21:44"
    assert found["anomalies"] == ["100 bytes stand before the archive"]


def test_a_zip_without_its_end_is_read_by_the_members_own_headers() -> None:
    whole = zip_of({"a": b"abc", "b": b"abc"})

    found = read(describe_zip, whole[: whole.index(b"PK\1\2")])

    assert [each["name"] for each in found["members"]] == ["a", "b"]
    assert found["anomalies"] == ["there is no directory: the members were found by their own headers"]


def test_an_encrypted_member_is_told() -> None:
    data = bytearray(zip_of({"a": b"abc"}))
    data[data.index(b"PK\1\2") + 8] |= 1

    assert read(describe_zip, bytes(data))["encrypted"]


def test_sizes_beyond_four_bytes_come_from_the_extra_field() -> None:
    data = bytearray(zip_of({"a": b"abc"}))
    at = data.index(b"PK\1\2")
    data[at + 24 : at + 28] = b"\xff" * 4
    data[at + 30] = 12
    data[at + 47 : at + 47] = struct.pack("<HHQ", 1, 8, 1 << 40)
    end = data.index(b"PK\5\6")
    data[end + 12] += 12

    found = read(describe_zip, bytes(data))

    assert found["size"] == 1 << 40
    assert found["anomalies"][0].startswith("unpacks to 1099511627776 bytes")


def test_members_that_share_their_data_are_told() -> None:
    whole = zip_of({"a": bytes(range(256)) * 4})
    entry = whole[whole.index(b"PK\1\2") : whole.index(b"PK\5\6")]
    start = whole.index(b"PK\1\2")
    data = (
        whole[:start] + entry * 50 + struct.pack("<4s4xHHIIH", b"PK\5\6", 50, 50, 50 * len(entry), start, 0)
    )

    anomalies = read(describe_zip, data)["anomalies"]

    assert anomalies[0].startswith("members claim ")
    assert anomalies[1] == "49 names occur more than once"


def test_more_members_than_are_kept_are_counted() -> None:
    budget = Budget(entries=2)

    found = read(describe_zip, zip_of({str(number): b"" for number in range(5)}), budget)

    assert (found["count"], len(found["members"])) == (5, 2)
    assert budget.notes == ["there are 5 members, 2 are listed"]


def test_members_without_end_are_not_even_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAXIMUM_MEMBERS", 3)

    found = read(describe_zip, zip_of({str(number): b"" for number in range(5)}))

    assert (found["count"], found["anomalies"][0]) == (3, "there are 3 members or more")


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_links_in_a_tar(kind: int) -> None:
    name = "d/" * 150 + "é"

    found = read(describe_tar, tar_of({name: b"abc"}, kind))

    assert [(each["name"], each["link"]) for each in found["members"]] == [
        (name, None),
        ("link", "/etc/passwd"),
    ]
    assert found["members"][0]["modified"] == "2026-01-31 13:21:44"


def test_a_packed_file_that_is_no_tar_is_its_one_member() -> None:
    stream = io.BytesIO()
    with gzip.GzipFile("a.txt", "wb", fileobj=stream, mtime=1_769_865_704) as file:
        file.write(b"abc")

    found = read(describe_packed, stream.getvalue())

    assert [(each["name"], each["size"], each["modified"]) for each in found["members"]] == [
        ("a.txt", 3, "2026-01-31 13:21:44")
    ]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_bomb_is_unpacked_as_far_as_allowed(pack: Callable[[bytes], bytes]) -> None:
    budget = Budget(unpacked=1 << 16)

    found = read(describe_packed, pack(bytes(1 << 24)), budget)

    assert found["size"] == (1 << 16) - 1
    assert found["anomalies"] == [
        "unpacks to more than the option unpacked allows: the list is of its beginning"
    ]


def test_rar_5_tells_what_is_encrypted() -> None:
    extra = rar5_block(1, 0)[4:]

    found = read(describe_rar, rar5_of(b"a", extra))
    assert (found["encrypted"], found["members"][0]["encrypted"]) == (True, True)
    assert found["members"][0]["modified"] == "2026-01-31 13:21:44"

    hidden = read(describe_rar, b"Rar!\x1a\x07\x01\0" + rar5_block(4, 0, 0, 0))
    assert (hidden["encrypted"], hidden["members"]) == (True, [])


def test_7z_tells_what_is_encrypted() -> None:
    aes = b"\x24\x06\xf1\x07\x01\1\0"

    found = read(describe_7z, seven_zip_of(["a"], aes))
    assert (found["members"][0]["encrypted"], found["members"][0]["method"]) == (True, "aes")
    assert found["members"][0]["modified"] is not None

    hidden = read(describe_7z, seven_zip(b"\x17" + seven_zip_streams(aes, 3, 3, 0), b"abc"))
    assert (hidden["encrypted"], hidden["members"]) == (True, [])


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"\x01\x05\xf0\xff\xff\xff\xff", "a list of 4294967295 items"),
        (
            b"\x17" + seven_zip_streams(b"\x23\x03\x01\x01\5\x5d\xff\xff\xff\xff", 3, 3, 0),
            "a dictionary of 4294967295",
        ),
        (b"\x17" + seven_zip_streams(b"\x23\x03\x01\x01\5\x5d\0\0\1\0", 3, 3, 0), "cannot be unpacked"),
        (b"\x09", "no known kind"),
    ],
)
def test_headers_that_claim_too_much_are_refused(header: bytes, message: str) -> None:
    try:
        found = read(describe_7z, seven_zip(header, b"abc"))
    except CuckooProcessingError as error:
        assert message in str(error)
    else:
        assert message in found["anomalies"][0]


def test_files_of_a_disc() -> None:
    found = read(describe_iso, iso_of(b"A.TXT;1"))

    assert found["comment"] == "LABEL"
    assert [(each["name"], each["size"], each["directory"]) for each in found["members"]] == [
        ("SUB", 2048, True),
        ("SUB/A.TXT", 3, False),
    ]
    assert found["members"][1]["modified"] == "2026-01-31 13:21:44"


def test_a_disc_whose_folder_is_its_own_child_ends() -> None:
    found = read(describe_iso, iso_of(b"A", below=18))

    assert [each["name"] for each in found["members"]] == ["SUB"]


def test_a_disc_cut_or_damaged_anywhere_is_survived() -> None:
    whole = iso_of(b"A.TXT;1")
    for at in range(16 * 2048, len(whole), 37):
        survives(describe_iso, whole[:at])
        survives(describe_iso, whole[:at] + b"\xff" + whole[at + 1 :])


@pytest.mark.parametrize("reader", [describe_cab, describe_rar, describe_7z, describe_iso, describe_packed])
def test_what_is_no_archive_is_refused(reader: Reader) -> None:
    with pytest.raises(CuckooProcessingError):
        read(reader, zlib.compress(b"abc"))
