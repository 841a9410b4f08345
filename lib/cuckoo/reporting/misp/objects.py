"""The objects of an event, built by the library from its own templates, each once.

Ids and times derive from the analysis: the same findings give the same event, and a platform that has it updates it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.common.text import count_text
from lib.cuckoo.reporting.sharing.identity import named
from lib.cuckoo.reporting.sharing.records import Findings

PRODUCT = "fledge"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A value in its place in a template; one that is None or empty is left out."""

    relation: str
    value: str | int | bool | datetime | None
    kind: str = ""
    """Of the indicator that the value is when it is one, for example "sha256"."""
    detect: bool | None = None
    """Whether it is worth looking for; by default when it is an indicator of that kind."""
    comment: str = ""
    tags: tuple[str, ...] = ()


class Objects:
    """Puts valid objects into an event; one that its template refuses costs itself and is counted."""

    def __init__(self, findings: Findings) -> None:
        self._library = library()
        self._findings = findings
        self._moment = findings.analysis.started
        self._refused: Counter[str] = Counter()
        self._found: dict[str, Any] = {}
        self.event = self._library.MISPEvent()
        self.event.uuid = named(findings.analysis.key, "event")
        self._stamp(self.event)

    def add(self, template: str, name: str, attributes: Iterable[Attribute], comment: str = "") -> str | None:
        """Add an object that is told from others of its template by `name`; return its id."""
        identifier = named(self._findings.analysis.key, template, name)
        if identifier in self._found:
            return identifier
        made = self._library.MISPObject(template, strict=True)
        made.uuid, made.comment = identifier, comment
        self._stamp(made)
        try:
            for place, attribute in enumerate(attributes):
                self._fill(made, attribute, f"{identifier} {place}")
            made.to_dict()
        except (self._library.PyMISPError, ValueError):
            self._refused[template] += 1
            return None
        self._found[identifier] = self.event.add_object(made)
        return identifier

    def _fill(self, made: Any, attribute: Attribute, name: str) -> None:
        value = _plain(attribute.value)
        if value in (None, ""):
            return
        added = made.add_attribute(attribute.relation, value, to_ids=self._flag(attribute), uuid=named(name))
        self._stamp(added)
        if attribute.comment:
            added.comment = attribute.comment
        for tag in attribute.tags:
            added.add_tag(tag)

    def detects(self, kind: str, value: object) -> bool:
        """Return whether a value is worth looking for elsewhere."""
        return self._findings.analysis.suspect and (kind, value) in self._findings.indicators

    def attribute(self, kind: str, value: str, **members: Any) -> None:
        """Add a value that belongs to no object."""
        added = self.event.add_attribute(
            kind, value, uuid=named(self._findings.analysis.key, "attribute", kind, value), **members
        )
        self._stamp(added)

    def refer(self, source: str | None, relation: str, target: str | None) -> None:
        """Say how one object goes with another, unless one of them is missing."""
        if source in self._found and target in self._found:
            reference = self._found[source].add_reference(target, relation)
            reference.uuid = named(source, relation, target)
            self._stamp(reference)

    def refused(self) -> Iterator[str]:
        """Yield what the templates did not take, by name."""
        for template, count in sorted(self._refused.items()):
            yield f"{count_text(count, 'object')} that the template {template} has no room for"

    def _flag(self, attribute: Attribute) -> bool:
        if attribute.detect is None:
            return self.detects(attribute.kind, attribute.value)
        return attribute.detect

    def _stamp(self, made: Any) -> None:
        """Give the time of the analysis; the library leaves a time out of what it takes for edited."""
        made.timestamp = self._moment
        made.force_timestamp = True


def library() -> ModuleType:
    """Return the module `pymisp`.

    Raises:
        CuckooDependencyError: the library is not installed.
    """
    try:
        import pymisp  # noqa: PLC0415 - heavy, optional
    except ImportError as error:
        raise CuckooDependencyError(f"MISP needs pymisp ({error}): pip install 'fledge[misp]'") from error
    return pymisp


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.strip() if isinstance(value, str) else value
