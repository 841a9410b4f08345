"""The working root: the folder that holds a user's configuration, modules and analyses.

It is what the caller names, else `$FLEDGE_ROOT`, else the current folder if that has a `conf/`; without any of
them only what ships with fledge is used.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.common.inputs import depends_on

VARIABLE = "FLEDGE_ROOT"
_TREE = Path(__file__).resolve().parents[3]
SHIPPED = (
    _TREE if (_TREE / "conf").is_dir() and (_TREE / "modules").is_dir() else _TREE / "fledge" / "shipped"
)
"""Where the modules and the configuration that ship with fledge lie, in a checkout or in an installed wheel."""


@dataclass(frozen=True)
class Root:
    """A working root; `path` is absolute. The shipped tree serves as root where there is no other."""

    path: Path

    @property
    def analyses(self) -> Path:
        """The folder of analyses, one folder for each id."""
        return self.path / "storage" / "analyses"

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make this the root that `find_root()` finds, for code of modules that reads configuration by itself."""
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = str(self.path)
        try:
            yield
        finally:
            if before is None:
                del os.environ[VARIABLE]
            else:
                os.environ[VARIABLE] = before

    def configuration(self, name: str) -> Path:
        """Return the file that holds the configuration `name`: the root's own, else the shipped one."""
        own = self.path / "conf" / f"{name}.conf"
        depends_on(own)  # also when it is not there yet
        return own if own.is_file() else SHIPPED / "conf" / f"{name}.conf"

    def module_folders(self, kind: str) -> list[Path]:
        """Return the folders with modules of a kind ("processing", "reporting", …), the shipped one first."""
        folders = [SHIPPED / "modules" / kind, self.path / "modules" / kind]
        return list(dict.fromkeys(folder for folder in folders if folder.is_dir()))


def find_root(named: str | os.PathLike[str] | None = None) -> Root:
    """Return the working root by the rules at the top of this file.

    Raises:
        CuckooStartupError: the folder that the caller or the environment names does not exist.
    """
    wanted = named if named is not None else os.environ.get(VARIABLE) or None
    if wanted is not None:
        path = Path(wanted).expanduser().resolve()
        if not path.is_dir():
            raise CuckooStartupError(f"the working root {path} is not a folder")
        return Root(path)
    here = Path.cwd()
    return Root(here if (here / "conf").is_dir() else SHIPPED)
