"""Shortcuts of Windows (.lnk): what they start, with which arguments, and where they were made.

The format is [MS-SHLLINK]: a header, an optional list of shell items, an optional description of the place, texts, and
blocks of extra data.
"""

import re
from typing import TypedDict

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.content import Content, content_record, urls_in
from lib.cuckoo.files.layout import fields, filetime, narrow, number, utf16

_CLASS = bytes.fromhex("0114020000000000c000000000000046")
_HEADER = 76
_HAS_ITEMS, _HAS_PLACE, _UNICODE = 1, 2, 0x80
_TEXTS = ((4, "name"), (8, "relative_path"), (0x10, "working_directory"), (0x20, "arguments"), (0x40, "icon"))
_FLAGS = (
    "has_items",
    "has_place",
    "has_name",
    "has_relative_path",
    "has_working_directory",
    "has_arguments",
    "has_icon",
    "unicode",
    "force_no_place",
    "has_environment",
    "separate_process",
    "reserved",
    "has_darwin",
    "run_as_user",
    "has_icon_environment",
    "no_pidl_alias",
    "reserved",
    "run_with_shim",
    "no_tracking",
    "enable_metadata",
    "no_path_tracking",
    "no_known_folder_tracking",
    "no_known_folder_alias",
    "allow_link_to_link",
    "unalias_on_save",
    "prefer_environment",
    "keep_local_items",
)
_SHOW = {3: "maximised", 7: "minimised"}
_DRIVES = ("unknown", "no root", "removable", "fixed", "remote", "cd-rom", "ram disk")
_ENVIRONMENT, _CONSOLE, _TRACKER, _DARWIN, _ICON_ENVIRONMENT = (
    0xA0000001,
    0xA0000002,
    0xA0000003,
    0xA0000006,
    0xA0000007,
)
_SPECIAL_FOLDER, _KNOWN_FOLDER = 0xA0000005, 0xA000000B
_WIDE_NAME = re.compile(rb"(?:[^\0]\0|[^\0][^\0]){2,260}\0\0")
_LAST_BLOCK_BYTES = 4
_MODIFIERS = ((2, "CTRL"), (1, "SHIFT"), (4, "ALT"))


class Tracker(TypedDict):
    """Where the shortcut was made: the machine's NetBIOS name, and of ids of version 1 time and network card."""

    machine_id: str
    """NetBIOS name of the machine that made it."""
    volume: str
    """Identifier of the volume."""
    file: str
    """Identifier of the file."""
    birth_volume: str
    """Identifier of the volume where the file was made."""
    birth_file: str
    """Identifier of the file when it was made."""
    mac: str | None
    """Network card of the machine, where the identifier holds it."""
    created: str | None
    """When the identifier was made, UTC."""


class Place(TypedDict):
    """What the shortcut says of its target's place; of a network place `share` is set, else the volume."""

    path: str
    """Of the target."""
    drive: str | None
    """Kind of the drive."""
    serial: str | None
    """Number of the volume, hexadecimal."""
    label: str
    """Name of the volume."""
    share: str
    """Of a network place, "" else."""


class Shortcut(TypedDict):
    """A shortcut; times are UTC ("2026-01-31 13:21:44") and those of the target.

    `target` is the best path that is given, `command` the target with its arguments, `items` the names of the shell
    items that lead to it, `overlay` what stands behind the end.
    """

    target: str
    """The best path that is given."""
    command: str
    """The target with its arguments."""
    name: str
    """Its description."""
    relative_path: str
    """Of the target, from the shortcut."""
    working_directory: str
    """Where the target starts."""
    arguments: str
    """Of the target."""
    icon: str
    """File of the icon."""
    icon_index: int
    """Of the icon in its file."""
    icon_environment: str
    """File of the icon, with variables."""
    environment: str
    """The target, with variables."""
    darwin: str
    """Identifier of an application that is installed on demand."""
    items: list[str]
    """Names of the shell items that lead to the target."""
    place: Place | None
    """What is said of the target's place."""
    flags: list[str]
    """Names of its flags."""
    attributes: int
    """Of the target, as a bit field."""
    created: str | None
    """Of the target, UTC."""
    accessed: str | None
    """Of the target, UTC."""
    written: str | None
    """Of the target, UTC."""
    size: int
    """Of the target, bytes."""
    show: str
    """How its window opens."""
    hotkey: str | None
    """Keys that start it."""
    tracker: Tracker | None
    """Where the shortcut was made."""
    overlay: Content | None
    """What stands behind the end."""
    urls: list[str]
    """In its texts."""
    anomalies: list[str]
    """What is odd, in words."""


