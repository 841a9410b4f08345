"""Resources of a Portable Executable: the tree, version information, manifest and icons.

The tree has three levels, type, name and language, each a directory of entries of eight bytes: a number, or the place
of a name, and the place of the directory or resource below. Layouts are those of Microsoft's "PE Format",
"VS_VERSIONINFO" and "Icons".
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lib.cuckoo.common.filetype import describe_bytes
from lib.cuckoo.files.budget import Save
from lib.cuckoo.files.pe.headers import DESCRIBED_BYTES
from lib.cuckoo.files.pe.image import Image
from lib.cuckoo.files.pe.records import Icon, Resource, VersionEntry

TYPED = 1000
"""Resources whose type libmagic is asked for, a millisecond each."""
ICON, GROUP_ICON, VERSION, MANIFEST = 3, 14, 16, 24
ICON_IMAGES = 64
ICON_BYTES = 4 << 20
_BELOW = 1 << 31
_VERSION_BYTES = 64 << 10
"""The length of version information is a 16-bit number."""
Id = int | str


@dataclass(frozen=True)
class Leaf:
    """A resource in the tree: what leads to it, and the address and size of its data."""

    kind: Id
    name: Id
    language: int
    address: int
    size: int


class Tree:
    """The resources of one image, read once."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._base, _ = image.directory("RESOURCE")
        self._seen: set[int] = set()
        self._entries_left = 4 * image.budget.entries
        self.leaves = image.budget.take("resources", self._walk()) if self._base else []

    def of_kind(self, kind: int) -> list[Leaf]:
        """Return the resources of one type, in the order of the tree."""
        return [leaf for leaf in self.leaves if leaf.kind == kind]

    def data(self, leaf: Leaf, maximum: int) -> bytes:
        """Return at most `maximum` bytes of a resource."""
        return self._image.at(leaf.address, min(leaf.size, maximum))

    def _walk(self) -> Iterator[Leaf]:
        """Go through the tree without recursion; a place that was visited is not entered again."""
        waiting: list[tuple[int, tuple[Id, ...]]] = [(0, ())]
        while waiting:
            place, path = waiting.pop()
            if place in self._seen:
                self._image.odd("the resource tree leads back into itself")
                continue
            self._seen.add(place)
            below = []
            for name, target in self._directory(place):
                if target & _BELOW and len(path) < 2:
                    below.append((target & ~_BELOW, (*path, name)))
                elif leaf := self._leaf(target, (*path, name)):
                    yield leaf
            waiting += reversed(below)

    def _directory(self, place: int) -> Iterator[tuple[Id, int]]:
        """Yield names and targets of the entries of one directory, as far as the file holds them."""
        head = self._image.at(self._base + place, 16)
        count = sum(struct.unpack("<HH", head[12:])) if len(head) == 16 else 0
        raw = self._image.at(self._base + place + 16, 8 * min(count, self._entries_left))
        self._entries_left -= len(raw) // 8
        if len(raw) < 8 * count or not head:
            self._image.odd("the resource tree is cut short")
        for name, target in struct.iter_unpack("<II", raw[: len(raw) // 8 * 8]):
            yield (self._name(name & ~_BELOW) if name & _BELOW else name), target

    def _name(self, place: int) -> str:
        length = int.from_bytes(self._image.at(self._base + place, 2), "little")
        raw = self._image.at(self._base + place + 2, 2 * min(length, 256))
        return raw.decode("utf-16-le", "backslashreplace")

    def _leaf(self, target: int, path: tuple[Id, ...]) -> Leaf | None:
        if target & _BELOW:
            self._image.odd("the resource tree has more than three levels")
            return None
        raw = self._image.at(self._base + target, 8)
        if len(raw) < 8:
            self._image.odd("the resource tree is cut short")
            return None
        kind, name, language = (*path, 0, 0)[:3] if len(path) < 3 else path
        return Leaf(kind, name, language if isinstance(language, int) else 0, *struct.unpack("<II", raw))


def records(image: Image, tree: Tree) -> list[Resource]:
    """Describe each resource; libmagic is asked about the first `TYPED` only."""
    if len(tree.leaves) > TYPED:
        image.budget.note(f"the file type is given for the first {TYPED} of {len(tree.leaves)} resources")
    return [_record(image, tree, leaf, typed=number < TYPED) for number, leaf in enumerate(tree.leaves)]


def _record(image: Image, tree: Tree, leaf: Leaf, *, typed: bool) -> Resource:
    offset = image.offset(leaf.address)
    measured = image.parts.measure(offset, leaf.size) if offset is not None else None
    language, sublanguage = _language(image, leaf.language)
    return {
        "name": image.pefile.RESOURCE_TYPE.get(leaf.kind, str(leaf.kind)),
        "id": str(leaf.name),
        "offset": f"0x{leaf.address:08x}",
        "size": f"0x{leaf.size:08x}",
        "filetype": describe_bytes(tree.data(leaf, DESCRIBED_BYTES))
        if typed and offset is not None
        else None,
        "language": language,
        "sublanguage": sublanguage,
        "entropy": measured[0] if measured else None,
        "sha256": measured[2] if measured else None,
        "yara": [],  # filled by who has rules
    }


def _language(image: Image, number: int) -> tuple[str | None, str | None]:
    primary, secondary = number & 0x3FF, number >> 10
    language: str | None = image.pefile.LANG.get(primary)
    if language is None:
        return None, None
    return language, image.pefile.get_sublang_name_for_lang(primary, secondary)


def manifest(image: Image, tree: Tree) -> str | None:
    """Return the text of the first manifest."""
    leaves = tree.of_kind(MANIFEST)
    if not leaves:
        return None
    raw = tree.data(leaves[0], 4 * image.budget.text + 4)
    encoding = "utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    return image.budget.clip("the manifest", raw.decode(encoding, "backslashreplace").rstrip("\0"))


def version_entries(image: Image, tree: Tree) -> list[VersionEntry]:
    """Return the strings of the first version information, then each pair of language and code page."""
    leaves = tree.of_kind(VERSION)
    raw = tree.data(leaves[0], _VERSION_BYTES) if leaves else b""
    return image.budget.take("lines of version information", _version_entries(raw))


def _version_entries(raw: bytes) -> Iterator[VersionEntry]:
    for _, root_value, root in _blocks(raw):
        for key, _, group in _blocks(root[_aligned(root_value) :]):
            for name, size, table in _blocks(group):
                if key == "VarFileInfo" and name == "Translation":
                    yield from _translations(table[:size])
                elif key == "StringFileInfo":
                    yield from _version_strings(table)
        return


def _version_strings(table: bytes) -> Iterator[VersionEntry]:
    for name, _, value in _blocks(table):
        yield {"name": name, "value": value.decode("utf-16-le", "backslashreplace").partition("\0")[0]}


def _translations(raw: bytes) -> Iterator[VersionEntry]:
    for language, page in struct.iter_unpack("<HH", raw[: len(raw) // 4 * 4]):
        yield {"name": "Translation", "value": f"0x{language:04x} 0x{page:04x}"}


def _blocks(raw: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Yield key, size of the value and what follows the key, of the blocks that follow one another.

    A block is its length, the length of its value and a type, 16 bits each, a key that ends with a zero, and from the
    next multiple of four the value and further blocks.
    """
    at = 0
    while at + 6 <= len(raw):
        length, value_size, _ = struct.unpack_from("<HHH", raw, at)
        if length < 6:
            return
        block = raw[at : at + length]
        end = _end_of_text(block)
        yield block[6:end].decode("utf-16-le", "backslashreplace"), value_size, block[_aligned(end + 2) :]
        at += _aligned(length)


def _end_of_text(block: bytes) -> int:
    end = block.find(b"\0\0", 6)
    while end >= 0 and end % 2:
        end = block.find(b"\0\0", end + 1)
    return len(block) if end < 0 else end


def _aligned(size: int) -> int:
    return size + -size % 4


def icons(image: Image, tree: Tree, save: Save) -> list[Icon]:
    """Put together the groups of icons and save each as an .ico file, named after its digest."""
    images = {leaf.name: leaf for leaf in tree.of_kind(ICON)}
    found: list[Icon] = []
    for leaf in tree.of_kind(GROUP_ICON)[:ICON_IMAGES]:
        pictures = list(_group(image, tree, leaf, images))
        if pictures:
            found.append(_saved(str(leaf.name), pictures, save))
    return found


def _group(image: Image, tree: Tree, group: Leaf, images: dict[Id, Leaf]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the head (eight bytes) and the data of the images of a group."""
    raw = tree.data(group, 6 + 14 * ICON_IMAGES)
    left = ICON_BYTES
    for head, size, number in struct.iter_unpack(
        "<8sIH", raw[6 : 6 + (len(raw) - 6) // 14 * 14] if raw else b""
    ):
        leaf = images.get(number)
        content = tree.data(leaf, left) if leaf else b""
        left -= len(content)
        if leaf is None or len(content) < min(size, leaf.size):
            image.anomalies.append(
                f"the image {number} of the icon group {group.name} is missing or cut short"
            )
        elif content:
            yield head, content


def _saved(name: str, pictures: list[tuple[bytes, bytes]], save: Save) -> Icon:
    offset, heads = 6 + 16 * len(pictures), b""
    for head, content in pictures:
        heads += head + struct.pack("<II", len(content), offset)
        offset += len(content)
    whole = struct.pack("<HHH", 0, 1, len(pictures)) + heads + b"".join(content for _, content in pictures)
    digest = hashlib.sha256(whole).hexdigest()
    return {
        "id": name,
        "images": len(pictures),
        "size": len(whole),
        "md5": hashlib.md5(whole, usedforsecurity=False).hexdigest(),
        "sha256": digest,
        "path": save(f"icon-{digest[:16]}.ico", whole),
    }
