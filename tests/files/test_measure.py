import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.files import measure
from lib.cuckoo.files.measure import ALLOWANCE_BYTES, Parts, entropy


def test_entropy_of_real_files_is_what_another_tool_computed(shared_data: Path) -> None:
    for oracle in (shared_data / "binaries").glob("*/*.truth/oracle.json"):
        expected = json.loads(oracle.read_text())["entropy"]
        assert entropy(Path(str(oracle.parent).removesuffix(".truth")).read_bytes()) == pytest.approx(
            expected, abs=1e-4
        )


@pytest.mark.parametrize(
    ("data", "bits"), [(b"", 0.0), (b"a", 0.0), (b"ab", 1.0), (b"aaab", 0.8113), (bytes(range(256)), 8.0)]
)
def test_entropy_is_in_bits_per_byte(data: bytes, bits: float) -> None:
    assert entropy(data) == bits


@given(st.binary(max_size=300))
def test_the_compiled_count_and_the_plain_one_agree(data: bytes) -> None:
    assert sorted(filter(None, measure._counter()(data))) == sorted(measure._plain_counts(data))


def test_a_part_is_measured_as_far_as_the_file_holds_it() -> None:
    assert Parts(b"xxab").measure(2, 1 << 40) == (
        1.0,
        hashlib.md5(b"ab").hexdigest(),
        hashlib.sha256(b"ab").hexdigest(),
    )
    assert Parts(b"x").measure(5, 5) == (0.0, hashlib.md5(b"").hexdigest(), hashlib.sha256(b"").hexdigest())


def test_parts_that_overlap_too_often_are_refused_and_counted() -> None:
    data = bytes(ALLOWANCE_BYTES)
    parts = Parts(data)

    measured = [parts.measure(offset, len(data)) for offset in range(5)]

    assert [each is not None for each in measured] == [True, True, True, False, False]
    assert parts.refused == 2
    assert parts.measure(0, len(data)) is not None
