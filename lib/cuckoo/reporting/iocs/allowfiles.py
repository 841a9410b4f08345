"""Allow-lists from the files that a configuration names."""

from collections.abc import Iterator

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.common.root import find_root
from lib.cuckoo.reporting.iocs.allowed import Allowed, parse_allowed


def read_allowed(names: object) -> Allowed:
    """Return the entries of all files; `names` has commas between them, relative to the working root.

    Raises:
        CuckooDependencyError: a file cannot be read, or a line of it is no entry.
    """
    try:
        return parse_allowed(_lines(str(names or "")))
    except (OSError, ValueError) as error:
        raise CuckooDependencyError(f"cannot read an allow-list: {error}") from error


def _lines(names: str) -> Iterator[str]:
    for name in filter(None, map(str.strip, names.split(","))):
        try:
            text = (find_root().path / name).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"{name}: {error}") from error
        yield from text.splitlines()
