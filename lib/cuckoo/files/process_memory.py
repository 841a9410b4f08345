"""The record of one process's memory: its regions, the programs in it, what YARA and the search for indicators find."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import md5, sha256
from typing import BinaryIO

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.shapes import YaraMatch
from lib.cuckoo.common.text import readable_name
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.indicators import Finder
from lib.cuckoo.files.memory_dump import Dump, Region, read_dump
from lib.cuckoo.files.memory_images import Found, ImageSearch, take_out
from lib.cuckoo.files.memory_shapes import MemoryImage, MemoryRegion, ProcessDump
from lib.cuckoo.files.output import OutputFolder
from lib.cuckoo.files.pe.describe import describe_pe
from lib.cuckoo.files.pe.records import PortableExecutable, Refused
from lib.cuckoo.files.scanner import STRINGS_KEPT, Scanner

_IMAGE_TYPE = "image"
_DUMP = re.compile(r"(?P<pid>\d{1,10})(?:-(?P<number>\d{1,10}))?\.dmp")


@dataclass(frozen=True)
class MemoryLimits:
    """How much of one dump is kept."""

    regions: int = 10_000
    images: int = 32
    """Images that are saved and described."""
    indicators: int = 1000
    """Of each kind."""


@dataclass
class Tools:
    """What the dumps of one analysis share."""

    scanner: Scanner
    output: OutputFolder
    limits: MemoryLimits


def is_dump(name: str) -> bool:
    """Tell whether a file is a dump by its name, `<pid>.dmp` or `<pid>-<number>.dmp`."""
    return _DUMP.fullmatch(name) is not None


def process_memory(folder: AnalysisFolder, path: str, tools: Tools) -> ProcessDump:
    """Describe a dump; `path` is relative to the folder.

    Raises:
        CuckooProcessingError: it cannot be read, or is no dump.
    """
    name, location = path.rpartition("/")[2], f"{readable_name(folder.path)}/{path}"
    match = _DUMP.fullmatch(name)
    with folder.open(path) as stream:
        try:
            dump = read_dump(stream)
            record = _facts(location, match["pid"] if match else "0", dump, tools.limits)
            _add_contents(record, stream, dump, name.removesuffix(".dmp"), tools)
        except CuckooProcessingError as error:
            raise CuckooProcessingError(f"{location}: {error}") from error
    return record


def _facts(path: str, pid: str, dump: Dump, limits: MemoryLimits) -> ProcessDump:
    """Return the record with what needs no look at the data."""
    regions = [_region(region) for region in dump.regions[: limits.regions]]
    more = len(dump.regions) - len(regions)
    return {
        "file": path,
        "path": path,
        "pid": int(pid),
        "format": dump.format,
        "size": sum(region.size for region in dump.regions),
        "regions": regions,
        "modules": [
            {"addr": f"0x{each.address:x}", "size": each.size, "name": each.name} for each in dump.modules
        ],
        "problems": dict(dump.problems),
        "truncated": {"regions": more} if more else {},
        "images": [],
        "yara": [],
        "indicators": [],
    }


def _region(region: Region) -> MemoryRegion:
    return {
        "addr": f"0x{region.address:08x}",
        "end": f"0x{region.end:08x}",
        "size": region.size,
        "offset": region.offset,
        "state": region.state_name,
        "type": region.type_name,
        "protect": region.protection_name,
    }


def _add_contents(record: ProcessDump, stream: BinaryIO, dump: Dump, name: str, tools: Tools) -> None:
    """Go through the data once; what is left out is added to `truncated`."""
    truncated = record["truncated"]
    finder, search = Finder("memory", tools.limits.indicators), ImageSearch()
    found: list[Found] = []
    matches: dict[str, YaraMatch] = {}
    for window in dump.windows(stream):
        for match in tools.scanner.scan(window.data, name):
            match["addresses"] = {key: window.address(value) for key, value in match["addresses"].items()}
            _merge(matches, match)
        found += search.images(window)
        if tools.limits.indicators:
            for run in window.runs:
                finder.search(memoryview(window.data)[run.start : run.start + run.size], run.address)
    indicators = finder.result()
    truncated |= {f"indicators_{kind}": count for kind, count in indicators.truncated.items()}
    if search.left_out:
        truncated["image_candidates"] = 1
    record["images"] = _images(stream, dump, found, name, tools, truncated)
    record["yara"] = list(matches.values())
    record["indicators"] = indicators.as_dicts()


def _merge(matches: dict[str, YaraMatch], match: YaraMatch) -> None:
    """Put the matches of one rule in several windows together; an address is the first."""
    known = matches.setdefault(repr((match["name"], match["meta"])), match)
    known["strings"] = list(dict.fromkeys(known["strings"] + match["strings"]))[:STRINGS_KEPT]
    known["addresses"] = match["addresses"] | known["addresses"]


def _images(
    stream: BinaryIO, dump: Dump, found: list[Found], name: str, tools: Tools, truncated: dict[str, int]
) -> list[MemoryImage]:
    """Describe images, those first that no file stands behind; only the first are saved."""
    places = [(_region_at(dump.regions, each.address), each) for each in found]
    places.sort(key=lambda place: (place[0].type_name == _IMAGE_TYPE, place[1].address))
    if len(places) > tools.limits.regions:
        truncated["images"] = len(places) - tools.limits.regions
    modules = {module.address: module.name for module in dump.modules}
    records: list[MemoryImage] = []
    for number, (region, each) in enumerate(places[: tools.limits.regions]):
        record: MemoryImage = {
            "addr": f"0x{each.address:08x}",
            "size": each.headers.size_of_image,
            "type": region.type_name,
            "protect": region.protection_name,
            "module": modules.get(each.address, ""),
        }
        if number < tools.limits.images and not tools.output.refused:
            _save(record, stream, dump, each, f"image-{name}-{each.address:x}.bin", tools)
        records.append(record)
    unsaved = sum("path" not in record for record in records)
    if unsaved:
        truncated["images_saved"] = unsaved
    return records


def _save(record: MemoryImage, stream: BinaryIO, dump: Dump, found: Found, name: str, tools: Tools) -> None:
    layout, content = take_out(stream, dump, found)
    record["layout"] = layout
    record["path"] = tools.output.save(name, content)
    record["saved_bytes"] = len(content)
    record["md5"] = md5(content, usedforsecurity=False).hexdigest()
    record["sha256"] = sha256(content).hexdigest()
    record["pe"] = _described(content)


def _described(content: bytes) -> PortableExecutable | Refused:
    try:
        return describe_pe(content, Budget(entries=1000, text=64 << 10), lambda *_: None)
    except (CuckooProcessingError, CuckooDependencyError) as error:
        return {"error": str(error)}


def _region_at(regions: list[Region], address: int) -> Region:
    return regions[max(0, bisect_right(regions, address, key=lambda each: each.address) - 1)]


def problems_in_words(records: Iterable[ProcessDump]) -> list[str]:
    """Say what could not be read of the dumps and what was left out."""
    lines = []
    for record in records:
        counts = {**record["problems"], **record["truncated"]}
        if counts:
            lines.append(
                f"{record['file']}: " + ", ".join(f"{what} {count}" for what, count in counts.items())
            )
    return lines
