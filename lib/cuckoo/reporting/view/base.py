"""What all views have in common: a mapping of the report, read by properties that never raise.

A key that is missing, or holds something else than it should, reads as the empty value of its kind: "", 0, False,
nothing. What the report really says is in `raw`.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, ClassVar, Generic, TypeVar, overload

from lib.cuckoo.reporting.story.values import Record, records, sequence, text

_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d+)?")
"""The time of a call in the oldest reports: 20140527213607.042."""
_LATEST = 253_402_300_799  # the last second of the year 9999
_WORDS_OF_TRUTH = {"true", "success", "yes", "1"}


class View:
    """A part of a report: properties that read it, and `view["name"]` for any key of it.

    `known` are the keys that the properties read; `unknown` has the others.
    """

    known: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, raw: Record) -> None:
        self.raw = raw
        """As it stands in the report."""

    def __getitem__(self, key: str) -> Any:
        return self.raw[key]

    def __contains__(self, key: object) -> bool:
        return key in self.raw

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def get(self, key: str, default: Any = None) -> Any:
        """Return what the report has under a key."""
        return self.raw.get(key, default)

    def __bool__(self) -> bool:
        """Tell whether the report has anything here."""
        return bool(self.raw)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(map(repr, islice(self.raw, 8)))}>"

    @property
    def unknown(self) -> dict[str, Any]:
        """What stands in the report and no property reads."""
        return {key: value for key, value in self.raw.items() if key not in self.known}

    def _text(self, *keys: str) -> str:
        """Return the first of some members that is not empty, as one line of text."""
        return next((found for key in keys if (found := text(self.raw.get(key)))), "")

    def _integer(self, *keys: str) -> int:
        return next((found for key in keys if (found := integer(self.raw.get(key))) is not None), 0)

    def _texts(self, *keys: str) -> tuple[str, ...]:
        """Return the texts of some lists after one another, each once; one text counts as a list of it."""
        return tuple(dict.fromkeys(found for key in keys for found in texts(self.raw.get(key))))


V = TypeVar("V", bound=View)


class Views(Sequence[V], Generic[V]):
    """The members of a list, each made into a view when somebody asks for it."""

    def __init__(self, members: Sequence[Any], make: Callable[[Any], V]) -> None:
        self._members = members
        self._make = make

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        return f"<{len(self)} {getattr(self._make, '__name__', 'views')}>"

    @overload
    def __getitem__(self, index: int) -> V: ...
    @overload
    def __getitem__(self, index: slice) -> "Views[V]": ...
    def __getitem__(self, index: int | slice) -> "V | Views[V]":
        """Return one view, or for a slice the views of a part."""
        if isinstance(index, slice):
            return Views(self._members[index], self._make)
        return self._make(self._members[index])


def views(value: object, make: Callable[[Any], V]) -> Views[V]:
    """Return the views of those members of a list that are mappings."""
    return Views(records(value), make)


def integer(value: object) -> int | None:
    """Return a whole number, also one that stands there as text, decimal or hexadecimal; None when it is none."""
    if isinstance(value, str):
        return int(value, 0 if "x" in value.lower() else 10) if _NUMBER.fullmatch(value) else None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, int) else None


def decimal(value: object) -> float | None:
    """Return a finite number, also one that stands there as text; None when it is none."""
    try:
        found = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def flag(value: object) -> bool:
    """Return a truth value, which the families write as true, 1 or "SUCCESS"."""
    return value.lower() in _WORDS_OF_TRUTH if isinstance(value, str) else bool(value)


def texts(value: object) -> Iterator[str]:
    """Yield the members of a list as texts, those that are empty aside; one text counts as a list of it."""
    members = [value] if isinstance(value, str) else sequence(value)
    yield from filter(None, map(text, members))


def moment_text(value: object) -> str:
    """Return a time as "2026-01-31 13:21:44,590", without what it does not tell; what is no time stays as it is.

    The families write it that way, in ISO 8601, in digits only, as a document of a database, or as seconds since
    1970 (UTC).
    """
    if isinstance(value, Mapping):
        value = value.get("$dt")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_seconds(value)
    told = text(value)
    compact = _COMPACT.fullmatch(told)
    try:
        found = datetime.fromisoformat(_spread(compact) if compact else told.replace(",", "."))
    except ValueError:
        return told
    return _as_text(found, exact="." in told or "," in told) if len(told) > len("2026-01-31") else told


def _spread(compact: re.Match[str]) -> str:
    year, month, day, hour, minute, second, fraction = compact.groups("")
    return f"{year}-{month}-{day} {hour}:{minute}:{second}{fraction[:7]}"


def _of_seconds(value: float) -> str:
    seconds = decimal(value)
    if seconds is None or not 0 <= seconds <= _LATEST:
        return text(value)
    return _as_text(datetime.fromtimestamp(seconds, UTC), exact=seconds % 1 != 0)


def _as_text(found: datetime, *, exact: bool) -> str:
    whole = found.strftime("%Y-%m-%d %H:%M:%S")
    return f"{whole},{found.microsecond // 1000:03d}" if exact else whole
