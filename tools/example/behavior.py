r"""Write behaviour logs, one class for each dialect.

A log is one BSON document after another: an *info* document declares a call type once, before its first use;
a *call* document gives the values in the declared order. The successor's monitor sends every string as BSON
binary, the second family's sends strings; the classic one has neither callers nor the count of repetitions.

An argument of a call is a plain value, or `pointer(…)` or `number(…)` for the formats ``p`` and ``h``::

    log = LogWriter(2840, 1532, r"C:\a.exe", started=datetime(2026, 3, 17, tzinfo=UTC))
    log.call("NtClose", "system", {"Handle": pointer(0x44)}, at=12)
    Path("logs/2840.bson").write_bytes(log.contents())
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from tools.example.bson import Int64, Value, encode

Flags = Mapping[str, list[list[int | str]]]

_EPOCH_1601 = datetime(1601, 1, 1, tzinfo=UTC)
_PROCESS, _THREAD, _ENVIRON, _FIRST_CALL = 0, 1, 8, 9


class Formatted(NamedTuple):
    """A value whose format the info document names."""

    value: int
    format: str


Argument = Value | Formatted
Arguments = dict[str, Argument]


def pointer(value: int) -> Formatted:
    """An address or a handle, eight bytes wide on the wire."""
    return Formatted(Int64(signed(value, 64)), "p")


def number(value: int) -> Formatted:
    """A number that reads best in hexadecimal, such as flags; four bytes on the wire."""
    return Formatted(signed(value, 32), "h")


def signed(value: int, bits: int) -> int:
    """The value as the signed number of that many bits, the only kind BSON knows."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def filetime(moment: datetime) -> tuple[int, int]:
    """The low and high half of a FILETIME: 100 ns since 1601, as signed 32-bit numbers."""
    passed = moment - _EPOCH_1601
    ticks = (passed.days * 86_400 + passed.seconds) * 10_000_000 + passed.microseconds * 10
    return signed(ticks, 32), signed(ticks >> 32, 32)


@dataclass
class LogWriter:
    """The log of one process as the successor's monitor writes it."""

    pid: int
    parent: int
    module: str
    started: datetime
    thread: int = 1000
    environ: Arguments = field(default_factory=dict)
    _documents: list[bytes] = field(default_factory=list, init=False)
    _indexes: dict[tuple[object, ...], int] = field(default_factory=dict, init=False)
    _threads: set[int] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self._notify(_PROCESS, "__process__", self._identity(), self.thread, 0)
        self._begin_thread(self.thread, 0)
        if self.environ:
            self._notify(_ENVIRON, "__environ__", self.environ, self.thread, 0)

    def call(  # noqa: PLR0913 - a call document has that many fields
        self,
        api: str,
        category: str,
        arguments: Arguments | None = None,
        *,
        at: int,
        status: bool = True,
        returned: int = 0,
        thread: int | None = None,
        caller: tuple[int, int] = (0x00401A3C, 0x00401112),
        repeated: int = 0,
        aux: Mapping[str, Value] | None = None,
    ) -> None:
        """Add a call `at` milliseconds after the start; `caller` is the caller and its parent."""
        thread = self.thread if thread is None else thread
        self._begin_thread(thread, at)
        index = self._declare(api, category, arguments or {})
        document = self._head(index, thread, at, caller, repeated)
        document |= self._errors(status, returned)
        document["args"] = [int(status), Int64(returned), *self._values(arguments or {})]
        if aux is not None:
            document["aux"] = aux
        self.add(document)

    def add(self, document: Mapping[str, Value]) -> None:
        """Add any document, for messages that are not calls and for hostile ones."""
        self._documents.append(encode(document))

    def contents(self) -> bytes:
        """The whole log."""
        return b"".join(self._documents)

    def _identity(self) -> dict[str, Argument]:
        low, high = filetime(self.started)
        return {
            "TimeLow": low,
            "TimeHigh": high,
            "ProcessIdentifier": self.pid,
            "ParentProcessIdentifier": self.parent,
            "ModulePath": self.module,
        }

    def _begin_thread(self, thread: int, at: int) -> None:
        if thread not in self._threads:
            self._threads.add(thread)
            self._notify(_THREAD, "__thread__", {"ProcessIdentifier": Int64(self.pid)}, thread, at)

    def _notify(self, index: int, name: str, arguments: Arguments, thread: int, at: int) -> None:
        self._declare(name, "__notification__", arguments, index)
        head = self._head(index, thread, at, (0, 0), 0)
        self.add(head | {"args": [1, Int64(0), *self._values(arguments)]})

    def _declare(self, name: str, category: str, arguments: Arguments, index: int | None = None) -> int:
        """The index of a call type; each list of arguments is a type of its own."""
        declared = [_declared(argument, value) for argument, value in arguments.items()]
        kind = (name, category, *map(str, declared))
        if kind not in self._indexes:
            self._indexes[kind] = _FIRST_CALL + len(self._indexes) if index is None else index
            self._inform(self._indexes[kind], name, category, ["is_success", "retval", *declared])
        return self._indexes[kind]

    def _inform(self, index: int, name: str, category: str, arguments: list[Value]) -> None:
        self.add({"I": index, "name": name, "type": "info", "category": category, "args": arguments})

    def _head(
        self, index: int, thread: int, at: int, caller: tuple[int, int], repeated: int
    ) -> dict[str, Value]:
        wide = [Int64(address) for address in caller]
        return {"I": index, "C": wide[0], "R": wide[0], "P": wide[1], "T": thread, "t": at, "r": repeated}

    def _errors(self, status: bool, returned: int) -> dict[str, Value]:  # noqa: ARG002 - for dialects
        """What the dialect says about a call that failed."""
        return {}

    def _values(self, arguments: Arguments) -> list[Value]:
        return [self._value(argument) for argument in arguments.values()]

    def _value(self, argument: Argument) -> Value:
        plain = argument.value if isinstance(argument, Formatted) else argument
        return plain.encode() if isinstance(plain, str) else plain


