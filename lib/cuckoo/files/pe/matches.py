"""What YARA finds in the resources of a Portable Executable, each scanned as a file of its own."""

from bisect import bisect_right
from collections.abc import Sequence

from lib.cuckoo.files.budget import Data
from lib.cuckoo.files.pe.records import Resource, Section
from lib.cuckoo.files.scanner import Scanner

SCANNED = 500
"""Resources that are scanned, the largest ones."""


def scan_resources(
    data: Data, sections: Sequence[Section], resources: Sequence[Resource], scanner: Scanner, least: int
) -> None:
    """Fill the `yara` of the resources of at least `least` bytes; equal ones are scanned once."""
    places = sorted(
        (int(each["virtual_address"], 16), int(each["raw_address"], 16), int(each["size_of_data"], 16))
        for each in sections
    )
    large = [each for each in resources if int(each["size"], 16) >= least and each["sha256"] is not None]
    large.sort(key=lambda each: int(each["size"], 16), reverse=True)
    known: dict[str | None, Resource] = {}
    for resource in large[:SCANNED]:
        same = known.setdefault(resource["sha256"], resource)
        if same is resource:
            resource["yara"] = scanner.scan(_content(data, places, resource), resource["id"])
        else:
            resource["yara"] = same["yara"]


def _content(data: Data, places: Sequence[tuple[int, int, int]], resource: Resource) -> bytes:
    """Return the data of a resource, as far as its section has any in the file."""
    address, size = int(resource["offset"], 16), int(resource["size"], 16)
    index = bisect_right(places, address, key=lambda place: place[0]) - 1
    if index < 0:
        return b""
    start, raw, length = places[index]
    return bytes(data[raw + address - start : raw + min(address - start + size, length)])
