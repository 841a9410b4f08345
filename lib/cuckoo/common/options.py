"""Options of one configuration section, with attribute access as dropped-in files use it."""

from collections.abc import Mapping
from typing import Any


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
