"""Files as observables, with the folders they lay in."""

from collections.abc import Mapping

from lib.cuckoo.common.text import last_part
from lib.cuckoo.reporting.sharing.records import File
from lib.cuckoo.reporting.stix.objects import Objects

HASHES: Mapping[str, str] = {
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha256": "SHA-256",
    "sha512": "SHA-512",
    "ssdeep": "SSDEEP",
    "tlsh": "TLSH",
}
"""Our algorithms in the words of the specification's vocabulary."""


def add_file(objects: Objects, file: File) -> str | None:
    """Add a file with the first place where it lay in the guest; return its id."""
    path = file.paths[0] if file.paths else ""
    return objects.observable(
        "File",
        name=file.name or last_part(path),
        size=file.size,
        hashes={HASHES[name]: value for name, value in file.hashes},
        parent_directory_ref=add_folder(objects, path),
    )


def add_image(objects: Objects, name: str, path: str) -> str | None:
    """Add the program that a process ran, of which no more than its place is known."""
    shown = last_part(path) or name
    return (
        objects.observable("File", name=shown, parent_directory_ref=add_folder(objects, path))
        if shown
        else None
    )


def add_folder(objects: Objects, path: str) -> str | None:
    """Add the folder of a path, None where it has none."""
    folder = path[: len(path) - len(last_part(path))].rstrip("\\/")
    return objects.observable("Directory", path=folder) if folder else None