def _declared(name: str, argument: Argument) -> Value:
    return [name, argument.format] if isinstance(argument, Formatted) else name


class ClassicLogWriter(LogWriter):
    """The log of one process as the classic monitor writes it: no callers, no repetitions, no environment."""

    def _head(
        self,
        index: int,
        thread: int,
        at: int,
        caller: tuple[int, int],  # noqa: ARG002 - the dialect lacks it
        repeated: int,  # noqa: ARG002 - the dialect lacks it
    ) -> dict[str, Value]:
        return {"I": index, "T": thread, "t": at}


@dataclass
class SecondLogWriter(LogWriter):
    """The log of one process as the second family's monitor writes it: snake case, strings as strings.

    `flags_value` and `flags_bitmask` map the name of a call to the name of an argument to pairs of number and
    name.
    """

    command_line: str = ""
    modules: Sequence[Mapping[str, Value]] = ()
    flags_value: Mapping[str, Flags] = field(default_factory=dict)
    flags_bitmask: Mapping[str, Flags] = field(default_factory=dict)

    def _identity(self) -> dict[str, Argument]:
        low, high = filetime(self.started)
        return {
            "time_low": low,
            "time_high": high,
            "pid": self.pid,
            "ppid": self.parent,
            "module_path": self.module,
            "command_line": self.command_line,
            "is_64bit": 0,
            "track": 1,
            "modules": list(self.modules),
        }

    def _begin_thread(self, thread: int, at: int) -> None:
        """This family has no message for a new thread."""

    def _errors(self, status: bool, returned: int) -> dict[str, Value]:
        """The last error, always 0 here, and the NT status."""
        return {} if status else {"e": 0, "E": signed(returned, 32)}

    def _inform(self, index: int, name: str, category: str, arguments: list[Value]) -> None:
        self.add(
            {
                "I": index,
                "name": name,
                "type": "info",
                "category": category,
                "args": [_renamed(item) for item in arguments],
                "flags_value": dict(self.flags_value.get(name, {})),
                "flags_bitmask": dict(self.flags_bitmask.get(name, {})),
            }
        )

    def _head(
        self,
        index: int,
        thread: int,
        at: int,
        caller: tuple[int, int],
        repeated: int,  # noqa: ARG002 - the dialect lacks it
    ) -> dict[str, Value]:
        return {"I": index, "T": thread, "t": at, "h": Int64(caller[0])}

    def _value(self, argument: Argument) -> Value:
        return int(argument.value) if isinstance(argument, Formatted) else argument


def _renamed(declared: Value) -> Value:
    """The second family calls hexadecimal ``x`` instead of ``h``."""
    return [declared[0], "x"] if isinstance(declared, list) and declared[1] == "h" else declared
