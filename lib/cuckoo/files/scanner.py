"""What YARA finds in a file: the `yara` of every file record.

A match is `{"name", "meta", "strings", "addresses"}`, the form of the sandboxes' own reports: `strings` holds what was
found, once each, a character for a byte; `addresses` where each string of the rule, named without its `$`, was found
first.
"""

import mmap
import os
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO

from lib.cuckoo.common.config import Config
from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooOperationalError
from lib.cuckoo.common.inputs import depends_on, will_not_last
from lib.cuckoo.common.options import Options, whole_number
from lib.cuckoo.common.root import SHIPPED, find_root
from lib.cuckoo.common.shapes import YaraMatch
from lib.cuckoo.files.rules import EXTERNALS, RuleSet, load_rules

STRINGS_KEPT = 64
"""Of one match."""
STRING_KEPT_BYTES = 256
EXTERNAL_CHARACTERS = 1024
PROBLEMS_NAMED = 20


@dataclass(frozen=True)
class ScanLimits:
    """What one scan may take and give."""

    timeout_seconds: int = 30
    total_seconds: int = 120
    """Of all scans of one scanner together."""
    matches: int = 200


@dataclass
class Scanner:
    """Rules of one group, loaded when they are first needed; `problems` collects what went wrong, in sentences.

    Without rules, or without yara-python, nothing matches, and `problems` says so once.
    """

    group: str
    rules: RuleSet | None = None
    """Given by who has rules at hand; else those of the configuration."""
    limits: ScanLimits = field(default_factory=ScanLimits)
    problems: list[str] = field(default_factory=list)
    _spent_seconds: float = 0.0

    @classmethod
    def configured(cls, group: str) -> "Scanner":
        """Make a scanner with the limits of conf/yara.conf."""
        options = _options()
        limits = ScanLimits(
            timeout_seconds=max(whole_number(options, "timeout_seconds", 30), 1),  # YARA takes 0 for no limit
            total_seconds=whole_number(options, "total_seconds", 120),
            matches=whole_number(options, "matches", 200),
        )
        return cls(group, None if options.get("enabled", True) else RuleSet(None), limits)

    def scan_file(self, stream: BinaryIO, filename: str, filepath: str = "") -> list[YaraMatch]:
        """Return the matches in an open file, which is mapped and not read into memory."""
        if not os.fstat(stream.fileno()).st_size or self._compiled is None:
            return []
        try:
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            self._say(f"cannot map {_clean(filename)} for YARA: {error}")
            return []
        with mapped:
            return self.scan(mapped, filename, filepath)

    def scan(self, data: Any, filename: str = "", filepath: str = "") -> list[YaraMatch]:
        """Return the matches in data, any buffer of bytes, in the order of the rules.

        `filename`, its ending and `filepath` are what rules see as the variables of these names.
        """
        if self._compiled is None:
            return []
        import yara  # noqa: PLC0415 - an extra; there are compiled rules, so it is here

        if self._spent_seconds >= self.limits.total_seconds:
            will_not_last("YARA's time was up")
            self._say(f"YARA had its {self.limits.total_seconds} seconds; the rest is not scanned")
            return []
        variables, began = externals(filename, filepath), time.monotonic()
        try:
            matches = self._compiled.match(
                data=data,
                externals=variables,
                timeout=self.limits.timeout_seconds,
                fast=True,
                warnings_callback=lambda *_: yara.CALLBACK_CONTINUE,
            )
        except yara.Error as error:
            will_not_last(f"YARA gave up: {error}")
            self._say(f"YARA gave up on {variables['filename'] or 'data'}: {error}")
            return []
        finally:
            self._spent_seconds += time.monotonic() - began
        records = [_record(match) for match in matches[: self.limits.matches]]
        if len(matches) > len(records):
            self._say(
                f"{len(matches) - len(records)} more YARA rules match {variables['filename'] or 'data'}"
            )
        return list({repr(record): record for record in records}.values())

    @cached_property
    def _compiled(self) -> Any | None:
        try:
            rules = self.rules or configured_rules(self.group)
        except CuckooDependencyError as error:
            self._say(str(error))
            return None
        for problem in rules.problems[:PROBLEMS_NAMED]:
            self._say(problem)
        if len(rules.problems) > PROBLEMS_NAMED:
            self._say(f"{len(rules.problems) - PROBLEMS_NAMED} more files of YARA rules are left out")
        return rules.compiled

    def _say(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def configured_rules(group: str) -> RuleSet:
    """Load the rules of a group: the shipped ones and those of the working root.

    Raises:
        CuckooDependencyError: yara-python is not installed.
    """
    root = find_root().path
    own = root / str(_options().get("folder") or "data/yara")
    folders = dict.fromkeys(folder / group for folder in (SHIPPED / "data" / "yara", own))
    for folder in folders:
        depends_on(folder)  # also when it is not there yet
    cache = root / "storage" / "cache" / "yara" if (root / "storage").is_dir() else None
    return load_rules([folder for folder in folders if folder.is_dir()], cache)


def externals(filename: str, filepath: str = "") -> dict[str, str]:
    """Return the variables of rules for a file; `extension` has its dot, as rules in the field expect."""
    name = _clean(filename)
    stem, dot, ending = name.rpartition(".")
    values = {
        "filename": name,
        "extension": f".{ending.lower()}" if stem and dot else "",
        "filepath": _clean(filepath),
    }
    return dict.fromkeys(EXTERNALS, "") | values


def _clean(text: str) -> str:
    """Cut a hostile name and make it valid for YARA, which takes UTF-8."""
    return text[:EXTERNAL_CHARACTERS].encode("utf-8", "replace").decode()


def _options() -> Options:
    try:
        return Config("yara").get("yara")
    except CuckooOperationalError:
        return Options()


def _record(match: Any) -> YaraMatch:
    strings: dict[str, None] = {}
    addresses: dict[str, int] = {}
    for string in match.strings:
        first = string.instances[0]
        addresses.setdefault(string.identifier.removeprefix("$"), first.offset)
        for instance in string.instances[:STRINGS_KEPT]:
            strings[instance.matched_data[:STRING_KEPT_BYTES].decode("latin-1")] = None
    return {
        "name": match.rule,
        "meta": dict(match.meta),
        "strings": list(strings)[:STRINGS_KEPT],
        "addresses": addresses,
    }
