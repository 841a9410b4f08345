"""The values of Volatility's tables as plain data.

What a column says of itself decides: `Hex` becomes "0x…", bytes become hexadecimal text, times ISO 8601. A value that
Volatility marks as absent keeps its mark, "-" (cannot be read) or "N/A" (does not apply), so that "" stays a value.
"""

import datetime
from collections.abc import Callable, Mapping
from typing import Any

_CUT = "…"


def plain(value: Any, maximum: int) -> Any:
    """Return a cell as None, bool, int, float or text of at most `maximum` characters.

    Volatility's classes are told by their names along the base classes, so that this file needs no library.
    """
    for base in type(value).__mro__:
        if convert := _CONVERSIONS.get(base.__name__):
            return _shortened(convert(value), maximum)
    return _shortened(str(value), maximum)


def type_name(kind: type) -> str:
    """Return the type of a column, for example "int", "str", "hex", "bytes", "datetime", "disassembly"."""
    return _TYPE_NAMES.get(kind.__name__, kind.__name__.lower())


def _shortened(value: Any, maximum: int) -> Any:
    if not isinstance(value, str):
        return value
    text = value.encode("utf-8", errors="backslashreplace").decode()  # lone surrogates are no text
    return text if len(text) <= maximum else text[: maximum - 1] + _CUT


def _text_of_bytes(value: Any) -> str:
    """Decode what is text in the plugin's own encoding, else show the bytes."""
    encoding = getattr(value, "encoding", "utf-8")
    try:
        text = bytes(value).decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return bytes(value).hex(" ")
    parts = text.rstrip("\0").split("\0")
    return "\n".join(parts) if getattr(value, "split_nulls", False) else parts[0]


def _layer_bytes(value: Any) -> str:
    """Read the bytes that a cell points at; pages that are not there read as zeros."""
    layer = value.context.layers[value.layer_name]
    data: bytes = layer.read(value.offset, value.length, True)
    return data.hex(" ")


def _disassembly(value: Any) -> str:
    """Return one instruction a line, with its address; the bytes where capstone is not installed."""
    try:
        import capstone  # noqa: PLC0415 - optional and heavy
    except ImportError:
        return bytes(value.data).hex(" ")
    modes = {
        "intel": (capstone.CS_ARCH_X86, capstone.CS_MODE_32),
        "intel64": (capstone.CS_ARCH_X86, capstone.CS_MODE_64),
        "arm": (capstone.CS_ARCH_ARM, capstone.CS_MODE_ARM),
        "arm64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM),
    }
    if value.architecture not in modes:
        return ""
    instructions = capstone.Cs(*modes[value.architecture]).disasm(value.data, value.offset)
    return "\n".join(f"{each.address:#x}:\t{each.mnemonic}\t{each.op_str}" for each in instructions)


def _same(value: Any) -> Any:
    return value


def _time(value: datetime.datetime) -> str:
    return value.isoformat()


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "BaseAbsentValue": str,
    "NoneType": _same,
    "bool": _same,
    "Hex": hex,
    "Bin": bin,
    "int": int,
    "float": float,
    "str": str,
    "MultiTypeData": _text_of_bytes,
    "bytes": lambda value: value.hex(" "),
    "datetime": _time,
    "LayerData": _layer_bytes,
    "Disassembly": _disassembly,
}
_TYPE_NAMES = {"HexBytes": "bytes", "MultiTypeData": "str", "LayerData": "bytes"}
