"""The channel from a child process to the engine: messages of plain data, one after another in a memory file.

The child may be under the sample's control, so nothing here can execute anything: messages are MessagePack with
five types added. A memory file rather than a pipe: a child that is ended in the middle leaves behind what it had
finished, and large flat buffers are mapped by the engine instead of copied.

Layout of a message: `uint64 body size, uint64 size of all`, the body, then the buffers that the body refers to,
each at a multiple of eight. A size of 0 marks a message that was never finished.
"""

import datetime
import functools
import importlib
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import msgpack

from lib.cuckoo.common.detach import Detachable

if TYPE_CHECKING:
    from lib.cuckoo.core.status import StatusLine

_HEADER = struct.Struct("<QQ")
_TUPLE, _SET, _FROZENSET, _INTEGER, _DATETIME, _DATE, _DETACHED = range(1, 8)
_DETACHED_CLASSES = {
    "calls": ("lib.cuckoo.behavior.calls", "Calls"),
    "events": ("lib.cuckoo.behavior.enhanced", "Enhanced"),
    "names": ("lib.cuckoo.behavior.names", "Names"),
}
_MAX_DEPTH = 400
_MAX_NESTED_EXTENSIONS = 32  # msgpack takes 50 kB of C stack to read each: a few hundred would end the engine
_MAX_MESSAGES = 100_000
_MOST_SHARES = 64  # of a buffer, on average: a small answer must not become values without end
_UNCHECKED_BYTES = 4096
_STREAMED_DEPTH = 3
_WRITE_BUFFER = 1 << 20
_SCANNED_BYTES = 1 << 20  # at a time, so that the scanner never holds a second copy of a large message
_CHUNK = 64


class UnencodableError(ValueError):
    """A value that is not plain data; the message names its path inside the answer."""


class TooLargeError(ValueError):
    """The messages outgrew the limit."""


class MalformedError(ValueError):
    """What a child left behind is not a sequence of messages."""


class AnswerWriter:
    """Appends messages to a file descriptor, up to `limit_bytes` in all.

    It writes for the process that made it: a fork that comes back from a module's `run` must not answer too.

    Attributes:
        status: the line that the engine shows meanwhile, if it shows one.
    """

    def __init__(self, descriptor: int, limit_bytes: int) -> None:
        self.status: StatusLine | None = None
        self._descriptor = descriptor
        self._limit = limit_bytes
        self._process = os.getpid()
        self._end = 0
        self._pending = bytearray()
        self._buffers = _Buffers()
        self._packer = _packer(self._keep)

    def write(self, value: object) -> None:
        """Append one message.

        Raises:
            UnencodableError: part of the value is not plain data.
            TooLargeError: the limit is reached; earlier messages stay readable.
            PermissionError: this is a fork of the process that may answer.
        """
        self._require_owner()
        start = self._end
        try:
            self._append(_HEADER.pack(0, 0))
            self._stream(value, _STREAMED_DEPTH)
            body_size = self._position - start - _HEADER.size
            self._append_buffers()
        except TooLargeError:
            self._abandon(start)
            raise
        except _PACK_ERRORS:
            self._abandon(start)
            raise UnencodableError(first_obstacle(value)) from None
        self._flush()
        os.pwrite(self._descriptor, _HEADER.pack(body_size, self._end - start), start)

    def restart(self) -> None:
        """Drop all messages, so that there is room to say why."""
        self._require_owner()
        self._abandon(0)

    def _require_owner(self) -> None:
        if os.getpid() != self._process:
            raise PermissionError("only the process that the engine started may answer")

    @property
    def _position(self) -> int:
        return self._end + len(self._pending)

    def _append(self, data: bytes | memoryview) -> None:
        if self._position + len(data) > self._limit:
            raise TooLargeError(f"larger than {self._limit:,} bytes")
        if len(data) < _WRITE_BUFFER:
            self._pending += data
            if len(self._pending) < _WRITE_BUFFER:
                return
            data = b""
        self._flush()
        self._write_all(memoryview(data))

    def _flush(self) -> None:
        pending, self._pending = self._pending, bytearray()
        self._write_all(memoryview(pending))

    def _write_all(self, view: memoryview) -> None:
        while view:
            written = os.pwrite(self._descriptor, view, self._end)
            self._end += written
            view = view[written:]

    def _abandon(self, start: int) -> None:
        self._pending = bytearray()
        self._buffers = _Buffers()
        self._end = start
        self._packer.reset()
        os.ftruncate(self._descriptor, start)

    def _append_buffers(self) -> None:
        buffers, self._buffers = self._buffers, _Buffers()
        for buffer in buffers.all():
            self._append(bytes(-self._position % 8))
            self._append(buffer)
        self._append(bytes(-self._position % 8))

    def _stream(self, value: object, depth: int) -> None:
        """Pack the upper levels member by member, so that no second copy of a large section is ever whole."""
        if depth and type(value) is dict and value:
            self._append(_map_header(len(value)))
            for key, member in value.items():
                self._append(self._packer.pack(key))
                self._stream(member, depth - 1)
        elif depth and type(value) is list and value:
            self._append(_array_header(len(value)))
            for start in range(0, len(value), _CHUNK):
                self._append(b"".join(map(self._packer.pack, value[start : start + _CHUNK])))
        else:
            self._append(self._packer.pack(value))

    def _keep(self, value: Detachable) -> bytes:
        """Take a detached value's buffers along; return the description that stands in their place."""
        description, buffers = value.detach()
        places = list(map(self._buffers.place, buffers))
        return pack({"type": _detached_name(value), "description": description, "places": places})


