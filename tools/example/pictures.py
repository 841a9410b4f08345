"""Draw screenshots: a palette picture, a few shapes, a hand-made font, and PNG (RFC 2083).

Compressing with zlib would give other bytes with other zlibs, so the run-length half of deflate (RFC 1951,
fixed codes, distance 1) is written out here; drawn pictures need no more.
"""

import re
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence

Colour = tuple[int, int, int]

_GLYPHS = {
    "A": "0e11111f111111", "B": "1e11111e11111e", "C": "0e11101010110e", "D": "1e11111111111e",
    "E": "1f10101e10101f", "F": "1f10101e101010", "G": "0e11101713110f", "H": "1111111f111111",
    "I": "0e04040404040e", "J": "0702020202120c", "K": "11121418141211", "L": "1010101010101f",
    "M": "111b1515111111", "N": "11191513111111", "O": "0e11111111110e", "P": "1e11111e101010",
    "Q": "0e11111115120d", "R": "1e11111e141211", "S": "0f10100e01011e", "T": "1f040404040404",
    "U": "1111111111110e", "V": "11111111110a04", "W": "1111111515150a", "X": "11110a040a1111",
    "Y": "11110a04040404", "Z": "1f01020408101f", "0": "0e11131519110e", "1": "040c040404040e",
    "2": "0e11010204081f", "3": "1f02040201110e", "4": "02060a121f0202", "5": "1f101e0101110e",
    "6": "0608101e11110e", "7": "1f010204080808", "8": "0e11110e11110e", "9": "0e11110f01020c",
    ".": "00000000000c0c", ",": "00000000040408", ":": "000c0c000c0c00", "-": "0000001f000000",
    "_": "0000000000001f", "/": "01010204081010", "\\": "10100804020101", "!": "04040404040004",
    "?": "0e110102040004", "@": "0e11171517100f", "'": "04040800000000", "(": "02040808080402",
    ")": "08040202020408", "+": "0004041f040400", "=": "00001f001f0000", "#": "0a0a1f0a1f0a0a",
    "%": "18190204081303", "$": "040f140e051e04", "*": "00150e1f0e1500", "&": "0c12140815120d",
}  # fmt: skip
"""Seven rows of five bits for each character, in hexadecimal; lower case is drawn as upper case."""


class Picture:
    """A picture whose colours are numbers in `palette`."""

    def __init__(self, width: int, height: int, palette: Sequence[Colour], background: int = 0) -> None:
        self.width, self.height = width, height
        self._palette = palette
        self._rows = [bytearray([background]) * width for _ in range(height)]

    def rectangle(self, left: int, top: int, width: int, height: int, colour: int) -> None:
        """Fill a rectangle; what lies outside the picture is left out."""
        first, last = max(left, 0), min(left + width, self.width)
        for row in self._rows[max(top, 0) : max(top + height, 0)]:
            row[first:last] = bytes([colour]) * (last - first)

    def text(self, left: int, top: int, text: str, colour: int, scale: int = 2) -> None:
        """Write one line; a character takes 6 times `scale` pixels."""
        for index, character in enumerate(text.upper()):
            for row, bits in enumerate(bytes.fromhex(_GLYPHS.get(character, ""))):
                for column in _columns(bits):
                    at = left + (index * 6 + column) * scale
                    self.rectangle(at, top + row * scale, scale, scale, colour)

    def png(self) -> bytes:
        """The picture as a PNG file."""
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 3, 0, 0, 0)
        palette = b"".join(map(bytes, self._palette))
        pixels = b"".join(self._filtered())
        chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", compressed(pixels)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)

    def _filtered(self) -> Iterator[bytes]:
        """Each row as its difference from the row above (filter 2), which is mostly zeros."""
        above = bytearray(self.width)
        for row in self._rows:
            yield b"\x02" + bytes(here - up & 0xFF for here, up in zip(row, above, strict=True))
            above = row


def _columns(bits: int) -> Iterator[int]:
    return (column for column in range(5) if bits & 16 >> column)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


_LENGTHS = (3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
            163, 195, 227, 258)  # fmt: skip
"""Shortest length of each length code from 257 on, RFC 1951 section 3.2.5."""


def compressed(data: bytes) -> bytes:
    """A zlib stream (RFC 1950) of `data`, the same everywhere."""
    bits = "110" + "".join(_runs(data)) + "0000000"
    bits += "0" * (-len(bits) % 8)
    body = int(bits[::-1], 2).to_bytes(len(bits) // 8, "little")
    return b"\x78\x01" + body + struct.pack(">I", zlib.adler32(data))


def _runs(data: bytes) -> Iterator[str]:
    for run in re.finditer(rb"(.)\1*", data, re.DOTALL):
        literal = _literal(run[1][0])
        repeats, rest = divmod(run.end() - run.start() - 1, 258)
        yield literal + _match(258) * repeats + (_match(rest) if rest >= 3 else literal * rest)


def _literal(byte: int) -> str:
    return f"{0x30 + byte:08b}" if byte < 144 else f"{0x190 + byte - 144:09b}"


def _match(length: int) -> str:
    """The bits for "repeat the last byte `length` times"; numbers besides codes go low bit first."""
    code = bisect_right(_LENGTHS, length) - 1
    symbol = f"{code + 1:07b}" if code < 23 else f"{0xC0 + code - 23:08b}"
    extra_size = 0 if code < 8 or code == 28 else code // 4 - 1
    extra = f"{length - _LENGTHS[code]:0{extra_size}b}"[::-1] if extra_size else ""
    return symbol + extra + "00000"
