"""Writes logs as the three families of monitors do, and as none should."""

import struct
from collections.abc import Iterable, Mapping, Sequence

FIRST_SEEN = 132562736446550000
"""A FILETIME: 2021-01-28 02:14:04,655."""


class Int64(int):
    """An integer that is written as int64 even when it fits into 32 bits."""


def element(name: str, value: object) -> bytes:
    key = name.encode() + b"\0"
    if isinstance(value, bool):
        return b"\x08" + key + bytes([value])
    if isinstance(value, int):
        wide = isinstance(value, Int64) or not -(1 << 31) <= value < 1 << 31
        return (b"\x12" if wide else b"\x10") + key + struct.pack("<q" if wide else "<i", value)
    if isinstance(value, float):
        return b"\x01" + key + struct.pack("<d", value)
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass") + b"\0"
        return b"\x02" + key + struct.pack("<i", len(text)) + text
    if isinstance(value, bytes):
        return b"\x05" + key + struct.pack("<iB", len(value), 0) + value
    if isinstance(value, Mapping):
        return b"\x03" + key + document(value)
    if isinstance(value, Sequence):
        return b"\x04" + key + document({str(at): item for at, item in enumerate(value)})
    return b"\x0a" + key


def document(members: Mapping[str, object]) -> bytes:
    body = b"".join(element(name, value) for name, value in members.items())
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def info(index: int, name: str, category: str | None, arguments: Iterable[object], **more: object) -> bytes:
    declared = {"I": index, "name": name, "type": "info"}
    if category is not None:
        declared["category"] = category
    return document({**declared, "args": ["is_success", "retval", *arguments], **more})


def call(
    index: int, *values: object, status: object = 1, returned: object = 0, time: int = 0, **more: object
) -> bytes:
    """A call of the successor's monitor."""
    head = {
        "I": index,
        "C": Int64(0x401000),
        "R": Int64(0x401000),
        "P": Int64(0x402000),
        "T": 1960,
        "t": time,
        "r": 0,
    }
    return document({**head, **more, "args": [status, returned, *values]})


def classic_call(index: int, *values: object, status: int = 1, returned: int = 0, time: int = 0) -> bytes:
    return document({"I": index, "T": 1960, "t": time, "args": [status, returned, *values]})


def second_call(index: int, *values: object, status: int = 1, returned: int = 0, time: int = 0) -> bytes:
    return document({"I": index, "T": 1960, "t": time, "h": Int64(0), "args": [status, returned, *values]})


def _halves(filetime: int) -> tuple[int, int]:
    low, high = filetime & 0xFFFFFFFF, filetime >> 32 & 0xFFFFFFFF
    return (low ^ 1 << 31) - (1 << 31), (high ^ 1 << 31) - (1 << 31)


def process(
    pid: int = 3052, parent: int = 2456, path: str = r"C:\a.exe", filetime: int = FIRST_SEEN
) -> bytes:
    """The first two messages of a classic or successor log."""
    names = ["TimeLow", "TimeHigh", "ProcessIdentifier", "ParentProcessIdentifier", "ModulePath"]
    return info(0, "__process__", "__notification__", names) + call(
        0, *_halves(filetime), pid, parent, path.encode()
    )


def second_process(
    pid: int = 752, parent: int = 2844, path: str = r"C:\a.exe", command: str = "a.exe"
) -> bytes:
    """The first two messages of a second-family log."""
    names = [
        "time_low",
        "time_high",
        "pid",
        "ppid",
        "module_path",
        "command_line",
        "is_64bit",
        "track",
        "modules",
    ]
    said = [*_halves(FIRST_SEEN), pid, parent, path, command, 0, 1, [{"basename": "a.exe", "imgsize": 4096}]]
    return info(0, "__process__", "__notification__", names) + second_call(0, *said)
