"""A new working root: the shipped configuration, the folders, and an example module."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.common.root import SHIPPED

_FOLDERS = ("modules/processing", "modules/signatures", "modules/reporting", "storage/analyses")
_EXAMPLE = SHIPPED / "modules" / "processing" / "_example.py"
_EXAMPLE_SECTION = """
[example]
enabled = yes
# Bytes of the sample that are counted, 0 for all.
maximum = 0
"""


def make_root(folder: Path) -> Iterator[Path]:
    """Fill `folder` with a working root, leaving files that exist alone; yield what was written.

    Raises:
        CuckooStartupError: a file or folder cannot be made.
    """
    try:
        for name in _FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "conf").mkdir(exist_ok=True)
        for source in sorted((SHIPPED / "conf").glob("*.conf")):
            yield from _copy(source, folder / "conf" / source.name)
        yield from _copy(_EXAMPLE, folder / "modules" / "processing" / "example.py")
        yield from _configure_example(folder / "conf" / "processing.conf")
    except OSError as error:
        raise CuckooStartupError(f"cannot make a working root in {folder}: {error}") from error


def _copy(source: Path, target: Path) -> Iterator[Path]:
    if not target.exists():
        shutil.copyfile(source, target)
        yield target


def _configure_example(configuration: Path) -> Iterator[Path]:
    if "[example]" not in configuration.read_text(encoding="utf-8"):
        with configuration.open("a", encoding="utf-8") as file:
            file.write(_EXAMPLE_SECTION)
        yield configuration