def describe_lnk(data: Data, budget: Budget, save: Save) -> Shortcut:
    """Describe a shortcut in the shape `Shortcut`; what a cut one lost is absent and stands in `anomalies`.

    Raises:
        CuckooProcessingError: the header cannot be read.
    """
    flags = _header(data)
    found = _Header(data, flags).facts()
    at = _HEADER
    try:
        at = _items(data, at, flags, found)
        at = _place(data, at, flags, found)
        at = _texts(data, at, flags, found, budget)
        at = _blocks(data, at, found)
    except CuckooProcessingError as error:
        found["anomalies"].append(str(error))
        at = len(data)
    if at < len(data):
        rest = data[at:]
        found["overlay"] = content_record("overlay", rest, save)
        found["anomalies"].append(f"{len(rest)} bytes stand behind the end")
    found["target"] = _target(found)
    found["command"] = f"{found['target']} {found['arguments']}".strip()
    if len(found["arguments"].strip()) < len(found["arguments"]) - 100:
        found["anomalies"].append("the arguments are padded with blanks, which hides them in the dialog")
    found["urls"] = urls_in([found["command"], found["icon"], found["environment"]], budget)
    return found


def _header(data: Data) -> int:
    size, clsid, flags = fields("<I16sI52x", data)
    if size != _HEADER or clsid != _CLASS:
        raise CuckooProcessingError("no shortcut: the header has another size or class")
    return int(flags)


class _Header:
    """The fixed header."""

    def __init__(self, data: Data, flags: int) -> None:
        self._flags = flags
        (
            self._attributes,
            self._created,
            self._accessed,
            self._written,
            self._size,
            self._icon,
            self._show,
            key,
            modifiers,
        ) = fields("<IQQQIiIBB", data, 24)
        self._hotkey = _hotkey(key, modifiers)

    def facts(self) -> Shortcut:
        """Return a record with the facts of the header, the rest empty."""
        return {
            "target": "",
            "command": "",
            "name": "",
            "relative_path": "",
            "working_directory": "",
            "arguments": "",
            "icon": "",
            "icon_index": self._icon,
            "icon_environment": "",
            "environment": "",
            "darwin": "",
            "items": [],
            "place": None,
            "flags": [name for bit, name in enumerate(_FLAGS) if self._flags >> bit & 1],
            "attributes": self._attributes,
            "created": filetime(self._created),
            "accessed": filetime(self._accessed),
            "written": filetime(self._written),
            "size": self._size,
            "show": _SHOW.get(self._show, "normal"),
            "hotkey": self._hotkey,
            "tracker": None,
            "overlay": None,
            "urls": [],
            "anomalies": [],
        }


def _hotkey(key: int, modifiers: int) -> str | None:
    if not key:
        return None
    name = chr(key) if 0x30 <= key <= 0x5A else f"F{key - 0x6F}" if 0x70 <= key <= 0x87 else f"0x{key:02x}"
    return "+".join([*(word for bit, word in _MODIFIERS if modifiers & bit), name])


def _items(data: Data, at: int, flags: int, found: Shortcut) -> int:
    """Read the names of the shell items; of their many layouts only the names are looked for."""
    if not flags & _HAS_ITEMS:
        return at
    end = at + 2 + number(data, at, 2)
    if end > len(data):
        raise CuckooProcessingError(f"the list of items at offset {at} is longer than the file")
    at += 2
    while at + 2 < end and (size := number(data, at, 2)) > 2:
        name = _item_name(data[at + 2 : min(at + size, end)])
        if name:
            found["items"].append(name)
        at += size
    return end


def _item_name(item: bytes) -> str:
    kind = item[0] & 0x70 if item else 0
    if kind == 0x20:
        return narrow(item[1:24])
    if kind == 0x30:
        extension = item.find(b"\x04\0\xef\xbe")
        wide = _WIDE_NAME.search(item, extension + 4 + 10) if extension >= 0 else None
        return utf16(wide.group()) if wide else narrow(item[12:])
    return ""


