"""Objects that OLE puts into documents: packages of files ("Ole10Native") and objects of its first version."""

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.layout import narrow, number

_EMBEDDED = 2


def package(native: bytes) -> tuple[str, bytes]:
    """Return the path and the content of a packaged file from a stream `Ole10Native`.

    The layout: size of the rest, a number, label, path, 8 bytes of which the last 4 give the length of the
    temporary path, that path, size of the content, content. All texts end with a null.

    Raises:
        CuckooProcessingError: it is no package.
    """
    label, at = _text(native, 6)
    path, at = _text(native, at)
    at += 8 + number(native, at + 4, 4)
    size = number(native, at, 4)
    if at + 4 + size > len(native):
        raise CuckooProcessingError(f"a package of {size} bytes in {len(native)} bytes")
    return path or label, native[at + 4 : at + 4 + size]


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.find(b"\0", at, at + 1024)
    if end < 0:
        raise CuckooProcessingError(f"no text at offset {at} of a package")
    return narrow(data[at:end]), end + 1


def first_version(data: bytes) -> tuple[str, bytes]:
    """Return the class and the native data of an object of OLE 1.0 ([MS-OLEDS] 2.2.5).

    Raises:
        CuckooProcessingError: it is no embedded object.
    """
    if number(data, 4, 4) != _EMBEDDED:
        raise CuckooProcessingError("no embedded object of OLE 1.0")
    at = 8
    texts = []
    for _ in range(3):
        size = number(data, at, 4)
        texts.append(narrow(data[at + 4 : at + 4 + min(size, 1024)]))
        at += 4 + size
    size = number(data, at, 4)
    return texts[0], data[at + 4 : at + 4 + size]
