import hashlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import Hold, Pool, digest_only, printable, weight


@pytest.mark.parametrize(
    ("data", "limit", "text"),
    [
        (b"plain\r\n\ttext", 99, "plain\r\n\ttext"),
        ("grün €".encode(), 99, "grün €"),
        (b"\x00\x1b[0m\x7f", 99, "\\x00\\x1b[0m\\x7f"),
        (b"\xff\xfe\x01abc\n", 99, "\\xff\\xfe\\x01abc\n"),
        ("€€".encode(), 5, "€"),
        (b"abc", 2, "ab"),
        (b"", 2, ""),
    ],
)
def test_bytes_become_readable_text(data: bytes, limit: int, text: str) -> None:
    assert printable(data, limit) == text


def test_a_pool_gives_what_it_has() -> None:
    pool = Pool(10)

    assert (pool.take(8), pool.take(3), pool.take(2)) == (True, False, True)
    pool.give(4)
    assert pool.take(4)


def test_a_hold_gives_back_what_it_does_not_need() -> None:
    pool = Pool(10)
    hold = Hold(pool)

    assert (hold.resize(8), hold.resize(11), hold.size, pool.free) == (True, False, 8, 2)
    assert hold.resize(3)
    assert pool.free == 7


def test_a_digest_describes_a_body() -> None:
    assert digest_only(b"x", "kind") == {
        "sha256": hashlib.sha256(b"x").hexdigest(),
        "size": 1,
        "type": "kind",
        "path": None,
    }


@given(st.binary(), st.integers(1, 50))
def test_any_bytes_become_text_that_can_be_stored(data: bytes, limit: int) -> None:
    text = printable(data, limit)

    assert text.encode().decode() == text
    assert not any(ord(letter) < 32 and letter not in "\t\r\n" for letter in text)


def test_weight_is_that_of_all_that_is_inside() -> None:
    flat = ["ab", "cd"]

    assert weight("ab") == sys.getsizeof("ab")
    assert weight(flat) == sys.getsizeof(flat) + 2 * sys.getsizeof("ab")
    assert weight({"a": [flat], "b": (flat, 1)}) > 2 * weight(flat)


def test_weight_knows_that_wide_text_takes_more() -> None:
    assert weight("\N{GRINNING FACE}" + "a" * 1000) > 4000


def test_refusals_of_a_pool_are_counted() -> None:
    pool = Pool(5)

    assert [Hold(pool).resize(3), Hold(pool).resize(3), pool.take(2)] == [True, False, True]
    assert pool.refused == 1
