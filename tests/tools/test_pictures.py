"""The PNG writer against zlib and libmagic."""

import struct
import zlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.objects import File
from tools.example import Picture
from tools.example.pictures import compressed
from tools.example.screens import screenshots

RUNS = st.lists(st.tuples(st.integers(0, 255), st.integers(1, 800)), max_size=12)


@given(RUNS)
def test_what_is_compressed_comes_back(runs: list[tuple[int, int]]) -> None:
    data = b"".join(bytes([byte]) * count for byte, count in runs)

    assert zlib.decompress(compressed(data)) == data


@given(st.binary())
def test_bytes_without_runs_come_back(data: bytes) -> None:
    assert zlib.decompress(compressed(data)) == data


def test_a_shape_stays_inside_the_picture() -> None:
    picture = Picture(4, 2, [(0, 0, 0), (255, 255, 255)])
    picture.rectangle(-2, -2, 4, 3, 1)

    assert pixels(picture.png()) == [b"\1\1\0\0", b"\0\0\0\0"]


def test_text_outside_the_font_is_a_gap() -> None:
    picture = Picture(12, 7, [(0, 0, 0), (255, 255, 255)])
    picture.text(0, 0, "éI", 1, scale=1)

    assert pixels(picture.png())[0] == bytes(6) + b"\0\1\1\1\0" + b"\0"


def test_screenshots_show_different_things() -> None:
    assert len(set(screenshots())) == 3


def test_a_screenshot_is_typed_as_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "0001.png"
    path.write_bytes(screenshots()[0])

    assert File(str(path)).get_type() == "PNG image data, 800 x 600, 8-bit colormap, non-interlaced"


def pixels(png: bytes) -> list[bytes]:
    """The rows of a PNG whose rows are stored as differences."""
    width, height = struct.unpack_from(">II", png, 16)
    start = png.index(b"IDAT") + 4
    data = zlib.decompress(png[start : png.index(b"IEND") - 8])
    rows, above = [], bytes(width)
    for index in range(height):
        row = data[index * (width + 1) + 1 : (index + 1) * (width + 1)]
        above = bytes(a + b & 0xFF for a, b in zip(row, above, strict=True))
        rows.append(above)
    return rows
