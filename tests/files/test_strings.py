import io
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.files import strings as reader
from lib.cuckoo.files.strings import String, ascii_strings, first_strings, utf16_strings, windows


def texts(found: list[String]) -> list[str]:
    return [string.text for string in found]


def test_ascii_runs_are_found_with_their_offsets() -> None:
    data = b"\x01hello world\x00short\x00\xffhello again"

    assert list(ascii_strings([data], 6)) == [
        String("hello world", 1, "ascii"),
        String("hello again", 20, "ascii"),
    ]


@pytest.mark.parametrize(("minlength", "expected"), [(4, ["abcd", "abcde"]), (5, ["abcde"]), (6, [])])
def test_the_shortest_length_is_kept(minlength: int, expected: list[str]) -> None:
    assert texts(list(ascii_strings([b"abcd\0abcde\0abc"], minlength))) == expected
    wide = "abcd\0\0abcde\0\0abc".encode("utf-16-le")
    assert texts(list(utf16_strings([wide], minlength))) == expected


def test_a_tab_and_a_line_end_stop_a_string() -> None:
    assert texts(list(ascii_strings([b"first line\tand\r\nsecond line\x7f~ ~ ~ "], 6))) == [
        "first line",
        "second line",
        "~ ~ ~ ",
    ]


@pytest.mark.parametrize("before", [b"", b"\0", b"\0\0", b"\0\0\0", b"\xff", b"\xff\xff", b"x", b"\x90x"])
@pytest.mark.parametrize("after", [b"", b"\0\0", b"\xff\xff", b"\0\0\0\0x"])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_text_is_found_once_whatever_surrounds_it(before: bytes, after: bytes, codec: str) -> None:
    found = list(utf16_strings([before + "example text".encode(codec) + after], 6))

    assert len(found) == 1
    assert found[0].text in {"example text", "xexample tex", "xexample text"}


@pytest.mark.parametrize(("codec", "encoding"), [("utf-16-le", "utf-16le"), ("utf-16-be", "utf-16be")])
@pytest.mark.parametrize("before", [b"", b"\0\0", b"\xff\xff", b"\0\0\0\0"])
def test_the_byte_order_and_the_offset_of_aligned_text_are_right(
    before: bytes, codec: str, encoding: str
) -> None:
    data = before + "example text".encode(codec) + b"\0\0"

    assert list(utf16_strings([data], 6)) == [String("example text", len(before), encoding)]


def test_ascii_text_is_not_taken_for_utf16() -> None:
    assert list(utf16_strings([b"plain ascii text\0\0and more"], 3)) == []


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_windows_do_not_change_what_is_found(size: int) -> None:
    data = (
        b"\0first string\0"
        + "wide text".encode("utf-16-le")
        + b"\0\0\x01"
        + "big one".encode("utf-16-be")
        + b"last text"
    )

    for find in (ascii_strings, utf16_strings):
        assert list(find(windows(io.BytesIO(data), size), 5)) == list(find([data], 5))


def test_a_string_longer_than_a_piece_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LONGEST", 8)
    data = b"\0" + b"abcdefgh" * 2 + b"xyz\0"

    assert list(ascii_strings([data], 3)) == [
        String("abcdefgh", 1, "ascii"),
        String("abcdefgh", 9, "ascii"),
        String("xyz", 17, "ascii"),
    ]
    assert texts(list(utf16_strings(["abcdefgh12".encode("utf-16-le")], 3))) == ["abcdefgh"]


@pytest.mark.parametrize(("find", "piece"), [(ascii_strings, b"A" * 20), (utf16_strings, b"A\0" * 20)])
def test_a_string_without_an_end_is_given_out_as_it_comes(
    find: Callable[[Iterable[bytes], int], Iterator[String]], piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LONGEST", 8)

    assert next(find(chain([piece], repeat(b"", 3), [piece]), 4)).text == "A" * 8
    data = iter([piece] * 1000)
    next(find(data, 4))
    assert len(list(data)) == 999


def test_each_encoding_keeps_its_first_strings() -> None:
    data = b"".join(f"ascii {number}\0".encode() for number in range(4))
    data += b"\xff" * (2 - len(data) % 2) + "wide 0\0\0wide 1\0\0".encode("utf-16-le")

    assert [(each.text, each.encoding) for each in first_strings(io.BytesIO(data), 6, 3)[0]] == [
        *(("ascii 0", "ascii"), ("ascii 1", "ascii"), ("ascii 2", "ascii")),
        *(("wide 0", "utf-16le"), ("wide 1", "utf-16le")),
    ]
    assert first_strings(io.BytesIO(data), 6, 3)[1] == ["ascii"]
    assert first_strings(io.BytesIO(data), 6, 4)[1] == []
    assert len(first_strings(io.BytesIO(data), 6, None)[0]) == 6


@given(st.binary(max_size=200), st.integers(1, 6))
def test_ascii_strings_are_those_of_a_plain_expression(data: bytes, minlength: int) -> None:
    expected = [match.group().decode() for match in re.finditer(rb"[\x20-\x7e]{%d,}" % minlength, data)]

    assert texts(list(ascii_strings([data], minlength))) == expected


patches = st.sampled_from([b"A", b"\0", b"\xff", b"A\0", b"\0A", b"ABCDEF", b"A\0B\0C\0", b"\0A\0B\0C"])


@given(st.lists(patches, max_size=40).map(b"".join), st.integers(1, 5), st.integers(1, 3), st.integers(2, 6))
def test_windows_never_matter(data: bytes, size: int, minlength: int, longest: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "LONGEST", longest)
        for find in (ascii_strings, utf16_strings):
            found = list(find([data], minlength))
            assert list(find(windows(io.BytesIO(data), size), minlength)) == found
            assert all(minlength <= len(string.text) <= max(minlength, longest) for string in found)
