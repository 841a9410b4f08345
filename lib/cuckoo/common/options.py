"""Options of one configuration section, with attribute access as dropped-in files use it."""

from collections.abc import Mapping
from typing import Any

from lib.cuckoo.common.exceptions import CuckooOperationalError

MOST = 1 << 40
"""More than any count; as many megabytes are a number of bytes that still fits 64 bits."""


class Options(dict[str, Any]):
    """The options of a section: `options.enabled`, `options["enabled"]` and `options.get("x", 1)` all work.

    An absent option reads as None through the attribute, as files of the field expect, and raises KeyError
    through the index.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value


def as_options(values: Mapping[str, Any] | None) -> Options:
    """Return `values` as `Options`; None gives an empty section."""
    return values if isinstance(values, Options) else Options(values or {})


def whole_number(options: Mapping[str, Any], name: str, default: int, *, least: int = 0) -> int:
    """Return an option that must be a whole number, `default` when it is absent.

    Raises:
        CuckooOperationalError: it is no number, smaller than `least` or larger than `MOST`; the message names the
            option.
    """
    told = options.get(name, default)
    try:
        value = int(told)
    except (OverflowError, TypeError, ValueError) as error:
        raise CuckooOperationalError(f"the option {name} is {told!r}, not a whole number") from error
    if value < least:
        raise CuckooOperationalError(f"the option {name} is {value}, the least is {least}")
    if value > MOST:
        raise CuckooOperationalError(f"the option {name} is {value}, the most is {MOST}")
    return value
