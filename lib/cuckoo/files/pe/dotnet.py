"""What a .NET assembly says about itself: the header of the common language runtime and the metadata behind it."""

import hashlib
import struct
from collections.abc import Iterator

from lib.cuckoo.common.filetype import describe_bytes
from lib.cuckoo.files.pe.headers import DESCRIBED_BYTES
from lib.cuckoo.files.pe.image import Image
from lib.cuckoo.files.pe.metadata import (
    ASSEMBLY,
    ASSEMBLY_REF,
    MANIFEST_RESOURCE,
    METHOD_DEF,
    MODULE,
    TYPE_DEF,
    Metadata,
)
from lib.cuckoo.files.pe.records import AssemblyReference, DotNet, DotNetResource

METADATA_BYTES = 64 << 20
_FLAGS = {
    0x1: "ILONLY",
    0x2: "32BITREQUIRED",
    0x4: "IL_LIBRARY",
    0x8: "STRONGNAMESIGNED",
    0x10: "NATIVE_ENTRYPOINT",
    0x10000: "TRACKDEBUGDATA",
    0x20000: "32BITPREFERRED",
}
_NATIVE_ENTRY, _FULL_KEY, _VISIBLE = 0x10, 0x1, 0x1
_NO_TEXT = "neutral"


def dotnet(image: Image) -> DotNet | None:
    """Describe the assembly; None for native programs.

    Raises:
        ValueError: the metadata are damaged.
    """
    address, size = image.directory("COM_DESCRIPTOR")
    header = image.at(address, 72) if address and size else b""
    if len(header) < 72:
        return None
    _, _, _, place, length, flags, entry, resources_at, _, signature_at, signature_size = struct.unpack_from(
        "<IHH8I", header
    )
    metadata = Metadata(image.at(place, min(length, METADATA_BYTES)))
    module = metadata.row(MODULE, 1) or (0,) * 5
    assembly = _assembly(metadata)
    return {
        "runtime": metadata.runtime,
        "flags": [name for bit, name in _FLAGS.items() if flags & bit],
        "module": metadata.string(module[1]) or None,
        "mvid": metadata.guid(module[2]),
        "assembly": assembly.get("assembly"),
        "version": assembly.get("version"),
        "culture": assembly.get("culture"),
        "public_key": assembly.get("public_key"),
        "token": assembly.get("token"),
        "strong_name": bool(
            signature_at and signature_size and image.at(signature_at, signature_size).strip(b"\0")
        ),
        "entry_point": f"0x{entry:08x}" if flags & _NATIVE_ENTRY else _method(metadata, entry),
        "references": image.budget.take("references to assemblies", _references(metadata)),
        "resources": image.budget.take(".NET resources", _resources(image, metadata, resources_at)),
        "tables": metadata.counts(),
    }


def _assembly(metadata: Metadata) -> dict[str, str | None]:
    row = metadata.row(ASSEMBLY, 1)
    if row is None:
        return {}
    _, *version, _, key_at, name, culture = row
    key = metadata.blob(key_at)
    return {
        "assembly": metadata.string(name),
        "version": ".".join(map(str, version)),
        "culture": metadata.string(culture) or _NO_TEXT,
        "public_key": key.hex() or None,
        "token": _token(key) if key else None,
    }


def _token(key: bytes) -> str:
    return hashlib.sha1(key, usedforsecurity=False).digest()[:-9:-1].hex()


def _method(metadata: Metadata, token: int) -> str | None:
    """Return "Namespace.Type.Method" for the token of a method of this assembly, its number for any other."""
    if not token:
        return None
    row = metadata.row(METHOD_DEF, token & 0xFFFFFF)
    if token >> 24 != METHOD_DEF or row is None:
        return f"0x{token:08x}"
    return f"{_type_of(metadata, token & 0xFFFFFF)}.{metadata.string(row[3])}"


def _type_of(metadata: Metadata, method: int) -> str:
    """Return the full name of the last type whose methods begin at or before `method`: methods lie in their order."""
    low, high = 1, metadata.rows.get(TYPE_DEF, 0)
    while low < high:
        middle = (low + high + 1) // 2
        row = metadata.row(TYPE_DEF, middle)
        low, high = (middle, high) if row is not None and row[5] <= method else (low, middle - 1)
    row = metadata.row(TYPE_DEF, low)
    if row is None:
        return ""
    return ".".join(filter(None, (metadata.string(row[2]), metadata.string(row[1]))))


def _references(metadata: Metadata) -> Iterator[AssemblyReference]:
    for *version, flags, key_at, name, culture, _ in metadata.table(ASSEMBLY_REF):
        key = metadata.blob(key_at)
        yield {
            "name": metadata.string(name),
            "version": ".".join(map(str, version)),
            "culture": metadata.string(culture) or _NO_TEXT,
            "token": _token(key) if flags & _FULL_KEY else key.hex(),
        }


def _resources(image: Image, metadata: Metadata, base: int) -> Iterator[DotNetResource]:
    """Yield the resources; one that lies in the assembly itself is its size and then its data, behind `base`."""
    for place, flags, name, elsewhere in metadata.table(MANIFEST_RESOURCE):
        offset = None if elsewhere else image.offset(base + place)
        size = int.from_bytes(image.data[offset : offset + 4], "little") if offset is not None else None
        measured = image.parts.measure(offset + 4, size) if offset is not None and size is not None else None
        head = image.data[offset + 4 : offset + 4 + min(size, DESCRIBED_BYTES)] if offset and size else b""
        yield {
            "name": metadata.string(name),
            "offset": f"0x{offset + 4:08x}" if offset is not None else None,
            "size": size,
            "sha256": measured[2] if measured else None,
            "type": describe_bytes(head) if head else None,
            "public": flags & 7 == _VISIBLE,
        }
