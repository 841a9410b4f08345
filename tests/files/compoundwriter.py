"""Writes small compound files: every stream in sectors of its own, no mini stream, all entries in one chain."""

import struct

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR = 512

Tree = dict[str, "bytes | Tree"]


def compound(tree: Tree, clsid: bytes = bytes(16)) -> bytes:
    """Return a compound file of `{name: content}`, where a dictionary as content makes a storage."""
    entries: list[dict[str, object]] = [{"name": "Root Entry", "kind": 5, "content": b""}]
    _add(tree, 0, entries)
    fat: list[int] = []
    body = bytearray()

    def store(content: bytes) -> int:
        if not content:
            return _END
        start = len(fat)
        count = -(-len(content) // _SECTOR)
        fat.extend([*range(start + 1, start + count), _END])
        body.extend(content.ljust(count * _SECTOR, b"\0"))
        return start

    starts = [store(entry["content"]) for entry in entries]  # type: ignore[arg-type]
    listing = b"".join(
        _entry(entry, start, clsid if not index else bytes(16))
        for index, (entry, start) in enumerate(zip(entries, starts, strict=True))
    )
    directory = store(listing)
    tables = -(-(len(fat) + 1) // 127)
    first = len(fat)
    fat.extend([_FAT] * tables)
    packed = struct.pack(f"<{len(fat)}I", *fat).ljust(tables * _SECTOR, b"\xff")
    difat = [*range(first, first + tables)] + [_FREE] * (109 - tables)
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, tables, directory, 0, 0, _END, 0, _END, 0)
    return header + struct.pack("<109I", *difat) + bytes(body) + packed


def _add(tree: Tree, parent: int, entries: list[dict[str, object]]) -> None:
    previous = parent
    link = "child"
    for name, content in tree.items():
        index = len(entries)
        is_storage = isinstance(content, dict)
        entries.append(
            {"name": name, "kind": 1 if is_storage else 2, "content": b"" if is_storage else content}
        )
        entries[previous][link] = index
        if isinstance(content, dict):
            _add(content, index, entries)
        previous, link = index, "right"


def _entry(entry: dict[str, object], start: int, clsid: bytes) -> bytes:
    name = str(entry["name"]).encode("utf-16-le")
    content = entry["content"]
    assert isinstance(content, bytes)
    links = [entry.get(key, _FREE) for key in ("right", "child")]
    return (
        name.ljust(64, b"\0")
        + struct.pack("<HBB", len(name) + 2, entry["kind"], 1)
        + struct.pack("<III", _FREE, *links)
        + clsid
        + struct.pack("<IQQIQ", 0, 0, 0, start, len(content))
    )


def vba_container(source: bytes) -> bytes:
    """Return source in the container of Visual Basic, every byte as a literal."""
    chunks = b""
    for at in range(0, len(source), 3000):
        piece = source[at : at + 3000]
        tokens = b"".join(b"\0" + piece[i : i + 8] for i in range(0, len(piece), 8))
        chunks += struct.pack("<H", 0xB000 | (len(tokens) - 1)) + tokens
    return b"\1" + chunks


def vba_project(modules: dict[str, bytes]) -> Tree:
    """Return the storage of a project with modules of procedures."""
    records = struct.pack("<HIH", 3, 2, 1252)
    for name in modules:
        raw = name.encode()
        records += struct.pack("<HI", 0x19, len(raw)) + raw + struct.pack("<HI", 0x1A, len(raw)) + raw
        records += struct.pack("<HII", 0x31, 4, 0) + struct.pack("<HI", 0x21, 0)
    streams: Tree = {"dir": vba_container(records)}
    streams.update({name: vba_container(source) for name, source in modules.items()})
    return {"VBA": streams}
