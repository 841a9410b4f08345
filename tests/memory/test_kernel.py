"""Which kernel an image is of, from its bytes."""

import io
import struct
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.memory import kernel as subject
from lib.cuckoo.memory.kernel import Kernel, find_kernel
from tests.memory.images import WINDOWS, unpack

LINUX = b"Linux version 6.1.0-99-amd64 (builder@example) (gcc 12) #1 SMP Debian 6.1.1-1 (2026-01-01)"
DARWIN = b"Darwin Kernel Version 23.1.0: Mon Oct  9 21:27:24 PDT 2023; root:xnu-10002/RELEASE_X86_64"
GUID = uuid.UUID("06564d34-7782-2c7d-97f0-4852cbd5afd6")
WINDOWS_RECORD = b"RSDS" + GUID.bytes_le + struct.pack("<I", 26) + b"ntkrnlmp.pdb\0"


def found(data: bytes) -> Kernel | None:
    return find_kernel(io.BytesIO(data))


@pytest.mark.parametrize(
    ("record", "system", "identity"),
    [
        (LINUX + b"\n", "linux", LINUX.decode()),
        (DARWIN + b"\0", "mac", DARWIN.decode()),
        (WINDOWS_RECORD, "windows", "ntkrnlmp.pdb/06564D3477822C7D97F04852CBD5AFD6-1A"),
    ],
)
def test_a_kernel_is_named_wherever_its_record_lies(
    record: bytes, system: str, identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_CHUNK_BYTES", 4096)
    for offset in (0, 5000, 4096 - len(record) // 2, 8192):
        assert found(bytes(offset) + record + bytes(5000)) == Kernel(system, identity)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Linux version ",
        b"Linux version 6.1.0 says a log without the rest\n",
        b"RSDS" + bytes(20) + b"notepad.pdb\0",
        WINDOWS_RECORD[:-1],
        b"Darwin Kernel Version x",
    ],
)
def test_what_only_looks_like_a_record_is_none(data: bytes) -> None:
    assert found(data) is None


def test_the_first_record_counts() -> None:
    kernel = found(b"Linux version 6.1 (no banner)\n" + WINDOWS_RECORD + LINUX)

    assert kernel is not None
    assert kernel.system == "windows"


def test_the_words_say_what_is_wanted_and_where() -> None:
    assert Kernel("linux", LINUX.decode()).wanted("/s").startswith("put a symbol table made for exactly")
    assert "/s/linux/" in Kernel("linux", LINUX.decode()).wanted("/s")
    assert "/s/windows/ntkrnlmp.pdb/A-1.json.xz" in Kernel("windows", "ntkrnlmp.pdb/A-1").wanted("/s")


def test_the_kernel_of_the_synthetic_windows_image_is_that_of_its_symbols(
    shared_data: Path, tmp_path: Path
) -> None:
    image = unpack(shared_data / "memory" / WINDOWS, tmp_path / "image")
    with image.open("rb") as stream:
        kernel = find_kernel(stream)

    assert kernel == Kernel("windows", "ntkrnlmp.pdb/06564D3477822C7D97F04852CBD5AFD6-1")
    assert (shared_data / "memory" / "symbols" / "windows" / f"{kernel.identity}.json.xz").is_file()


@given(st.binary(max_size=2000), st.sampled_from([LINUX, DARWIN, WINDOWS_RECORD]), st.integers(0, 200))
def test_any_bytes_give_a_kernel_or_none(noise: bytes, record: bytes, cut: int) -> None:
    kernel = found(noise + record[: len(record) - cut] + noise)

    assert kernel is None or kernel.system in {"linux", "mac", "windows"}
