import hashlib
import os
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.cuckoo.common import digests
from lib.cuckoo.common.digests import Digests, digest


def digested(folder: Path, data: bytes, *, fuzzy: bool = True) -> Digests:
    (folder / "data").write_bytes(data)
    with (folder / "data").open("rb") as stream:
        return digest(stream, fuzzy=fuzzy)


def test_no_data_has_digests_too(tmp_path: Path) -> None:
    empty = digested(tmp_path, b"")

    assert (empty.size, empty.crc32, empty.ssdeep, empty.tlsh) == (0, "00000000", "3::", None)
    assert empty.sha256 == hashlib.sha256().hexdigest()


def test_fuzzy_hashes_stop_at_their_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(5000)
    unlimited = digested(tmp_path, data)
    monkeypatch.setattr(digests, "SSDEEP_MAXIMUM_BYTES", 5000)
    monkeypatch.setattr(digests, "TLSH_MAXIMUM_BYTES", 5000)

    assert str(unlimited.tlsh).startswith("T1")
    assert digested(tmp_path, data) == unlimited
    above = digested(tmp_path, data + b"x")
    assert (above.ssdeep, above.tlsh) == (None, None)


def test_fuzzy_hashes_are_left_out_when_not_wanted(tmp_path: Path) -> None:
    plain = digested(tmp_path, os.urandom(5000), fuzzy=False)

    assert (plain.size, plain.ssdeep, plain.tlsh) == (5000, None, None)


def test_without_the_extra_there_are_no_fuzzy_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ppdeep", None)
    monkeypatch.setitem(sys.modules, "tlsh", None)

    plain = digested(tmp_path, os.urandom(5000))

    assert (plain.size, plain.ssdeep, plain.tlsh) == (5000, None, None)


@pytest.mark.parametrize("data", [b"x" * 49, b"\0" * 5000])
def test_data_too_short_or_too_even_has_no_tlsh(tmp_path: Path, data: bytes) -> None:
    assert digested(tmp_path, data).tlsh is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=300), st.integers(1, 64))
def test_buffers_do_not_matter(tmp_path: Path, data: bytes, buffer: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "BUFFER_BYTES", buffer)
        found = digested(tmp_path, data)

    assert found.size == len(data)
    assert found.crc32 == f"{zlib.crc32(data):08X}"
    assert found.sha512 == hashlib.sha512(data).hexdigest()
