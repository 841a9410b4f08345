"""Images are built here by Apple's headers; two real wheels for macOS, looked at by hand, are described alike."""

import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.macho import describe_macho
from tests.files.reading import read

Facts = dict[str, Any]


def describe(data: bytes, budget: Budget | None = None) -> Facts:
    return dict(read(describe_macho, data, budget))


def command(kind: int, content: bytes) -> bytes:
    content += bytes(-len(content) % 8)
    return struct.pack("<II", kind, 8 + len(content)) + content


def library(kind: int, name: bytes, version: int) -> bytes:
    return command(kind, struct.pack("<IIII", 24, 0, version, 0) + name + b"\0")


def segment(name: bytes, file_size: int, protection: int = 5) -> bytes:
    section = struct.pack("<16s16sQQ32x", b"__text", name, 0x1000, 64)
    head = struct.pack("<16sQQQQIIII", name, 0x100000000, 0x4000, 0, file_size, 7, protection, 1, 0)
    return command(0x19, head + section)


def signature(identifier: bytes, cms: bytes) -> bytes:
    directory = struct.pack(">6I", 0xFADE0C02, 24 + len(identifier) + 1, 0, 0, 0, 24) + identifier + b"\0"
    wrapper = struct.pack(">II", 0xFADE0B01, 8 + len(cms)) + cms
    index = struct.pack(">4I", 0, 28, 0x10000, 28 + len(directory))
    return (
        struct.pack(">III", 0xFADE0CC0, 28 + len(directory) + len(wrapper), 2) + index + directory + wrapper
    )


def image(*commands: bytes, claimed: int | None = None, tail: bytes = b"") -> bytes:
    body = b"".join(commands)
    head = struct.pack("<7I4x", 0xFEEDFACF, 0x0100000C, 0, 2, claimed or len(commands), len(body), 0x200085)
    return head + body + tail


def signed_program() -> bytes:
    commands = [
        segment(b"__TEXT", 128),
        library(0xC, b"/usr/lib/libSystem.B.dylib", 0x05410100),
        library(0x80000018, b"@rpath/weak.dylib", 0x00010000),
        command(0x8000001C, struct.pack("<I", 12) + b"@loader_path/lib\0"),
        command(0x1B, bytes(range(16))),
        command(0x80000028, struct.pack("<QQ", 0x3F50, 0)),
        command(0x32, struct.pack("<4I", 1, 0x000B0300, 0, 0)),
        command(0x2C, struct.pack("<4I", 0, 0, 1, 0)),
    ]
    blob = signature(b"com.example.program", b"certificate")
    at = 32 + sum(map(len, commands)) + 16
    return image(*commands, command(0x1D, struct.pack("<II", at, len(blob))), tail=blob)


def test_an_image_is_described_by_its_load_commands() -> None:
    described = describe(signed_program())

    assert described["universal"] is False
    (program,) = described["architectures"]
    segments = program.pop("segments")
    assert program == {
        "machine": "ARM64",
        "bits": 64,
        "endian": "little",
        "type": "EXECUTE",
        "flags": ["NOUNDEFS", "DYLDLINK", "TWOLEVEL", "PIE"],
        "offset": "0x0",
        "size": f"0x{len(signed_program()):x}",
        "commands": [
            "SEGMENT_64", "LOAD_DYLIB", "LOAD_WEAK_DYLIB", "RPATH", "UUID", "MAIN", "BUILD_VERSION",
            "ENCRYPTION_INFO_64", "CODE_SIGNATURE",
        ],
        "libraries": [
            {"name": "/usr/lib/libSystem.B.dylib", "version": "1345.1.0", "weak": False},
            {"name": "@rpath/weak.dylib", "version": "1.0.0", "weak": True},
        ],
        "run_path": ["@loader_path/lib"],
        "install_name": None,
        "uuid": "00010203-0405-0607-0809-0A0B0C0D0E0F",
        "entrypoint": "0x3f50",
        "platform": "macOS 11.3",
        "encrypted": True,
        "signed": True,
        "signature": {"identifier": "com.example.program", "cms": True},
        "anomalies": [],
    }  # fmt: skip
    assert segments[0] | {"entropy": None} == {
        "name": "__TEXT",
        "address": "0x100000000",
        "memory_size": "0x4000",
        "offset": "0x0",
        "file_size": "0x80",
        "protection": "RX",
        "entropy": None,
        "sections": [{"name": "__text", "segment": "__TEXT", "address": "0x1000", "size": "0x40"}],
    }


def test_each_image_of_a_universal_file_is_described() -> None:
    thin = image(segment(b"__TEXT", 32))
    fat = struct.pack(">II", 0xCAFEBABE, 2)
    fat += b"".join(struct.pack(">5I", 12, 0, 48 + number * len(thin), len(thin), 0) for number in range(2))

    described = describe(fat + thin + thin)

    assert described["universal"] is True
    assert [each["offset"] for each in described["architectures"]] == ["0x30", hex(48 + len(thin))]


@pytest.mark.parametrize(
    ("data", "anomaly"),
    [
        (image(segment(b"__TEXT", 1 << 40)), "the segment __TEXT ends behind the end of the image"),
        (image(segment(b"__TEXT", 8, protection=7)), "the segment __TEXT is writable and executable"),
        (
            image(segment(b"__TEXT", 8), claimed=0xFFFFFFFF),
            "the header counts 4294967295 load commands, 1 can be read",
        ),
        (image(command(0x19, b"")), "a segment is cut short"),
        (image(struct.pack("<II", 1, 0)), "the header counts 1 load commands, 0 can be read"),
    ],
)
def test_what_cannot_be_is_an_anomaly(data: bytes, anomaly: str) -> None:
    assert describe(data)["architectures"][0]["anomalies"] == [anomaly]


@pytest.mark.parametrize(
    "data", [b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe\0\0\0\x02", b"\xca\xfe\xba\xbe\0\0\0\x01" + bytes(20)]
)
def test_a_file_without_a_whole_header_is_refused(data: bytes) -> None:
    with pytest.raises(CuckooProcessingError, match="no image"):
        describe(data)


def test_load_commands_are_cut_at_the_option() -> None:
    budget = Budget(entries=1)

    assert describe(signed_program(), budget)["architectures"][0]["commands"] == ["SEGMENT_64"]
    assert budget.notes == ["there are more than 1 load commands"]


def test_a_file_cut_anywhere_is_described_or_refused() -> None:
    whole = signed_program()
    for end in range(len(whole)):
        with suppress(CuckooProcessingError):
            assert describe(whole[: max(end, 4)])["architectures"][0]["bits"] == 64


@given(
    st.sampled_from([b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa\xce", b"\xca\xfe\xba\xbe"]),
    st.binary(),
)
def test_any_bytes_are_described_or_refused(magic: bytes, rest: bytes) -> None:
    with suppress(CuckooProcessingError):
        describe(magic + rest)


@given(st.integers(4, 500), st.sampled_from([b"\xff\xff\xff\xff", bytes(4), b"\0\0\0\x80"]))
def test_any_changed_number_is_described_or_refused(place: int, number: bytes) -> None:
    whole = signed_program()
    with suppress(CuckooProcessingError):
        describe(whole[:place] + number + whole[place + 4 :])
