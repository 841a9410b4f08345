"""Files as objects of the template `file`."""

from lib.cuckoo.reporting.misp.objects import Attribute, Objects
from lib.cuckoo.reporting.sharing.records import File


def add_file(objects: Objects, file: File, *, malicious: bool = False) -> str | None:
    """Add a file; return its id. When one of its hashes is worth looking for, all are."""
    wanted = any(objects.detects(name, value) for name, value in file.hashes)
    attributes = [
        Attribute("filename", file.name),
        *(Attribute("fullpath", path, "path") for path in file.paths),
        Attribute("size-in-bytes", file.size),
        *(Attribute(name, value, detect=wanted) for name, value in file.hashes),
        Attribute("magic", file.kind),
        Attribute("state", "Malicious" if malicious else None),
        Attribute("text", file.origin),
    ]
    return objects.add("file", f"{file.origin} {file.name} {file.hashes}", attributes, comment=file.origin)
