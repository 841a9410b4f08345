"""Call messages taken apart, and the texts that stand for their values in a report.

Shared by everything that reads a call; the compiled scanner repeats these rules and falls back to this module for
values of rare types.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from lib.cuckoo.behavior.kinds import Kind
from lib.cuckoo.behavior.wire import (
    ARRAY,
    BINARY,
    DEEPEST_NESTING,
    DOCUMENT,
    INT32,
    LARGEST_DOCUMENT,
    NUMBERS,
    STRING,
    Data,
    Element,
    MalformedError,
    Value,
    document_end,
    elements,
    integer,
    payload,
    plain,
)

Shown: TypeAlias = "str | list[Shown] | dict[str, Shown]"
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), 127) if chr(code) not in "\t\r\n"}
_BYTE_ESCAPES = _ESCAPES | {code: f"\\x{code:02x}" for code in range(128, 256)}
_WIDE_KEYS = frozenset((b"C", b"R", b"P", b"h"))


def printable(raw: bytes) -> str:
    r"""Return bytes as text: UTF-8, else one character for each byte; what cannot be printed is `\\xNN`."""
    try:
        return raw.decode().translate(_ESCAPES)
    except UnicodeDecodeError:
        return raw.decode("latin-1").translate(_BYTE_ESCAPES)


@dataclass(slots=True)
class Message:
    """Where the parts of one message lie; absent numbers are 0, absent documents empty."""

    type: str | None = None
    """A call has none."""
    index: int | None = None
    thread: int = 0
    time: int = 0
    repeated: int = 0
    caller: int | None = None
    return_address: int | None = None
    parent: int | None = None
    wide: bool = False
    """Whether the monitor gives every number 64 bits, so that a negative one is as wide whatever its type."""
    args: tuple[int, int] = (0, 0)
    aux: tuple[int, int] = (0, 0)


_NUMBER_FIELDS = {
    b"I": "index",
    b"T": "thread",
    b"t": "time",
    b"r": "repeated",
    b"C": "caller",
    b"R": "return_address",
    b"P": "parent",
}


def read_message(data: Data, start: int, end: int) -> Message:
    """Take apart the message at [start, end).

    Raises:
        MalformedError: some element of it cannot be read.
    """
    message = Message()
    for tag, name, at, to in elements(data, start, end):
        message.wide |= name in _WIDE_KEYS
        if name in _NUMBER_FIELDS and tag in NUMBERS:
            setattr(message, _NUMBER_FIELDS[name], integer(data, at, to))
        elif name == b"args" and tag == ARRAY:
            message.args = (at, to)
        elif name == b"type" and message.type is None and tag in (STRING, BINARY):
            message.type = printable(payload(data, tag, at, to))
        elif name == b"aux" and tag == DOCUMENT:
            message.aux = (at, to)
    return message


class Rendered(NamedTuple):
    """A call as texts; `values` holds name, text and, for numbers, the number that was logged."""

    caller: str
    parent: str
    returned: str
    values: list[tuple[str, Shown, int | None]]
    fault: str
    """What could not be read of the arguments; "" when everything could."""


UNREADABLE = Rendered("0x00000000", "0x00000000", "0x00000000", [], "the call is not where the index says")


def render(data: Data, offset: int, kind: Kind) -> Rendered:
    """Return the call that lies at `offset` as texts; an offset where none lies gives `UNREADABLE`."""
    message = _message_at(data, offset)
    if message is None:
        return UNREADABLE
    caller = message.caller if message.return_address is None else message.return_address
    returned, values, fault = _arguments(data, message, kind)
    return Rendered(_address(caller), _address(message.parent), returned, values, fault)


def _message_at(data: Data, offset: int) -> Message | None:
    if not 0 <= offset <= len(data):
        return None
    try:
        return read_message(
            data, offset, document_end(data, offset, min(len(data), offset + LARGEST_DOCUMENT))
        )
    except MalformedError:
        return None


def render_some(data: Data, offset: int, kind: Kind, positions: Sequence[int]) -> list[str | None]:
    """Return the texts of the arguments at `positions`, which rise; None for what is absent or no plain value."""
    texts: list[str | None] = [None] * len(positions)
    message = _message_at(data, offset)
    if message is None:
        return texts
    wanted = {position: slot for slot, position in enumerate(positions)}
    try:
        for position, element in enumerate(elements(data, *message.args)):
            if position in wanted:
                hexadecimal = kind.hexes[position : position + 1] == b"\1"
                text, _ = shown(data, element, hexadecimal, message.wide)
                texts[wanted[position]] = text if isinstance(text, str) else None
    except MalformedError:
        pass
    return texts


def _address(number: int | None) -> str:
    return f"0x{(number or 0) & 0xFFFFFFFFFFFFFFFF:08x}"


def _arguments(
    data: Data, message: Message, kind: Kind
) -> tuple[str, list[tuple[str, Shown, int | None]], str]:
    returned, fault, position = "0x00000000", "", -1
    values: list[tuple[str, Shown, int | None]] = []
    status_at, return_at, declared = kind.status_at, kind.return_at, len(kind.names)
    try:
        for position, element in enumerate(elements(data, *message.args)):
            if position == return_at:
                returned = _shown_return(data, element, message.wide)
            elif position != status_at:
                name = kind.names[position] if position < declared else printable(element[1])
                hexadecimal = position < declared and kind.hexes[position] == 1
                values.append((name, *shown(data, element, hexadecimal, message.wide)))
        if position + 1 != declared:
            fault = f"{position + 1} arguments where {declared} are declared"
        values.extend(
            (printable(element[1]), *shown(data, element, False, message.wide))
            for element in elements(data, *message.aux)
        )
    except MalformedError as error:
        fault = error.what
    return returned, values, fault


def _shown_return(data: Data, element: Element, wide: bool) -> str:
    tag, _, start, end = element
    if tag in NUMBERS:
        number = integer(data, start, end)
        return f"0x{number & (0xFFFFFFFFFFFFFFFF if wide or end - start == 8 else 0xFFFFFFFF):08x}"
    return printable(payload(data, tag, start, end)) if tag in (STRING, BINARY) else ""


def shown(data: Data, element: Element, hexadecimal: bool, wide: bool) -> tuple[Shown, int | None]:
    """Return the text of one argument, and its number when it is one.

    Negative numbers appear unsigned: 32 bits wide when logged as int32 in hexadecimal or by a monitor of the
    classic family, else 64. Lists and documents keep their shape.

    Raises:
        MalformedError: a list or document cannot be read.
    """
    tag, _, start, end = element
    if tag in (STRING, BINARY):
        return printable(payload(data, tag, start, end)), None
    if tag in NUMBERS:
        number = integer(data, start, end)
        if hexadecimal:
            return f"0x{number & (0xFFFFFFFF if tag == INT32 else 0xFFFFFFFFFFFFFFFF):08x}", number
        mask = 0xFFFFFFFFFFFFFFFF if wide or tag != INT32 else 0xFFFFFFFF
        return str(number & mask), number
    return _shown_plain(plain(data, element), 0), None


def _shown_plain(value: Value, depth: int) -> Shown:
    if isinstance(value, list) and depth < DEEPEST_NESTING:
        return [_shown_plain(item, depth + 1) for item in value]
    if isinstance(value, dict) and depth < DEEPEST_NESTING:
        return {printable(name.encode()): _shown_plain(item, depth + 1) for name, item in value.items()}
    if isinstance(value, bytes | str):
        return printable(value if isinstance(value, bytes) else value.encode())
    return "" if value is None else str(value)
