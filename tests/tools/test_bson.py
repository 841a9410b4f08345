"""The BSON encoder against an independent decoder and against bytes of a real monitor."""

from pathlib import Path

import bson as reference
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.example.bson import Int64, Value, encode

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.one_of(st.none(), st.booleans(), INT64, st.floats(allow_nan=False), TEXTS, st.binary())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_what_is_encoded_is_decoded_to_the_same(document: dict[str, Value]) -> None:
    assert reference.decode(encode(document)) == document


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_the_bytes_are_those_of_another_encoder(document: dict[str, Value]) -> None:
    assert encode(document) == reference.encode(document)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (0, 4),
        ((1 << 31) - 1, 4),
        (-(1 << 31), 4),
        (1 << 31, 8),
        (-(1 << 31) - 1, 8),
        (Int64(0), 8),
    ],
)
def test_numbers_take_four_bytes_where_they_fit(value: int, size: int) -> None:
    assert len(encode({"n": value})) == len(encode({})) + len(b"\x10n\0") + size


def test_a_name_with_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        encode({"a\0b": 1})


def test_documents_of_a_real_monitor_are_encoded_to_their_own_bytes(shared_data: Path) -> None:
    capture = (shared_data / "analyses" / "cape-test_bson.bson").read_bytes()

    documents = [
        {name: wide(value) for name, value in document.items()} for document in reference.decode_iter(capture)
    ]

    assert b"".join(map(encode, documents)) == capture


def wide(value: Value) -> Value:
    """The decoder's own eight-byte numbers as ours."""
    if isinstance(value, list):
        return [wide(item) for item in value]
    return Int64(value) if isinstance(value, reference.Int64) else value
