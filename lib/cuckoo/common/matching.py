"""How signatures compare a pattern with values: equality or `re.match`, one answer or a set of all."""

import re
from collections.abc import Callable, Iterable

Found = str | set[str] | None
"""The first hit, the set of hits, or None when there is none."""


def matcher(pattern: str, *, regex: bool, ignorecase: bool) -> Callable[[str], bool]:
    """Return the test that `pattern` stands for.

    Raises:
        re.error: `pattern` is no regular expression, though `regex` says so.
    """
    if regex:
        match = re.compile(pattern, re.IGNORECASE if ignorecase else 0).match
        return lambda value: match(value) is not None
    if ignorecase:
        lowered = pattern.lower()
        return lambda value: value.lower() == lowered
    return lambda value: value == pattern


def find(
    pattern: str,
    values: Iterable[object],
    *,
    regex: bool = False,
    every: bool = False,
    ignorecase: bool = True,
) -> Found:
    """Return the first value that fits, with `every` and `regex` the set of those that do, None without any.

    `every` says nothing without `regex`: equality gives the first hit. Values other than `str` never fit.
    """
    fits = matcher(pattern, regex=regex, ignorecase=ignorecase)
    hits = (value for value in values if isinstance(value, str) and fits(value))
    if every and regex:
        return set(hits) or None
    return next(hits, None)
