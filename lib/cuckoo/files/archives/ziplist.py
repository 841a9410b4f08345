"""The listing of a zip archive, and of what is made like one: jar, apk, documents."""

from collections.abc import Iterator

from lib.cuckoo.files.archives import zipped
from lib.cuckoo.files.archives.records import Archive, ArchiveMember, archive, member
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.layout import narrow


def describe_zip(data: Data, budget: Budget, _: Save) -> Archive:
    """List a zip archive in the shape `Archive`.

    Raises:
        CuckooProcessingError: never; damage stands in `anomalies`.
    """
    place = zipped.directory(data)
    comment = narrow(place.comment, "utf-8") if place else None
    found = archive("zip", _members(data), len(data), budget, comment)
    if place is None:
        found["anomalies"].append("there is no directory: the members were found by their own headers")
    elif place.count != found["count"]:
        found["anomalies"].append(f"the directory counts {place.count} members and lists {found['count']}")
    if place is not None and place.shift:
        found["anomalies"].append(f"{place.shift} bytes stand before the archive")
    return found


def _members(data: Data) -> Iterator[ArchiveMember]:
    for each in zipped.members(data):
        found = member(each.name, each.size, each.packed, each.modified)
        found["directory"] = each.is_directory
        found["link"] = "" if each.is_link else None
        found["encrypted"] = each.encrypted
        found["method"] = zipped.METHODS.get(each.method, str(each.method))
        yield found
