"""`process["calls"]`: a sequence of calls that are read from the log when somebody asks for them."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from lib.cuckoo.behavior.clock import timestamp
from lib.cuckoo.behavior.columns import MOST_KINDS, TYPECODES
from lib.cuckoo.behavior.kinds import Kind
from lib.cuckoo.behavior.message import Rendered, Shown, render
from lib.cuckoo.behavior.pretty import argument_table, pretty_return, pretty_value
from lib.cuckoo.behavior.reader import active
from lib.cuckoo.behavior.source import LogSource

if TYPE_CHECKING:
    from array import array

Call = dict[str, Any]
UNKNOWN_KIND = Kind("", "", (), b"")
_CALLS_PER_CHUNK = 1000
_LONGEST_NUMBER = 20
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Limits:
    """What of the calls the report shows; 0 is everything. Reading and searching always see everything."""

    calls: int = 0
    argument_length: int = 0
    """Characters; a value that is cut gets `value_length` beside it."""


class Calls(Sequence[Call]):
    """The calls of one process, in the order of the log, identical neighbours folded.

    Indexing and iterating build a fresh dict each time; `of` and `rows` find calls by name without reading the
    others. The object holds an index of 27 bytes a call; the log stays the store of the arguments.
    """

    def __init__(
        self,
        *,
        source: LogSource,
        log_name: str,
        kinds: Sequence[Kind],
        columns: Sequence[memoryview],
        first_seen_ms: int = 0,
        buffers: Mapping[int, str] | None = None,
        limits: Limits | None = None,
        first_id: int = 0,
    ) -> None:
        self.source = source
        self.log_name = log_name
        self.kinds = kinds
        self.columns = columns
        self.offsets, self.times, self.threads, self.kind_numbers, self.statuses, self.repeats = columns
        self.first_seen_ms = first_seen_ms
        self.buffers = dict(buffers or {})
        self.limits = limits or Limits()
        self.first_id = first_id
        self.table: object = None
        """Of the compiled scanner: what it works out once."""

    def __len__(self) -> int:
        return len(self.offsets)

    def __repr__(self) -> str:
        return f"<{len(self)} calls of {self.log_name}>"

    def __iter__(self) -> Iterator[Call]:
        return map(self.call, range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Call]: ...
    def __getitem__(self, index: int | slice) -> Call | Sequence[Call]:
        """Return one call, or for a slice of neighbours their `Calls`, for any other slice a list."""
        if not isinstance(index, slice):
            return self.call(range(len(self))[index])
        rows = range(len(self))[index]
        return self._part(rows) if rows.step == 1 else [self.call(row) for row in rows]

    def _part(self, rows: range) -> "Calls":
        return Calls(
            source=self.source,
            log_name=self.log_name,
            kinds=self.kinds,
            columns=[column[rows.start : rows.stop] for column in self.columns],
            first_seen_ms=self.first_seen_ms,
            buffers=self.buffers,
            limits=self.limits,
            first_id=self.first_id + rows.start,
        )

    def kind_at(self, row: int) -> Kind:
        """Return the declared call type of a row."""
        number = self.kind_numbers[row]
        return self.kinds[number] if number < len(self.kinds) else UNKNOWN_KIND

    def api_at(self, row: int) -> str:
        """Return the API name of a row, without reading the call."""
        return self.kind_at(row).api

    def rows(self, api: str | Collection[str] = (), category: str | Collection[str] = ()) -> "array[int]":
        """Return the row numbers of the calls with one of the names *and* one of the categories; empty passes all."""
        apis, categories = _names(api), _names(category)
        return self.rows_of_kinds(
            number
            for number, kind in enumerate(self.kinds)
            if (not apis or kind.api in apis) and (not categories or kind.category in categories)
        )

    def rows_of_kinds(self, numbers: Iterator[int]) -> "array[int]":
        """Return the row numbers of the calls whose kind, by its place in `kinds`, is one of `numbers`."""
        wanted = bytearray(MOST_KINDS)
        for number in numbers:
            wanted[number] = 1
        return active().select(self.kind_numbers, bytes(wanted))

    def of(self, api: str | Collection[str] = (), category: str | Collection[str] = ()) -> Iterator[Call]:
        """Iterate over the calls with one of the names *and* one of the categories; the others are not read."""
        return map(self.call, self.rows(api, category))

    def pick(self, row: int, positions: Sequence[int]) -> list[str | None]:
        """Return the texts of some arguments of a call by declared position, which rise; None for absent ones."""
        return active().pick(self.source.data(), self.offsets[row], self.kind_at(row), positions)

    @property
    def first_seen(self) -> str:
        """When the process was first seen, as the contract's text."""
        return timestamp(self.first_seen_ms)

    def timestamp_at(self, row: int) -> str:
        """Return when a call was made, as the contract's text."""
        return timestamp(self.first_seen_ms + self.times[row])

    def call(self, row: int, *, raw: bool = False) -> Call:
        """Return one call in the contract's shape.

        With `raw`, arguments also carry `raw_value`: the number that was logged, or the text. A call of which
        something could not be read says so under `fault`.

        Raises:
            IndexError: there is no such row; rows count from 0.
        """
        return active().call(self, row, raw)

    def plain_call(self, row: int, *, raw: bool = False) -> Call:
        """Return one call as `call` does; what the compiled scanner falls back to."""
        if not 0 <= row < len(self):
            raise IndexError(f"no row {row} in {len(self)} calls")
        kind = self.kind_at(row)
        found = render(self.source.data(), self.offsets[row], kind)
        status = bool(self.statuses[row])
        call: Call = {
            "timestamp": self.timestamp_at(row),
            "thread_id": str(self.threads[row]),
            "caller": found.caller,
            "parentcaller": found.parent,
            "category": kind.category,
            "api": kind.api,
            "status": status,
        }
        call |= returned_as(kind, status, found.returned)
        call["arguments"] = [argument(kind, *value, raw=raw) for value in found.values]
        call["repeated"] = self.repeats[row]
        return self._completed(call, row, found)

    def _completed(self, call: Call, row: int, found: Rendered) -> Call:
        identity = self.first_id + row
        call["id"] = identity
        if identity in self.buffers:
            call["buffer"] = self.buffers[identity]
        if found.fault:
            call["fault"] = found.fault
        return call

    def json_call(self, row: int) -> bytes:
        """Return one call as JSON, within the limits of what the report shows."""
        call = self.call(row)
        longest = self.limits.argument_length
        if longest:
            for one in call["arguments"]:
                shorten(one, longest)
        return encode(call).encode()

    @staticmethod
    def json_return(kind: Kind, status: bool, returned: str) -> bytes:
        """Return the return value as members of a JSON object, a comma behind each."""
        return encode(returned_as(kind, status, returned)).encode()[1:-1] + b","

    @staticmethod
    def json_meaning(kind: Kind, name: str, text: str) -> bytes:
        """Return an argument's meaning as a member of a JSON object, a comma before it; empty when it has none."""
        meaning = pretty(kind, name, text)
        return b',"pretty_value":' + encode(meaning).encode() if meaning else b""

    def json_chunks(self) -> Iterator[bytes]:
        """Yield the calls as JSON text: no blanks, characters beyond ASCII as they are, UTF-8."""
        shown = min(len(self), self.limits.calls or len(self))
        yield b"["
        for first in range(0, shown, _CALLS_PER_CHUNK):
            last = min(first + _CALLS_PER_CHUNK, shown)
            yield (b"," if first else b"") + active().json_calls(self, first, last)
            self.source.passed(self.offsets[first])
        self.source.left()
        yield b"]"

    def json_lines(self) -> Iterator[bytes]:
        """Yield the calls as `json_chunks` does, but one a line."""
        one, shown = active().json_calls, min(len(self), self.limits.calls or len(self))
        for first in range(0, shown, _CALLS_PER_CHUNK):
            rows = range(first, min(first + _CALLS_PER_CHUNK, shown))
            yield b"".join([one(self, row, row + 1) + b"\n" for row in rows])
            self.source.passed(self.offsets[first])

    def detach(self) -> tuple[dict[str, Any], list[memoryview]]:
        """Return the description and the six columns; the log itself stays where it is."""
        description = {
            "log_name": self.log_name,
            "unpacked_bytes": self.source.unpacked_bytes,
            "kinds": [kind.as_plain() for kind in self.kinds],
            "first_seen_ms": self.first_seen_ms,
            "buffers": [[row, checksum] for row, checksum in self.buffers.items()],
            "limits": [self.limits.calls, self.limits.argument_length],
            "first_id": self.first_id,
        }
        return description, [column.cast("B") for column in self.columns]

    @classmethod
    def attach(cls, description: dict[str, Any], buffers: Sequence[memoryview], analysis_path: str) -> Self:
        """Build the calls again from what `detach` gave.

        Raises:
            ValueError: the description is not one, leads out of the analysis, or the columns differ in length.
        """
        try:
            name = str(description["log_name"])
            calls, argument_length = description["limits"]
            return cls(
                source=LogSource(inside(analysis_path, name), natural(description["unpacked_bytes"])),
                log_name=name,
                kinds=[Kind.from_plain(plain) for plain in description["kinds"]],
                columns=columns_of(buffers, TYPECODES),
                first_seen_ms=natural(description["first_seen_ms"]),
                buffers={natural(row): str(checksum) for row, checksum in description["buffers"]},
                limits=Limits(natural(calls), natural(argument_length)),
                first_id=natural(description["first_id"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a description of calls: {error!r}") from error


def natural(number: object) -> int:
    """Return a number that the compiled scanner can add to others.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(number, int) or not 0 <= number < 1 << 53:
        raise ValueError(f"{number!r} is not a count")
    return number


def columns_of(buffers: Sequence[memoryview], typecodes: str) -> list[memoryview]:
    """Return flat buffers as columns of equal length.

    Raises:
        ValueError: their number or their lengths do not fit.
    """
    columns = [buffer.cast("B").cast(code) for buffer, code in zip(buffers, typecodes, strict=True)]  # type: ignore[call-overload]
    if len({len(column) for column in columns}) != 1:
        raise ValueError(f"columns of {[len(column) for column in columns]} rows")
    return columns


def inside(analysis_path: str, name: str) -> Path:
    """Return the path of a file of the analysis.

    Raises:
        ValueError: the name leads out of the folder.
    """
    folder = Path(analysis_path).resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise ValueError(f"{name!r} leads out of the analysis")
    return path


def returned_as(kind: Kind, status: bool, returned: str) -> dict[str, str]:
    """Return the part of a call that tells its return value."""
    meaning = pretty_return(kind.api, kind.category, status, returned)
    return {"return": returned} if meaning is None else {"return": returned, "pretty_return": meaning}


def argument(kind: Kind, name: str, text: Shown, number: int | None, *, raw: bool = False) -> dict[str, Any]:
    """Return one argument of a call in the contract's shape."""
    shown: dict[str, Any] = {"name": name, "value": text}
    if raw:
        shown["raw_value"] = text if number is None else number
    meaning = pretty(kind, name, text)
    if meaning:
        shown["pretty_value"] = meaning
    return shown


def pretty(kind: Kind, name: str, text: Shown) -> str | None:
    """Return what a number means: by the names in its own log first, else by the tables. Text means itself."""
    if (
        not isinstance(text, str)
        or len(text) > _LONGEST_NUMBER
        or not text.isascii()
        or not text[:1].isdigit()
    ):
        return None
    named = kind.flags[name].text(text) if name in kind.flags else ""
    return named or pretty_value(kind.api, name, text)


def may_have_meaning(kind: Kind, name: str) -> bool:
    """Return whether some value of an argument could have a meaning."""
    return name in kind.flags or argument_table(kind.api, name) is not None


def shorten(argument: dict[str, Any], longest: int) -> None:
    """Cut a long value, and put its full length beside it."""
    value = argument["value"]
    if isinstance(value, str) and len(value) > longest:
        argument["value"], argument["value_length"] = value[:longest], len(value)


def _names(given: str | Collection[str]) -> frozenset[str]:
    return frozenset((given,) if isinstance(given, str) else given)
