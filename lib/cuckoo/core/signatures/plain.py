"""Turns what signatures gather into plain data, so that no match is lost for want of an encoding."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

MOST_LEVELS = 50


def plain(value: object, levels: int = MOST_LEVELS) -> Any:
    r"""Return `value` as dicts with text keys, lists, text, numbers, True, False and None.

    Bytes are read as UTF-8 with `\xNN` for the rest; sets are sorted; anything else, and what lies deeper
    than 50 levels, is given by its `repr`.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return _scalar(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    if not levels:
        return shown(value)
    if isinstance(value, Mapping):
        return {_key(key): plain(member, levels - 1) for key, member in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((plain(member, levels - 1) for member in value), key=repr)
    if isinstance(value, list | tuple):
        return [plain(member, levels - 1) for member in value]
    return shown(value)


def shown(value: object, most: int = 200) -> str:
    """Return the `repr` of a value, cut; of one that has none the name of its type."""
    try:
        return repr(value)[:most]
    except Exception:  # noqa: BLE001 - the class is a dropped-in file's
        return f"<{type(value).__name__}>"


def _scalar(value: bool | float | str | None) -> Any:
    """Return a plain value of exactly its built-in type, whatever subclass it came as."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None


def _key(key: object) -> str:
    return str(plain(key, 1))
