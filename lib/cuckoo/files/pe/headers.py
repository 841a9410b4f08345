"""Headers of a Portable Executable: machine, time, entry point, directories, sections, checksum, overlay."""

from datetime import UTC, datetime
from typing import Any

from lib.cuckoo.common.filetype import describe_bytes
from lib.cuckoo.files.pe.image import Image, plain
from lib.cuckoo.files.pe.records import Directory, Overlay, Section

DESCRIBED_BYTES = 64 << 10
"""Shown to libmagic of what lies inside a file."""


def header_facts(image: Image) -> dict[str, Any]:
    """Return what the file and the optional header say, numbers in hexadecimal as reports show them."""
    pe, pefile = image.pe, image.pefile
    header, optional = pe.FILE_HEADER, pe.OPTIONAL_HEADER
    holder = section_holding(image, optional.AddressOfEntryPoint)
    return {
        "machine": pefile.MACHINE_TYPE.get(header.Machine, f"0x{header.Machine:04x}"),
        "bits": 64 if image.is_64bit else 32,
        "type": _type(pe),
        "subsystem": pefile.SUBSYSTEM_TYPE.get(optional.Subsystem, str(optional.Subsystem)),
        "characteristics": flags(pefile.IMAGE_CHARACTERISTICS, "IMAGE_FILE_", header.Characteristics),
        "dll_characteristics": flags(
            pefile.DLL_CHARACTERISTICS, "IMAGE_DLLCHARACTERISTICS_", optional.DllCharacteristics
        ),
        "timestamp": timestamp(header.TimeDateStamp),
        "timestamp_raw": header.TimeDateStamp,
        "imagebase": f"0x{image.base:08x}",
        "entrypoint": f"0x{optional.AddressOfEntryPoint:08x}",
        "entrypoint_section": plain(holder.Name.rstrip(b"\0")) if holder else None,
        "ep_bytes": image.at(optional.AddressOfEntryPoint, 16).hex(),
        "osversion": f"{optional.MajorOperatingSystemVersion}.{optional.MinorOperatingSystemVersion}",
        "linker": f"{optional.MajorLinkerVersion}.{optional.MinorLinkerVersion}",
        "reported_checksum": f"0x{optional.CheckSum:08x}",
        "actual_checksum": f"0x{checksum(image):08x}",
    }


def _type(pe: Any) -> str:
    if pe.FILE_HEADER.Characteristics & 0x2000:
        return "library"
    return "driver" if pe.OPTIONAL_HEADER.Subsystem == 1 else "program"


def flags(names: dict[Any, Any], prefix: str, value: int) -> list[str]:
    """Name the bits that are set, lowest first, without `prefix`; unknown bits stay numbers."""
    known = {bit: name for name, bit in names.items() if isinstance(name, str) and name.startswith(prefix)}
    bits = [1 << shift for shift in range(32) if value & (1 << shift)]
    return [known.get(bit, f"0x{bit:x}").removeprefix(prefix) for bit in bits]


def timestamp(seconds: int) -> str:
    """Return seconds since 1970 as reports show times, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def checksum(image: Image) -> int:
    """Compute the checksum that the optional header should hold.

    It is the sum of the file's 16-bit words, the field itself taken as zero, with carries added back in, plus the
    size. Such a sum is the remainder of one long number by 0xFFFF, which is quick to find.
    """
    field = image.pe.OPTIONAL_HEADER.get_file_offset() + 64
    size = len(image.data)
    total = sum(_words(memoryview(image.data)[start : start + _BLOCK]) for start in range(0, size, _BLOCK))
    own = image.data[field : field + 4]
    total -= _words(memoryview(own if field % 2 == 0 else b"\0" + own))
    folded = total % 0xFFFF
    return (0xFFFF if folded == 0 and total else folded) + size


_BLOCK = 1 << 20


def _words(block: memoryview) -> int:
    return int.from_bytes(block, "little") % 0xFFFF


def directories(image: Image) -> list[Directory]:
    """Return the data directories in order, the empty ones too."""
    return [
        {
            "name": entry.name,
            "virtual_address": f"0x{entry.VirtualAddress:08x}",
            "size": f"0x{entry.Size:08x}",
        }
        for entry in getattr(image.pe.OPTIONAL_HEADER, "DATA_DIRECTORY", [])
    ]


def sections(image: Image) -> list[Section]:
    """Return the sections by their place in the header."""
    return [_section(image, each) for each in image.sections]


def _section(image: Image, section: Any) -> Section:
    start, size = raw_range(image, section)
    measured = image.parts.measure(start, size)
    return {
        "name": plain(section.Name.rstrip(b"\0")),
        "raw_address": f"0x{section.PointerToRawData:08x}",
        "virtual_address": f"0x{section.VirtualAddress:08x}",
        "virtual_size": f"0x{section.Misc_VirtualSize:08x}",
        "size_of_data": f"0x{section.SizeOfRawData:08x}",
        "characteristics": "|".join(
            f"IMAGE_SCN_{name}"
            for name in flags(image.pefile.SECTION_CHARACTERISTICS, "IMAGE_SCN_", section.Characteristics)
        ),
        "characteristics_raw": f"0x{section.Characteristics:08x}",
        "entropy": measured[0] if measured else None,
        "md5": measured[1] if measured else None,
    }


def raw_range(image: Image, section: Any) -> tuple[int, int]:
    """Return where the data of a section lie in the file and how many there are."""
    start: int = section.PointerToRawData
    if image.pe.OPTIONAL_HEADER.FileAlignment >= 0x200:
        start = start // 0x200 * 0x200
    return start, max(0, min(section.SizeOfRawData, len(image.data) - start))


def section_holding(image: Image, address: int) -> Any | None:
    """Return pefile's record of the section that holds an address relative to the base."""
    for section in image.sections:
        size = max(section.Misc_VirtualSize, section.SizeOfRawData)
        if section.VirtualAddress <= address < section.VirtualAddress + size:
            return section
    return None


def exact_size(image: Image) -> int:
    """Return where the image ends in the file by its headers and sections, in bytes."""
    ranges = (raw_range(image, section) for section in image.sections)
    ends = [start + size for start, size in ranges if size]
    return max([min(int(image.pe.OPTIONAL_HEADER.SizeOfHeaders), len(image.data)), *ends])


def overlay(image: Image) -> Overlay | None:
    """Describe what follows the last section; None where nothing does.

    Certificates at the end of the file are no overlay: every signed file has them.
    """
    start, end = exact_size(image), len(image.data)
    at, size = image.directory("SECURITY")
    if start <= at < end <= at + size + 8:
        end = at
    if not image.data[start : min(end, start + 4096)].strip(b"\0") and end - start < 4096:
        return None
    measured = image.parts.measure(start, end - start)
    return {
        "offset": f"0x{start:08x}",
        "size": f"0x{end - start:08x}",
        "entropy": measured[0] if measured else None,
        "sha256": measured[2] if measured else None,
        "type": describe_bytes(image.data[start : min(end, start + DESCRIBED_BYTES)]),
    }