def _place(data: Data, at: int, flags: int, found: Shortcut) -> int:
    if not flags & _HAS_PLACE:
        return at
    size, header, kinds, volume, base, network, suffix = fields("<7I", data, at)
    block = data[at : at + size]
    path = narrow(block[base:]) if kinds & 1 and base else ""
    rest = narrow(block[suffix:]) if suffix else ""
    if header >= 0x24 and kinds & 1:
        wide_base, wide_suffix = fields("<II", block, 28)
        path, rest = utf16(block[wide_base:]) or path, utf16(block[wide_suffix:]) or rest
    place: Place = {"path": path + rest, "drive": None, "serial": None, "label": "", "share": ""}
    if kinds & 1 and volume:
        drive, serial, label = fields("<III", block, volume + 4)
        place["drive"] = _DRIVES[drive] if drive < len(_DRIVES) else str(drive)
        place["serial"] = f"{serial:08x}"
        place["label"] = _label(block, volume, label)
    if kinds & 2 and network:
        place["share"] = narrow(block[network + number(block, network + 8, 4) :])
        place["path"] = place["path"] if kinds & 1 else f"{place['share']}\\{rest}".rstrip("\\")
    found["place"] = place
    return at + max(int(size), 28)


def _label(block: bytes, volume: int, at: int) -> str:
    if at == 0x14:
        return utf16(block[volume + number(block, volume + 16, 4) :])
    return narrow(block[volume + at :])


def _texts(data: Data, at: int, flags: int, found: Shortcut, budget: Budget) -> int:
    width = 2 if flags & _UNICODE else 1
    read: dict[str, str] = {}
    for flag, name in _TEXTS:
        if flags & flag:
            size = number(data, at, 2) * width
            raw = data[at + 2 : at + 2 + size]
            read[name] = budget.clip(name, utf16(raw) if width == 2 else narrow(raw))
            at += 2 + size
    found.update(read)  # type: ignore[typeddict-item] # the names of _TEXTS are keys of the record
    if at > len(data):
        raise CuckooProcessingError("the file ends within its texts")
    return at


def _blocks(data: Data, at: int, found: Shortcut) -> int:
    while at + _LAST_BLOCK_BYTES <= len(data):
        size = number(data, at, 4)
        if size < 8:
            return at + _LAST_BLOCK_BYTES
        if at + size > len(data):
            raise CuckooProcessingError(f"the block at offset {at} is longer than the file")
        _block(number(data, at + 4, 4), data[at : at + size], found)
        at += size
    return at


def _block(signature: int, block: bytes, found: Shortcut) -> None:
    if signature == _TRACKER:
        found["tracker"] = _tracker(block)
        return
    text = utf16(block[268:788]) or narrow(block[8:268])
    if signature == _ENVIRONMENT:
        found["environment"] = text
    elif signature == _ICON_ENVIRONMENT:
        found["icon_environment"] = text
    elif signature == _DARWIN:
        found["darwin"] = text


def _tracker(block: bytes) -> Tracker:
    ids = [_guid(raw) for raw in fields("<16s16s16s16s", block, 32)]
    file = block[48:64]
    is_timed = file[7] >> 4 == 1
    ticks = int.from_bytes(file[:8], "little") & 0x0FFFFFFFFFFFFFFF
    return {
        "machine_id": narrow(block[16:32]),
        "volume": ids[0],
        "file": ids[1],
        "birth_volume": ids[2],
        "birth_file": ids[3],
        "mac": file[10:16].hex(":") if is_timed else None,
        "created": filetime(max(0, ticks - _GREGORIAN_TICKS)) if is_timed else None,
    }


_GREGORIAN_TICKS = 6653 * 86400 * 10_000_000
"""Between 15 October 1582, where ids of version 1 begin to count, and 1 January 1601, where FILETIME does."""


def _guid(raw: bytes) -> str:
    first, second, third = fields("<IHH", raw)
    return f"{first:08x}-{second:04x}-{third:04x}-{raw[8:10].hex()}-{raw[10:].hex()}"


def _target(found: Shortcut) -> str:
    """Return the path that is most telling: of the place, of the environment block, relative, or of the items."""
    place = found["place"]
    given = (place["path"] if place else "", found["environment"], found["relative_path"])
    return next(filter(None, given), _joined(found["items"]))


def _joined(items: list[str]) -> str:
    return "\\".join(item.rstrip("\\") for item in items)
