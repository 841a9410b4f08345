r"""Results as JSON text, in pieces: the whole of a report is never in memory.

Beyond what JSON has: bytes become text with `\xNN` for what is not printable ASCII, sets become sorted lists, other
sequences lists, dates become "YYYY-MM-DD HH:MM:SS", keys become text, NaN and infinities become null, a number of
thousands of digits becomes hexadecimal text, and a lone surrogate (an undecodable byte of a file name) becomes its
visible escape, because not every parser accepts it.
"""

import datetime
import json
import math
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import zip_longest
from typing import Any

from lib.cuckoo.common.detach import Detachable

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_STREAMED_LEVELS = 3
_CHUNK = 1024
_MAX_DEPTH = 400  # parsers, ours among them, give up at a thousand
_MAX_BITS = 14_000  # Python converts numbers of up to 4300 decimal digits
_CANONICAL_ORDER = (
    "info", "target", "detections", "score", "malscore", "signatures", "ttps", "behavior", "network", "static",
    "strings", "dropped", "CAPE", "procdump", "procmemory", "memory", "virustotal", "debug",
)  # fmt: skip


def in_report_order(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections in the order of reports: the known ones, the others by name, then the engine's own."""
    known = [key for key in _CANONICAL_ORDER if key in results]
    last = [key for key in ("statistics", "engine") if key in results]
    return {key: results[key] for key in (*known, *sorted(results.keys() - {*known, *last}), *last)}


def json_chunks(value: object, indent: int = 0) -> Iterator[bytes]:
    """Yield `value` as JSON text in UTF-8; `indent` spaces a level, 0 for one line.

    Raises:
        TypeError: part of the value is not plain data.
    """
    yield from _Encoder(indent).chunks(value, 0)


class _Encoder:
    """Descends into the upper dictionaries and into long lists; encodes everything below in one piece."""

    def __init__(self, indent: int) -> None:
        self._indent = indent
        self._colon = b": " if indent else b":"
        self._token = f"detached {secrets.token_hex(16)} "  # no sample can have it in a string
        self._detached: list[Detachable] = []

    def chunks(self, value: object, level: int) -> Iterator[bytes]:
        if level < _STREAMED_LEVELS and isinstance(value, dict) and value:
            yield from self._dict_chunks(value, level)
        elif isinstance(value, list) and len(value) > _CHUNK:
            yield from self._list_chunks(value, level)
        else:
            yield from self._with_detached(self._text(value, level))

    def _dict_chunks(self, value: dict[Any, Any], level: int) -> Iterator[bytes]:
        opening = b"{"
        for key, member in value.items():
            yield (
                opening
                + self._break(level + 1)
                + _encoded(json.dumps(_key(key), ensure_ascii=False))
                + self._colon
            )
            yield from self.chunks(member, level + 1)
            opening = b","
        yield self._break(level) + b"}"

    def _list_chunks(self, value: list[Any], level: int) -> Iterator[bytes]:
        opening = b"["
        for start in range(0, len(value), _CHUNK):
            members = self._text(value[start : start + _CHUNK], level)
            yield opening
            yield from self._with_detached(members[1 : len(members) - 1 - len(self._break(level))])
            opening = b","
        yield self._break(level) + b"]"

    def _break(self, level: int) -> bytes:
        return b"\n" + b" " * (self._indent * level) if self._indent else b""

    def _text(self, value: object, level: int) -> bytes:
        options: dict[str, Any] = {"ensure_ascii": False, "allow_nan": False, "default": self._plain}
        options |= {"indent": self._indent} if self._indent else {"separators": (",", ":")}
        self._detached.clear()
        try:
            text = json.dumps(value, **options)
        except (TypeError, ValueError, RecursionError):
            self._detached.clear()
            text = json.dumps(_plain_all(value), **options)
        return _encoded(text).replace(b"\n", self._break(level)) if self._indent else _encoded(text)

    def _plain(self, value: object) -> object:
        if isinstance(value, Detachable):
            self._detached.append(value)
            return f"{self._token}{len(self._detached) - 1}"
        return _plain(value)

    def _with_detached(self, text: bytes) -> Iterator[bytes]:
        """Yield the text with each detached value in the place that stands for it."""
        if not self._detached:
            yield text
            return
        pieces = re.split(rb'"' + self._token.encode() + rb'(\d+)"', text)
        for piece, number in zip_longest(pieces[::2], pieces[1::2]):
            yield piece
            if number is not None:
                yield from self._detached[int(number)].json_chunks()


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _LONE_SURROGATE.sub(lambda match: f"\\\\u{ord(match[0]):04x}", text).encode()


def _key(key: object) -> str:
    if isinstance(key, str):
        return key
    plain = _plain_all(key)
    return plain if isinstance(plain, str) else json.dumps(plain)


def _plain(value: object) -> object:
    """Return what JSON can hold in place of one value that it cannot."""
    if isinstance(value, bytes | bytearray):
        return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in value)
    if isinstance(value, AbstractSet):
        return sorted(map(_plain_all, value), key=json.dumps)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not plain data")


def _plain_all(value: Any, depth: int = 0) -> Any:
    """Return a copy of a value that JSON can hold throughout; for the rare ones that `json` refuses."""
    if depth > _MAX_DEPTH:
        return f"(nested deeper than {_MAX_DEPTH} levels)"
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if value.bit_length() <= _MAX_BITS else f"{value:#x}"
    if value is None or isinstance(value, str | Detachable):
        return value
    if isinstance(value, Mapping):
        return {_key(key): _plain_all(member, depth + 1) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_all(member, depth + 1) for member in value]
    return _plain_all(_plain(value), depth)
