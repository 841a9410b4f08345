"""Screenshots as `data:` addresses: only what is a JPEG or PNG by its first bytes, and no more than fits."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.folder import AnalysisFolder

_MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_MOST_FILES = 500


@dataclass(frozen=True)
class Picture:
    """One screenshot."""

    name: str
    source: str
    """A `data:` address."""


@dataclass(frozen=True)
class Gallery:
    """The screenshots, in order of name, equal ones once; `left_out` did not fit or are no pictures."""

    kind: ClassVar[str] = "gallery"
    pictures: Sequence[Picture]
    left_out: int


def gallery(folder: AnalysisFolder, most_bytes: int) -> Iterator[Gallery]:
    """Yield the screenshots of `shots/`, as far as `most_bytes` of them fit, unless there are none."""
    pictures: list[Picture] = []
    seen: set[bytes] = set()
    left_out, left = 0, most_bytes
    for number, path in enumerate(folder.walk("shots")):
        data = _read(folder, path, left) if number < _MOST_FILES else b""
        media_type = next((name for magic, name in _MAGIC.items() if data.startswith(magic)), None)
        if path.rpartition(".")[0].endswith("_small"):
            continue  # a thumbnail that the second family makes
        if media_type is None:
            left_out += 1
        elif data not in seen:
            seen.add(data)
            left -= len(data)
            source = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
            pictures.append(Picture(path.rpartition("/")[2], source))
    if pictures or left_out:
        yield Gallery(pictures, left_out)


def _read(folder: AnalysisFolder, path: str, most: int) -> bytes:
    """Return the file, or nothing when it is larger than `most` bytes or cannot be read."""
    try:
        data = folder.read(path, most + 1)
    except (OSError, CuckooOperationalError):
        return b""
    return data if len(data) <= most else b""
