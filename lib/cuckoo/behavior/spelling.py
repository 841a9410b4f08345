"""What the arguments of a call are called: each monitor family spells them in its own way.

The classic and successor monitors write `DesiredAccess`, the second family `desired_access`; some arguments have
another word altogether. Here the successor's name stands for all of them.
"""

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache

from lib.cuckoo.behavior.kinds import Kind

_OTHER_WORDS = {
    "ApplicationName": ("filepath",),
    "BaseAddress": ("moduleaddress",),
    "DirectoryName": ("dirpath",),
    "ExistingFileName": ("oldfilepath",),
    "FileInformationClass": ("informationclass",),
    "FileName": ("filepath",),
    "FullName": ("regkey",),
    "HandleName": ("filepath",),
    "MutexName": ("mutantname",),
    "NewFileName": ("newfilepath",),
    "ObjectAttributes": ("regkey",),
    "Registry": ("basehandle",),
}
_CATEGORIES = {"file": "filesystem", "synchronisation": "synchronization"}
_GUESSES = (
    (
        "filesystem",
        ("Nt*File", "*File[AW]", "*FileEx[AW]", "*Directory[AW]", "*DirectoryEx[AW]", "FindFirstFile*"),
    ),
    ("registry", ("Reg*", "Nt*Key", "Nt*KeyEx")),
    ("synchronization", ("Nt*Mutant",)),
)


def position(kind: Kind, *names: str) -> int | None:
    """Return where in a call's `args` the first of the named arguments stands that the kind has."""
    spelled = _spelled(kind.names)
    for name in names:
        for word in (_plain(name), *_OTHER_WORDS.get(name, ())):
            if word in spelled:
                return spelled[word]
    return None


@lru_cache(maxsize=65536)
def _spelled(names: tuple[str, ...]) -> dict[str, int]:
    plain = list(map(_plain, names))
    return {name: plain.index(name) for name in plain}


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def category(kind: Kind) -> str:
    """Return the category in the successor's word; very old logs carry none, there the name must do."""
    if kind.category:
        return _CATEGORIES.get(kind.category, kind.category)
    return next((category for category, patterns in _GUESSES if named(kind, patterns)), "")


def named(kind: Kind, patterns: Iterable[str]) -> bool:
    """Return whether the API is one of those that the patterns stand for."""
    return _any_of(tuple(patterns)).fullmatch(kind.api) is not None


@lru_cache(maxsize=65536)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))
