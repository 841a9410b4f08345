import gzip
import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network.body import MAXIMUM_CODINGS, Body, decode
from lib.cuckoo.network.conversation import Context, Pool


def body_of(context: Context, *pieces: bytes) -> Body:
    body = Body(context)
    for piece in pieces:
        body.write(piece)
    return body


def test_a_body_is_saved_as_it_was_sent() -> None:
    saved: list[tuple[bytes | bytearray, str]] = []

    def save(content: bytes | bytearray, kind: str, _digest: str = "", /) -> dict[str, str]:
        saved.append((content, kind))
        return {"path": "x"}

    assert body_of(Context(save=save), b"ab", b"cd").finish([], "kind") == ({"path": "x"}, b"abcd")
    assert saved == [(b"abcd", "kind")]


def test_bytes_behind_a_gap_are_counted_and_not_kept() -> None:
    body = body_of(Context(), b"ab")
    body.lose(5)
    body.write(b"cd")
    record, content = body.finish([], "kind")

    assert content == b"ab"
    assert (record["missing"], record["truncated"]) == (5, 2)


def test_what_all_bodies_hold_together_is_bounded() -> None:
    context = Context(held=Pool(10))
    first, second = body_of(context, b"x" * 8), body_of(context, b"y" * 8)

    assert second.finish([], "kind")[0]["received"] == {
        "size": 8,
        "sha256": hashlib.sha256(b"y" * 8).hexdigest(),
    }
    assert first.finish([], "kind")[1] == b"x" * 8
    assert context.held.free == 10


@pytest.mark.parametrize("limit", [0, 7, 8])
def test_a_body_is_kept_up_to_its_limit(limit: int) -> None:
    record, content = body_of(Context(body_limit=limit), b"1234", b"5678").finish([], "kind")

    assert content == b"12345678"[:limit]
    assert ("received" in record) is (limit < 8)


def test_members_of_gzip_are_joined_and_junk_behind_them_is_let_go() -> None:
    packed = gzip.compress(b"one") + gzip.compress(b"two") + b"\0\0"

    assert decode(packed, ["gzip"], Context()) == (b"onetwo", [], "")


def test_a_packed_body_that_was_cut_gives_its_beginning() -> None:
    packed = gzip.compress(bytes(range(256)) * 100)

    content, left, flaw = decode(packed[:-20], ["gzip"], Context())
    assert (content[:256], left, flaw) == (bytes(range(256)), [], "")


def test_zstd_is_unpacked_within_the_limit() -> None:
    zstandard = pytest.importorskip("zstandard")
    packed = zstandard.compress(b"hello") + zstandard.compress(bytes(4 << 20))

    content, left, flaw = decode(packed, ["zstd"], Context(body_limit=1 << 20))
    assert (content[:6], left, flaw) == (b"hello\0", [], "limit")
    assert len(content) <= 1 << 20
    assert decode(zstandard.compress(b"hello"), ["zstd"], Context()) == (b"hello", [], "")
    assert decode(b"no zstd", ["zstd"], Context()) == (b"no zstd", ["zstd"], "")


def test_an_error_behind_the_beginning_is_told() -> None:
    packed = bytearray(zlib.compress(bytes(range(256)) * 4000, 0))
    packed[-1] ^= 1

    assert decode(bytes(packed), ["deflate"], Context())[2] == "malformed"


def test_codings_are_bounded() -> None:
    packed = b"x"
    for _ in range(MAXIMUM_CODINGS + 1):
        packed = gzip.compress(packed)

    assert decode(packed, ["gzip"] * (MAXIMUM_CODINGS + 1), Context())[1] == ["gzip"]


@given(
    st.binary(max_size=200), st.lists(st.sampled_from(["gzip", "deflate", "br", "identity", "x"]), max_size=6)
)
def test_any_bytes_are_decoded_within_the_limit(raw: bytes, codings: list[str]) -> None:
    content, _, flaw = decode(raw, codings, Context(body_limit=1000))

    assert len(content) <= 1000
    assert flaw in {"", "limit", "malformed"}


def test_what_is_kept_of_a_longer_body_has_its_own_hash() -> None:
    record, content = body_of(Context(body_limit=4), b"ab", b"cdef", b"gh").finish([], "kind")

    assert content == b"abcd"
    assert record["sha256"] == hashlib.sha256(b"abcd").hexdigest()
