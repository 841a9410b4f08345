"""What signatures found, and the techniques of ATT&CK behind it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from lib.cuckoo.reporting.story.values import Record, mapping, records, sequence, text
from lib.cuckoo.reporting.view.base import View, decimal, flag, texts
from lib.cuckoo.reporting.view.behavior import Call

_NO_VALUES = {
    "type",
    "pid",
    "cid",
    "tid",
    "call",
    "ioc",
    "description",
    "process",
    "process_id",
    "process_name",
}


FindCall = Callable[[int, int], Call | None]
"""Gives the call of a process by the number of the process and its place among the calls."""


def no_call(_process_id: int, _call_id: int) -> None:
    """Find nothing: for evidence without the rest of its report."""


class Evidence(View):
    """One thing that a signature points to."""

    known = frozenset({"type", "pid", "cid", "call", "ioc", "category", "process"})

    def __init__(self, raw: Record, find_call: FindCall = no_call) -> None:
        super().__init__(raw)
        self._find_call = find_call

    @property
    def kind(self) -> str:
        """Such as "call", "ioc", "generic"; "" when the report does not say."""
        return self._text("type")

    @property
    def process_id(self) -> int:
        """The process of a call, 0 when it is about none."""
        return self._integer("pid", "process_id")

    @property
    def call_id(self) -> int | None:
        """The place of a call among those of its process; None when it is about no call."""
        return self._integer("cid") if "cid" in self.raw else None

    @cached_property
    def call(self) -> Call | None:
        """The call itself, here or among those of its process; None when the report has it nowhere."""
        if "api" in self.raw:
            return Call(self.raw)
        call = mapping(self.raw.get("call"))
        if call or self.call_id is None:
            return Call(call) if call else None
        return self._find_call(self.process_id, self.call_id)

    @property
    def text(self) -> str:
        """What it says, in one line."""
        if self.call is not None:
            return self.call.api
        values = {name: value for name, value in self.raw.items() if name not in _NO_VALUES}
        return self._text("ioc", "value") or text(values)


class Match(View):
    """A signature that matched; techniques and calls may stand elsewhere in its report."""

    known = frozenset(
        {"name", "description", "severity", "confidence", "weight", "categories", "families", "references"}
        | {"alert", "ttps", "ttp", "mbcs", "data", "new_data", "marks", "evidence", "markcount"}
    )

    def __init__(self, raw: Record, techniques: Sequence[str] = (), find_call: FindCall = no_call) -> None:
        super().__init__(raw)
        self._techniques = techniques
        self._find_call = find_call

    @property
    def name(self) -> str:
        """The name of the signature."""
        return self._text("name")

    @property
    def description(self) -> str:
        """What it means that it matched."""
        return self._text("description")

    @property
    def severity(self) -> int:
        """1 worth knowing, 2 suspicious, 3 malicious; some collections go further."""
        return self._integer("severity")

    @property
    def confidence(self) -> float:
        """Per cent; 100 where the report does not say."""
        found = decimal(self.raw.get("confidence"))
        return 100.0 if found is None else found

    @property
    def weight(self) -> float:
        """How much it counts; 1 where the report does not say."""
        found = decimal(self.raw.get("weight"))
        return 1.0 if found is None else found

    @property
    def categories(self) -> tuple[str, ...]:
        """What it is about."""
        return self._texts("categories")

    @property
    def families(self) -> tuple[str, ...]:
        """Families of malware that it knows."""
        return self._texts("families")

    @property
    def references(self) -> tuple[str, ...]:
        """Where to read more."""
        return self._texts("references")

    @property
    def alert(self) -> bool:
        """True when its author wants people to be told at once."""
        return flag(self.raw.get("alert"))

    @property
    def attack(self) -> tuple[str, ...]:
        """Identifiers of techniques of ATT&CK, as the signature gives them."""
        return tuple(dict.fromkeys((*self._texts("ttps"), *_names(self.raw.get("ttp")), *self._techniques)))

    @cached_property
    def evidence(self) -> tuple[Evidence, ...]:
        """What it points to: calls as far as the report resolves them, then everything else."""
        return tuple(Evidence(each, self._find_call) for each in _evidence(self.raw))


def _names(value: object) -> Iterator[str]:
    """Yield identifiers: the second family has them as the names of an object."""
    yield from map(text, value) if isinstance(value, Mapping) else texts(value)


def _evidence(raw: Record) -> Iterator[Record]:
    resolved = records(mapping(raw.get("evidence")).get("calls"))
    yield from ({"type": "call", **call} for call in resolved)
    seen = {(text(call.get("pid")), text(call.get("cid"))) for call in resolved}
    for each in [*records(raw.get("marks")), *records(raw.get("data"))]:
        if (text(each.get("pid")), text(each.get("cid"))) not in seen:
            yield each
    for each in records(raw.get("new_data")):
        process = mapping(each.get("process"))
        yield from ({**sign, "pid": process.get("process_id")} for sign in records(each.get("signs")))


class Technique(View):
    """A technique of ATT&CK that a signature saw."""

    known = frozenset({"ttp", "technique", "name", "tactics", "signature"})

    @property
    def id(self) -> str:
        """The identifier, "T1055"; that of today, where the report has both."""
        return self._text("technique", "ttp")

    @property
    def told(self) -> str:
        """The identifier that the signature gives, be it of today or replaced since."""
        return self._text("ttp", "technique")

    @property
    def name(self) -> str:
        """Its name, where the report has it."""
        return self._text("name")

    @property
    def tactics(self) -> tuple[str, ...]:
        """What it serves, where the report says."""
        return self._texts("tactics")

    @property
    def signature(self) -> str:
        """The signature that saw it."""
        return self._text("signature")


def techniques(results: Record) -> Iterator[Technique]:
    """Yield the techniques of a report, one for each signature that saw it."""
    section = results.get("ttps")
    if isinstance(section, Mapping):
        yield from (
            Technique({"ttp": text(name), "signature": text(value)}) for name, value in section.items()
        )
    for each in records(section):
        yield from _of_entry(each)
    if not sequence(section) and not mapping(section):
        yield from _of_matches(records(results.get("signatures")))


def _of_entry(entry: Record) -> Iterator[Technique]:
    """Yield what one entry says: later releases of the successor name all techniques of a signature in one."""
    several = sequence(entry.get("ttps"))
    if "ttp" in entry or "technique" in entry or not several:
        yield Technique(entry)
    yield from (Technique({"ttp": text(each), "signature": entry.get("signature")}) for each in several)


def _of_matches(matches: Sequence[Any]) -> Iterator[Technique]:
    for match in matches:
        told = mapping(match.get("ttp"))
        for name in Match(match).attack:
            about = mapping(told.get(name))
            yield Technique({"ttp": name, "name": text(about.get("short")), "signature": match.get("name")})
