"""The sections of the story, in the order in which people read them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lib.cuckoo.reporting.story.calls import call_parts
from lib.cuckoo.reporting.story.files import dropped_parts, memory_parts, static_parts, string_parts
from lib.cuckoo.reporting.story.ledger import ledger_parts
from lib.cuckoo.reporting.story.network import network_parts
from lib.cuckoo.reporting.story.parts import Limits, Note, Passage
from lib.cuckoo.reporting.story.processes import process_parts
from lib.cuckoo.reporting.story.signatures import signature_parts
from lib.cuckoo.reporting.story.values import Record, sequence
from lib.cuckoo.reporting.story.verdict import summary_parts

Build = Callable[[Record, Limits], Iterator[Any]]

ODD_SHAPES = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError)
"""What a section of an unheard-of shape can raise in whoever reads it."""

_TOLD = frozenset({
    *("info", "target", "detections", "detections2pid", "score", "malscore", "malfamily", "malfamily_tag"),
    *("signatures", "ttps", "mbcs", "behavior", "network", "suricata", "static", "strings", "dropped", "procdump"),
    *("CAPE", "procmemory", "memory", "virustotal", "hashlookup", "debug", "statistics", "engine"),
    *("shots", "deduplicated_shots"),
})  # fmt: skip


@dataclass(frozen=True)
class Section:
    """One section: its name on the command line and in links, its title, and what its parts are made of."""

    name: str
    title: str
    build: Build

    def parts(self, results: Record, limits: Limits) -> Iterator[Any]:
        """Yield the parts; a section that has not its usual shape, dropped in or forged, says so."""
        try:
            yield from self.build(results, limits)
        except ODD_SHAPES as error:
            yield Note(f"The rest cannot be shown: {type(error).__name__}: {error}")


def _other_parts(results: Record, limits: Limits) -> Iterator[Passage]:
    """Yield sections that modules of others added, as JSON."""
    for name in sorted(key for key in results if isinstance(key, str) and key not in _TOLD):
        value = results[name]
        if value not in (None, "", [], {}):
            few = value[: limits.entries] if sequence(value) else value
            yield Passage(name, json.dumps(few, indent=2, ensure_ascii=False, default=repr))


SECTIONS = (
    Section("summary", "Summary", summary_parts),
    Section("processes", "Processes", process_parts),
    Section("signatures", "Signatures", signature_parts),
    Section("network", "Network", network_parts),
    Section("dropped", "Files", dropped_parts),
    Section("static", "The sample", static_parts),
    Section("memory", "Memory", memory_parts),
    Section("strings", "Strings and indicators", string_parts),
    Section("other", "Further sections", _other_parts),
)
CALLS = Section("calls", "Calls", call_parts)
LEDGER = Section("ledger", "Ledger", ledger_parts)
