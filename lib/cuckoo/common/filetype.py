"""File types in libmagic's wording, which signatures test for (`"PE32 executable" in type`)."""

import os
from functools import cache
from typing import Any

from lib.cuckoo.common.exceptions import CuckooDependencyError


def describe(descriptor: int, *, mime: bool = False) -> str:
    """Describe an open file as `file` does, or name its MIME type.

    libmagic gets the descriptor, never the name: it reads headers from the middle of a file too, and names
    are hostile. Data that libmagic stumbles over is called "data" (`application/octet-stream`), its own word
    for what it does not know.

    Raises:
        CuckooDependencyError: libmagic is not installed.
    """
    magic, library = _libmagic()
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        text: str = library(mime).from_descriptor(descriptor)
    except (magic.MagicException, UnicodeError):
        return "application/octet-stream" if mime else "data"
    return text


def describe_bytes(data: bytes) -> str:
    """Describe bytes in memory, for example a body from the wire.

    Raises:
        CuckooDependencyError: libmagic is not installed.
    """
    magic, library = _libmagic()
    try:
        text: str = library(mime=False).from_buffer(data)
    except (magic.MagicException, UnicodeError):
        return "data"
    return text


@cache
def _libmagic() -> tuple[Any, Any]:
    """Return python-magic and a function that gives its detector for MIME types (True) or text (False)."""
    environment = dict(os.environ)
    try:
        import pylibmagic  # noqa: PLC0415, I001 - heavy, and python-magic finds the library through it
        import magic  # noqa: PLC0415 - loads the native library
    except ImportError as error:
        raise CuckooDependencyError(
            f"file types need libmagic ({error}): pip install pylibmagic python-magic"
        ) from error
    finally:
        # pylibmagic points LD_LIBRARY_PATH and MAGIC at itself; programs started later must not inherit that
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)
    database = str(pylibmagic.data.joinpath("magic.mgc"))
    return magic, cache(lambda mime: magic.Magic(mime=mime, magic_file=database))