class _Buffers:
    """The buffers that one message takes along; one that several values share is taken once."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[memoryview, list[int]]] = {}
        """By the identity of a buffer, which is its own as long as it is kept here."""
        self._size = 0

    def place(self, buffer: memoryview) -> list[int]:
        """Return offset and size that a buffer will have behind the body."""
        if id(buffer) not in self._places:
            self._places[id(buffer)] = buffer, [self._size, buffer.nbytes]
            self._size += buffer.nbytes + -buffer.nbytes % 8
        return self._places[id(buffer)][1]

    def all(self) -> Iterator[memoryview]:
        """Yield the buffers as bytes, in the order of their places."""
        return (buffer.cast("B") for buffer, _ in self._places.values())


def pack(value: object, keep: Callable[[Detachable], bytes] | None = None) -> bytes:
    """Encode plain data; `keep` says what stands in place of a `Detachable`, which is refused without it.

    Raises:
        UnencodableError: part of the value is not plain data.
    """
    try:
        return bytes(_packer(keep).pack(value))
    except _PACK_ERRORS:
        raise UnencodableError(first_obstacle(value)) from None


def unpack(data: memoryview) -> Any:
    """Return what `pack` encoded, without anything `Detachable`.

    Raises:
        MalformedError: the bytes are not what `pack` gives.
    """
    return _MessageReader(memoryview(b""), "").read(data)


def read_messages(view: memoryview, analysis_path: str) -> Iterator[Any]:
    """Yield the finished messages of `view`, the whole of what a child left behind.

    Raises:
        MalformedError: the bytes are not what `AnswerWriter` writes.
    """
    start = number = 0
    while start + _HEADER.size <= len(view):
        number += 1
        if number > _MAX_MESSAGES:
            raise MalformedError(f"more than {_MAX_MESSAGES} messages")
        body_size, size = _HEADER.unpack_from(view, start)
        if size == 0:
            return
        body = start + _HEADER.size
        if not _HEADER.size + body_size <= size <= len(view) - start:
            raise MalformedError(f"message at {start} claims {size} bytes of {len(view) - start}")
        buffers = view[body + body_size + -(body + body_size) % 8 : start + size]
        yield _MessageReader(buffers, analysis_path).read(view[body : body + body_size])
        start += size


def first_obstacle(value: object, path: str = "answer", depth: int = 0, extensions: int = 0) -> str:
    """Return the path of the first part of `value` that is not plain data, and what it is; "" if there is none."""
    if depth > _MAX_DEPTH:
        return f"{path[:200]}…: nested deeper than {_MAX_DEPTH} levels"
    if isinstance(value, dict):
        for key, member in value.items():
            name = _short(key)
            found = first_obstacle(key, f"{path} key {name}", depth + 1, extensions)
            if found := found or first_obstacle(member, f"{path}[{name}]", depth + 1, extensions):
                return found
        return ""
    extensions += isinstance(value, tuple | set | frozenset)
    if extensions > _MAX_NESTED_EXTENSIONS:
        return f"{path[:200]}: more than {_MAX_NESTED_EXTENSIONS} tuples or sets inside one another"
    if isinstance(value, list | tuple | set | frozenset):
        members = (
            first_obstacle(member, f"{path}[{i}]", depth + 1, extensions) for i, member in enumerate(value)
        )
        return next(filter(None, members), "")
    if value is None or isinstance(value, _SCALARS) or (isinstance(value, memoryview) and value.c_contiguous):
        return ""
    return f"{path}: {type(value).__module__}.{type(value).__qualname__} is not plain data"


def _short(key: object) -> str:
    """Return the key as it stands in a path."""
    try:
        return f"{key!r:.80}"
    except (ValueError, RecursionError):  # numbers of more digits than Python prints, keys nested too deeply
        return f"a {type(key).__name__}"


_SCALARS = bool | int | float | str | bytes | bytearray | datetime.date
_PACK_ERRORS = (TypeError, ValueError, OverflowError, RecursionError, BufferError)


def _packer(keep: Callable[[Detachable], bytes] | None, extensions: int = 0) -> msgpack.Packer:
    """Make a packer for what stands inside `extensions` tuples and sets."""
    default = functools.partial(_pack_other, keep=keep, extensions=extensions)
    return msgpack.Packer(default=default, strict_types=True, unicode_errors="surrogatepass")


def _pack_other(value: object, keep: Callable[[Detachable], bytes] | None, extensions: int) -> object:
    """Return what MessagePack knows in place of a value that it does not know."""
    if isinstance(value, tuple | set | frozenset):
        return _pack_members(value, keep, extensions + 1)
    for base, convert in _CONVERSIONS:
        if isinstance(value, base):
            return convert(value)
    if keep is not None and isinstance(value, Detachable):
        return msgpack.ExtType(_DETACHED, keep(value))
    raise TypeError(type(value).__name__)


def _pack_members(
    value: tuple[Any, ...] | AbstractSet[Any], keep: Callable[[Detachable], bytes] | None, extensions: int
) -> msgpack.ExtType:
    """Pack a tuple in its order, and a set in the order of its encoded members: the same in every process."""
    if extensions > _MAX_NESTED_EXTENSIONS:
        raise ValueError("too many extensions inside one another")
    packer = _packer(keep, extensions)
    if isinstance(value, tuple):
        return msgpack.ExtType(_TUPLE, packer.pack(list(value)))
    members = sorted(map(packer.pack, value))
    code = _SET if isinstance(value, set) else _FROZENSET
    return msgpack.ExtType(code, _array_header(len(members)) + b"".join(members))


def _integer(value: int) -> object:
    if -(1 << 63) <= value < 1 << 64:
        return int(value)
    return msgpack.ExtType(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))


_CONVERSIONS: Sequence[tuple[Any, Callable[[Any], object]]] = (
    (int, _integer),
    (str, str.__str__),
    (float, float),
    (bytes | memoryview, bytes),
    (dict, dict),
    (list, list),
    (datetime.datetime, lambda value: msgpack.ExtType(_DATETIME, msgpack.packb(value.isoformat()))),
    (datetime.date, lambda value: msgpack.ExtType(_DATE, msgpack.packb(value.isoformat()))),
)


def _map_header(size: int) -> bytes:
    return b"\xdf" + size.to_bytes(4, "big")


def _array_header(size: int) -> bytes:
    return b"\xdd" + size.to_bytes(4, "big")


def _detached_name(value: Detachable) -> str:
    place = (type(value).__module__, type(value).__qualname__)
    for name, known in _DETACHED_CLASSES.items():
        if known == place:
            return name
    raise TypeError(f"{place[1]} is not registered")


class _MessageReader:
    """Reads one message; what it spends on it is bounded by the size of the message."""

    def __init__(self, buffers: memoryview, analysis_path: str) -> None:
        self._buffers = buffers
        self._analysis_path = analysis_path
        self._regions: dict[tuple[int, int], memoryview] = {}
        self._handed_out = 0
        self._depth = 0
        self._allowance = 0

    def read(self, body: memoryview) -> Any:
        """Return the value.

        Raises:
            MalformedError: the bytes are not what `AnswerWriter` writes.
        """
        self._allowance = 8 * len(body) + (1 << 20)
        try:
            return self._unpack(body)
        except _UNPACK_ERRORS as error:
            raise MalformedError(f"cannot read the answer: {type(error).__name__}: {error}") from error

    def _unpack(self, data: bytes | memoryview) -> Any:
        if len(data) > _UNCHECKED_BYTES:
            _require_complete(data)
        return msgpack.unpackb(
            data, ext_hook=self._extension, strict_map_key=False, unicode_errors="surrogatepass", timestamp=1
        )

    def _extension(self, code: int, data: bytes) -> object:
        if code == _DETACHED:
            return self._attach(data)
        if code == _INTEGER:
            return int.from_bytes(data, "little", signed=True)
        return _EXTENSIONS[code](self._nested(data))

    def _nested(self, data: bytes) -> Any:
        """Read an extension's content, a copy of part of the message: neither deep nor often over the same bytes."""
        self._depth += 1
        self._allowance -= len(data)
        if self._depth > _MAX_NESTED_EXTENSIONS or self._allowance < 0:
            raise ValueError("extensions nested too deeply")
        try:
            return self._unpack(data)
        finally:
            self._depth -= 1

    def _attach(self, data: bytes) -> object:
        place = self._nested(data)
        module, name = _DETACHED_CLASSES[place["type"]]
        detached = getattr(importlib.import_module(module), name)
        views = [self._region(offset, size) for offset, size in place["places"]]
        return detached.attach(place["description"], views, self._analysis_path)

    def _region(self, offset: int, size: int) -> memoryview:
        """Return a buffer, the same object for the same place: values that shared it share it again."""
        if not 0 <= offset <= offset + size <= len(self._buffers):
            raise ValueError(
                f"buffer {offset}+{size} lies outside the {len(self._buffers)} bytes that came along"
            )
        self._handed_out += size
        if self._handed_out > _MOST_SHARES * len(self._buffers):
            raise ValueError(f"buffers are shared by more than {_MOST_SHARES} values")
        return self._regions.setdefault((offset, size), self._buffers[offset : offset + size])


def _require_complete(data: bytes | memoryview) -> None:
    """Pass over the data without building anything: a list is allocated by the length that its header claims.

    Raises:
        ValueError: it ends before the members that its headers claim.
    """
    scanner = msgpack.Unpacker(max_buffer_size=len(data), read_size=1, strict_map_key=False)
    for start in range(0, len(data), _SCANNED_BYTES):
        scanner.feed(data[start : start + _SCANNED_BYTES])
        try:
            scanner.skip()
        except msgpack.OutOfData:
            continue  # it goes on in the next piece, from where it stopped
        return
    raise ValueError("incomplete")


_UNPACK_ERRORS = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, MemoryError)
_EXTENSIONS: dict[int, Callable[[Any], object]] = {
    _TUPLE: tuple,
    _SET: set,
    _FROZENSET: frozenset,
    _DATETIME: datetime.datetime.fromisoformat,
    _DATE: datetime.date.fromisoformat,
}
