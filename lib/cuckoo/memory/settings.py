"""What conf/memory.conf says: which plugins run, for how long, and which of their rows are kept."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.ini import Section

SYSTEMS = ("linux", "mac", "windows")
"""The first words of plugin names."""
_CONDITION = re.compile(r"\s*(?P<column>[^=!]+?)\s*(?P<sign>!?=)\s*(?P<pattern>.+)")


@dataclass(frozen=True)
class Filter:
    """Keeps the rows whose cell in `column` contains a match of `pattern`; `negated` keeps the others."""

    column: str
    pattern: re.Pattern[str]
    negated: bool

    def keeps(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row stays; one without the column stays in any case."""
        if self.column not in row:
            return True
        return bool(self.pattern.search(str(row[self.column]))) is not self.negated


@dataclass(frozen=True)
class PluginSettings:
    """One section of conf/memory.conf."""

    name: str
    """With the system before it: "windows.pslist"."""
    enabled: bool = True
    timeout_seconds: int = 600
    memory_mb: int = 4096
    rows: int = 100_000
    cell: int = 8192
    """Characters kept of a cell."""
    filters: tuple[Filter, ...] = ()

    @property
    def system(self) -> str:
        """The first word of the name."""
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        """What the plugin's table is called in the results: the name without the system."""
        return self.name.partition(".")[2]


def plugin_settings(sections: Mapping[str, Section]) -> list[PluginSettings]:
    """Return the settings of each plugin, in the order of the file.

    Raises:
        CuckooOperationalError: a section names no system, or an option has an impossible value; the message
            names file and line.
    """
    return [_settings(section) for section in sections.values()]


def _settings(section: Section) -> PluginSettings:
    options, where = section.options, f"[{section.name}] in {section.file}:{section.line}"
    system, _, plugin = section.name.partition(".")
    if system not in SYSTEMS or not plugin:
        raise CuckooOperationalError(f"{where}: a plugin's name starts with one of {', '.join(SYSTEMS)}")
    unknown = sorted(options.keys() - {"enabled", "timeout", "memory_mb", "rows", "filter"})
    if unknown:
        raise CuckooOperationalError(f"{where}: unknown option {unknown[0]!r}")
    return PluginSettings(
        name=section.name,
        enabled=options.get("enabled", True) is True,
        timeout_seconds=_positive(options, "timeout", 600, where),
        memory_mb=_positive(options, "memory_mb", 4096, where),
        rows=_positive(options, "rows", 100_000, where),
        filters=tuple(_filters(str(options.get("filter", "")), where)),
    )


def _positive(options: Mapping[str, Any], name: str, default: int, where: str) -> int:
    value = options.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise CuckooOperationalError(f"{where}: {name} must be a whole number from 1, not {value!r:.100}")
    return value


def _filters(text: str, where: str) -> Iterable[Filter]:
    """Read "Column = regex ; Column != regex"."""
    for part in filter(str.strip, text.split(";")):
        condition = _CONDITION.fullmatch(part)
        if condition is None:
            raise CuckooOperationalError(f"{where}: filter: {part.strip()!r:.100} is not column = pattern")
        try:
            pattern = re.compile(condition["pattern"].strip(), re.IGNORECASE)
        except re.error as error:
            raise CuckooOperationalError(f"{where}: filter: {error}") from error
        yield Filter(condition["column"], pattern, condition["sign"] == "!=")
