"""Readable values of arguments and return values: `GENERIC_READ|SYNCHRONIZE` for 0x80100000.

What a number means depends on the call: the bit 0x1 of an access mask lets one read a file, query a key or
end a process. `data/arguments.json` says which table is meant, by patterns of API names and by the names of
arguments, and `data/returns.json` says the same for the codes that calls return. Either family's spelling is
understood (`DesiredAccess`, `desired_access`), and Zw names are Nt names.
"""

import re
from collections.abc import Mapping
from fnmatch import translate
from functools import cache, lru_cache

from lib.cuckoo.behavior.vocabulary import number_of, rules, vocabulary

_LONGEST_NUMBER = len("-9223372036854775808")
_LONGEST_NAME = 64
"""Longer names of APIs and arguments are not Windows'; they are not worth a place in the cache."""
_WIN32_IN_HRESULT = 0x80070000
_WIN32_IN_NTSTATUS = 0xC0070000
_NTSTATUS_IN_HRESULT = 0x10000000


def pretty_value(api: str, name: str, value: str) -> str | None:
    """Return `value`, the number of argument `name` of `api` as the report shows it, in words.

    Flags are joined by `|`, and left-over bits end the text as `0x…`. None when no table is about the
    argument, the value is not a number, or no part of it has a name.
    """
    if len(value) > _LONGEST_NUMBER or len(api) > _LONGEST_NAME or len(name) > _LONGEST_NAME:
        return None
    table = argument_table(api, name)
    return None if table is None else _in_words(table, value)


def pretty_return(api: str, category: str, status: bool, value: str) -> str | None:
    """Return the name of the error or the informational code that `api` returned, or None when there is none.

    `status` is whether the monitor counts the call as successful. Names lack the prefix that their header
    gives to all: ACCESS_DENIED is STATUS_ACCESS_DENIED from an Nt call, ERROR_ACCESS_DENIED from a Reg call.
    Handles, counts and truth values have no name, nor has zero.
    """
    if len(value) > _LONGEST_NUMBER or len(api) > _LONGEST_NAME or category == "__notification__":
        return None
    kind = return_kind(api)
    if kind is None or (status and kind == "win32_error"):
        return None
    return _error_in_words(kind, value)


@lru_cache(maxsize=4096)
def argument_table(api: str, name: str) -> str | None:
    """Return the name of the table that puts this argument into words, None when there is none."""
    api = _as_nt(api)
    candidates = _argument_rules().get(_plain(name), [])
    return next((table for pattern, table in candidates if pattern.fullmatch(api)), None)


@lru_cache(maxsize=4096)
def return_kind(api: str) -> str | None:
    """Return the list that the return value of `api` is from: ntstatus, win32_error, hresult or None."""
    api = _as_nt(api)
    return next((kind for pattern, kind in _return_rules() if pattern.fullmatch(api)), None)


@lru_cache(maxsize=16384)
def _in_words(table: str, value: str) -> str | None:
    number = number_of(value)
    return None if number is None else vocabulary(table).words(number)


@lru_cache(maxsize=4096)
def _error_in_words(kind: str, value: str) -> str | None:
    number = number_of(value)
    if not number:
        return None
    if kind == "win32_error":
        return _win32_name(number)
    return _ntstatus_name(number) if kind == "ntstatus" else _hresult_name(number)


def _win32_name(number: int) -> str | None:
    name = vocabulary("win32_error").words(number)
    return None if name is None else name.removeprefix("ERROR_")


def _ntstatus_name(number: int) -> str | None:
    name = vocabulary("ntstatus").words(number)
    if name is not None:
        return name.removeprefix("STATUS_")
    return _wrapped("NTSTATUS_FROM_WIN32", "win32_error", number - _WIN32_IN_NTSTATUS)


def _hresult_name(number: int) -> str | None:
    name = vocabulary("hresult").words(number)
    if name is not None:
        return name
    if number & _NTSTATUS_IN_HRESULT:
        return _wrapped("HRESULT_FROM_NT", "ntstatus", number & ~_NTSTATUS_IN_HRESULT)
    return _wrapped("HRESULT_FROM_WIN32", "win32_error", number - _WIN32_IN_HRESULT)


def _wrapped(macro: str, table: str, number: int) -> str | None:
    """Name a code that stands inside another kind of code, in the words of winerror.h's macro."""
    name = vocabulary(table).words(number)
    return None if name is None else f"{macro}({name})"


@cache
def _argument_rules() -> Mapping[str, list[tuple[re.Pattern[str], str]]]:
    found: dict[str, list[tuple[re.Pattern[str], str]]] = {}
    for rule in rules("arguments.json"):
        for name in rule["arguments"]:
            found.setdefault(_plain(name), []).extend(
                (re.compile(translate(api)), rule["table"]) for api in rule["apis"]
            )
    return found


@cache
def _return_rules() -> list[tuple[re.Pattern[str], str | None]]:
    return [
        (re.compile(translate(api)), rule["codes"]) for rule in rules("returns.json") for api in rule["apis"]
    ]


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _as_nt(api: str) -> str:
    return "Nt" + api[2:] if api.startswith("Zw") else api
