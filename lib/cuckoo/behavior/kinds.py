"""Declared call types: what an `info` message says about the calls that carry its index."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from lib.cuckoo.behavior.wire import Value
from lib.cuckoo.common.text import readable_text

HEXADECIMAL = frozenset("phx")
"""Formats of arguments that are shown as 0x…: pointers, handles, numbers people read in hexadecimal."""
_WIDTH = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class FlagNames:
    """The names that a second-family log carries for the numbers of one argument."""

    values: tuple[tuple[int, str], ...] = ()
    bits: tuple[tuple[int, str], ...] = ()

    def text(self, shown: str) -> str:
        """Return the name of a value, or of its bits joined by `|`; "" when none fits. Only 32 bits count."""
        try:
            number = int(shown, 0) & _WIDTH
        except ValueError:
            return ""
        names = [name for value, name in self.values if value & _WIDTH == number]
        names += [
            name for mask, name in self.bits if mask & _WIDTH and number & mask & _WIDTH == mask & _WIDTH
        ]
        return "|".join(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Kind:
    """One call type: the name, and how each element of a call's `args` is called and shown."""

    api: str
    category: str
    names: tuple[str, ...]
    """Of every element of `args`, `is_success` and `retval` included."""
    hexes: bytes
    """One byte for each name: 1 when the number is shown in hexadecimal."""
    flags: Mapping[str, FlagNames] = field(default_factory=dict)

    @property
    def status_at(self) -> int:
        """Position of the success flag in `args`, -1 when it is not declared."""
        return self.names.index("is_success") if "is_success" in self.names else -1

    @property
    def return_at(self) -> int:
        """Position of the return value in `args`, -1 when it is not declared."""
        return self.names.index("retval") if "retval" in self.names else -1

    @property
    def usual(self) -> bool:
        """Whether success and return value lead the arguments, as every monitor declares them."""
        return self.names[:2] == ("is_success", "retval")

    def as_plain(self) -> list[Any]:
        """Return plain data that `from_plain` builds an equal kind from."""
        flags = [
            [name, list(map(list, one.values)), list(map(list, one.bits))] for name, one in self.flags.items()
        ]
        return [self.api, self.category, list(self.names), list(self.hexes), flags]

    @classmethod
    def from_plain(cls, plain: Any) -> Self:
        """Build a kind from `as_plain`.

        Raises:
            ValueError: it is something else.
        """
        try:
            api, category, names, hexes, flags = plain
            tables = {str(name): FlagNames(_pairs(values), _pairs(bits)) for name, values, bits in flags}
            kind = cls(str(api), str(category), tuple(map(str, names)), bytes(hexes), tables)
        except (TypeError, ValueError) as error:
            raise ValueError(f"not a call type: {error}") from error
        if len(kind.names) != len(kind.hexes):
            raise ValueError(f"{len(kind.names)} arguments with {len(kind.hexes)} formats")
        return kind


def declared_kind(info: Mapping[str, Value]) -> Kind:
    """Return the call type that an `info` document declares; what is missing from it is empty."""
    arguments = info.get("args")
    pairs = [_argument(one, at) for at, one in enumerate(arguments if isinstance(arguments, list) else [])]
    return Kind(
        api=_text(info.get("name")),
        category=_text(info.get("category")),
        names=tuple(name for name, _ in pairs),
        hexes=bytes(shape in HEXADECIMAL for _, shape in pairs),
        flags=_flag_names(info),
    )


def _argument(declared: Value, position: int) -> tuple[str, str]:
    """Return name and format of one declared argument; one that is neither text nor a pair goes by its position."""
    if isinstance(declared, list):
        name, shape = ([*declared, None, None])[:2]
        return _text(name) or str(position), _text(shape)
    return _text(declared) or str(position), ""


def _text(value: Value) -> str:
    if isinstance(value, bytes):
        return readable_text(value)
    return value if isinstance(value, str) else ""


def _flag_names(info: Mapping[str, Value]) -> dict[str, FlagNames]:
    values, bits = (
        table if isinstance(table := info.get(key), dict) else {} for key in ("flags_value", "flags_bitmask")
    )
    return {name: FlagNames(_pairs(values.get(name)), _pairs(bits.get(name))) for name in {**values, **bits}}


def _pairs(table: object) -> tuple[tuple[int, str], ...]:
    """Return the `[number, name]` pairs of a table, without what is not one."""
    rows = table if isinstance(table, list | tuple) else []
    pairs = [row for row in rows if isinstance(row, list | tuple) and len(row) == 2]
    return tuple(
        (number, name) for number, name in pairs if isinstance(number, int) and isinstance(name, str)
    )
