"""The objects of a bundle, each once, in the order in which they were made.

The ids of observables are those of the specification (STIX 2.1, 2.9), which the library makes; those of all other
objects name what they stand for within this analysis. No time in them is that of writing.
"""

from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from uuid import UUID

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.common.text import count_text
from lib.cuckoo.reporting.sharing.identity import named
from lib.cuckoo.reporting.sharing.records import Analysis

PRODUCT = "fledge"
_COMMON_TIME = "2026-01-01T00:00:00.000Z"
"""Of what is the same in every analysis: whoever merges bundles finds one object and not two versions of it."""

_MARKINGS = {
    "clear": "TLP_WHITE",
    "green": "TLP_GREEN",
    "amber": "TLP_AMBER",
    "amber+strict": "TLP_RED",
    "red": "TLP_RED",
}
"""The specification has the four markings of version 1 of the protocol; what lies between two is the stricter one."""


class Objects:
    """Collects valid objects; one that the library refuses costs itself and is counted."""

    def __init__(self, analysis: Analysis) -> None:
        self._library = library()
        self._analysis = analysis
        self._found: dict[str, Any] = {}
        self._refused: Counter[str] = Counter()
        self._markings: list[str] = []
        if analysis.tlp:
            marking = getattr(self._library, _MARKINGS[analysis.tlp])
            self._found[marking["id"]] = marking
            self._markings = [marking["id"]]
        self.author = self._common("Identity", PRODUCT, name=PRODUCT, identity_class="system")

    def observable(self, kind: str, /, **members: Any) -> str | None:
        """Add an observable, "DomainName" or another class of the library; return its id."""
        return self._add(kind, object_marking_refs=self._markings, **_present(members))

    def process(self, place: int, **members: Any) -> str | None:
        """Add a process; the specification names no properties that its id derives from."""
        return self.observable("Process", id=self.process_id(place), **members)

    def process_id(self, place: int) -> str:
        """Return the id of the process at a place in the list.

        The specification wants it of version 4 (6.13), and that it is the same each time does no harm.
        """
        found = UUID(bytes=UUID(named(self._analysis.key, "process", place)).bytes, version=4)
        return f"process--{found}"

    def object(self, kind: str, name: str, /, **members: Any) -> str | None:
        """Add an object that belongs to this analysis and is told from others of its kind by `name`."""
        moment = self._analysis.started
        return self._add(
            kind,
            id=f"{_type_of(kind)}--{named(self._analysis.key, kind, name)}",
            **self._provenance(moment),
            **_present(members),
        )

    def technique(self, number: str, /, **members: Any) -> str | None:
        """Add what means the same in every analysis."""
        return self._common("AttackPattern", number, created_by_ref=self.author, **members)

    def relation(self, source: str | None, kind: str, target: str | None) -> None:
        """Add a relationship, unless one of its ends is missing."""
        if source is not None and target is not None:
            self.object(
                "Relationship",
                f"{source} {kind} {target}",
                relationship_type=kind,
                source_ref=source,
                target_ref=target,
            )

    def note(self, name: str, abstract: str, content: str, about: list[str], **members: Any) -> None:
        """Add a note for people."""
        self.object(
            "Note", name, abstract=abstract, content=content, authors=[PRODUCT], object_refs=about, **members
        )

    def refused(self) -> Iterator[str]:
        """Yield what the library did not take, by kind."""
        for kind, count in sorted(self._refused.items()):
            yield f"{count_text(count, 'object')} of the type {_type_of(kind)} that the format has no room for"

    def __iter__(self) -> Iterator[Any]:
        yield from self._found.values()

    def _common(self, kind: str, name: str, /, **members: Any) -> str | None:
        times = {"created": _COMMON_TIME, "modified": _COMMON_TIME}
        return self._add(kind, id=f"{_type_of(kind)}--{named(kind, name)}", **times, **_present(members))

    def _provenance(self, moment: Any) -> dict[str, Any]:
        return {
            "created_by_ref": self.author,
            "created": moment,
            "modified": moment,
            "object_marking_refs": self._markings,
        }

    def _add(self, kind: str, /, **members: Any) -> str | None:
        try:
            made = getattr(self._library, kind)(**members)
        except (self._library.exceptions.STIXError, ValueError):
            self._refused[kind] += 1
            return None
        known = self._found.get(made["id"], {})
        if len(made) > len(known):  # a domain is met as an answer first, and later with answers of its own
            self._found[made["id"]] = made
        return str(made["id"])


def library() -> ModuleType:
    """Return the module `stix2.v21`.

    Raises:
        CuckooDependencyError: the library is not installed.
    """
    try:
        import stix2  # noqa: PLC0415 - heavy, optional
    except ImportError as error:
        raise CuckooDependencyError(f"STIX needs stix2 ({error}): pip install 'fledge[stix]'") from error
    return stix2  # type: ignore[no-any-return]  # the library has no types


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}


def _type_of(kind: str) -> str:
    """Return the type that a class of the library stands for: "attack-pattern" for AttackPattern."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind).removeprefix("-")
