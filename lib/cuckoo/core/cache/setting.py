"""What every answer depends on besides the analysis: our code, the interpreter, its libraries, the environment."""

import hashlib
import os
import sys
import sysconfig
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lib.cuckoo import __version__
from lib.cuckoo.behavior import reader_name
from lib.cuckoo.common.root import SHIPPED
from lib.cuckoo.core.answer import pack
from lib.cuckoo.core.cache.files import FileDigests, tree_state

CODE = Path(__file__).resolve().parents[2]
"""The folder lib/cuckoo."""
LOADED_NS = time.time_ns()
"""When this process, or the one that it was forked from, loaded the engine, in nanoseconds since 1970."""
_VARIABLES = (
    "TZ",
    "LANG",
    "LANGUAGE",
    "MAGIC",
    "PYTHONHASHSEED",
    "PYTHONPATH",
    "PYTHONUTF8",
    "PYTHONIOENCODING",
)
_INSTALLED = (".dist-info", ".egg-info", ".egg-link", ".pth", ".egg")


def digest_of(value: Any) -> str:
    """Return the SHA-256 of plain data.

    Raises:
        UnencodableError: part of it is not plain data.
    """
    return hashlib.sha256(pack(value)).hexdigest()


def setting(code: FileDigests) -> str:
    """Return in a word the engine and the machine that it runs on."""
    return digest_of(
        [
            __version__,
            tree_state(CODE, code),
            reader_name(),
            sys.version,
            list(map(repr, (sys.flags.optimize, sys.flags.utf8_mode))),
            {name: os.environ.get(name) for name in (*_VARIABLES, *_locale_variables())},
            list(_libraries()),
        ]
    )


def is_as_loaded(code: FileDigests) -> bool:
    """Tell whether the engine that runs is the one whose files `setting` looked at."""
    return code.newest_ns() <= LOADED_NS


def is_library(path: str) -> bool:
    """Tell whether a path belongs to the interpreter, its libraries or our own code, which `setting` stands for."""
    if path.startswith(str(CODE) + os.sep):
        return True
    if path.startswith(str(SHIPPED) + os.sep):
        return False
    return path.startswith(_library_folders())


@cache
def _library_folders() -> tuple[str, ...]:
    """Return the folders that hold the interpreter's libraries, and those of which nothing has content."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = {sysconfig.get_path(name) for name in names} | {f"{sys.base_prefix}/lib", "/usr/lib/python3"}
    resolved = {os.path.realpath(folder) for folder in folders}
    return tuple(sorted(folder + os.sep for folder in folders | resolved | {"/proc", "/sys", "/dev"}))


def _locale_variables() -> list[str]:
    return sorted(name for name in os.environ if name.startswith("LC_"))


def _libraries() -> Iterator[list[Any]]:
    """Yield what is installed: names carry the versions, times tell of what was installed again."""
    for folder in dict.fromkeys(sys.path):
        try:
            with os.scandir(folder or ".") as entries:
                found = sorted((e.name, e.stat().st_mtime_ns) for e in entries if _is_installed(e.name))
        except OSError:
            continue
        if found:
            yield [folder, list(map(list, found))]


def _is_installed(name: str) -> bool:
    """Tell whether a name stands for a library; our own code is looked at itself."""
    return name.endswith(_INSTALLED) and not name.startswith(("fledge-", "fledge."))
