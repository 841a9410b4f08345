"""Which engine wrote a report: told by what it says of itself, else by its shape."""

from collections.abc import Iterator
from enum import StrEnum

from lib.cuckoo.reporting.story.values import Record, mapping, records, text


class Family(StrEnum):
    """The families of reports."""

    FLEDGE = "fledge"
    """Ours."""
    CLASSIC = "classic"
    """Cuckoo 0.4 to 1.3."""
    SECOND = "second"
    """Cuckoo 2."""
    SUCCESSOR = "successor"
    """CAPE."""
    UNKNOWN = "unknown"
    """Nothing tells."""


_SUCCESSOR = {"CAPE", "malscore", "malfamily_tag", "detections2pid", "deduplicated_shots"}


def family_of(results: Record) -> Family:
    """Return the family of a report."""
    return next(_families(results), Family.UNKNOWN)


def _families(results: Record) -> Iterator[Family]:
    """Yield what tells, the surest first."""
    info = mapping(results.get("info"))
    version = text(info.get("version"))
    if text(mapping(results.get("engine")).get("name")) == "fledge":
        yield Family.FLEDGE
    if version.upper().endswith("-CAPE") or not _SUCCESSOR.isdisjoint(results):
        yield Family.SUCCESSOR
    if version.startswith("2.") or _is_second(results):
        yield Family.SECOND
    if version.lstrip("v").startswith(("0.", "1.")):
        yield Family.CLASSIC
    if any("process_id" in process for process in records(mapping(results.get("behavior")).get("processes"))):
        yield Family.CLASSIC


def _is_second(results: Record) -> bool:
    behavior = mapping(results.get("behavior"))
    if {"generic", "apistats"} & behavior.keys() and "enhanced" not in behavior:
        return True
    return any("marks" in match for match in records(results.get("signatures")))
