"""Which of the signatures found take part in an analysis, and why the others do not."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.common.constants import CUCKOO_VERSION

_READS_MATCHES = frozenset({"signature_matched", "get_signature_data"})

Overlay = Mapping[str, Mapping[str, Any]]
"""Signature name to the attributes that configuration sets in place of the file's."""


@dataclass(frozen=True)
class Definition:
    """A signature class and where it came from."""

    cls: type[Signature]
    file: str = ""
    line: int = 0
    platform: str = ""
    """The folder below `signatures/` that says what it is for: "windows", "linux" …; "" fits any."""
    collection: int = 0
    """Of several collections, the place of the one that it belongs to."""

    @property
    def where(self) -> str:
        """File and line, for messages."""
        return f"{self.file}:{self.line}"

    @property
    def name(self) -> str:
        """The signature's name, else that of its class."""
        return self.cls.name or self.cls.__name__

    @property
    def evented(self) -> bool:
        """True when it hears calls: it says so and has an `on_call`. All others are run once."""
        return bool(self.cls.evented) and self.cls.on_call is not Signature.on_call

    @cached_property
    def reads_matches(self) -> bool:
        """True when its code asks for the matches of others, so that it must run after them."""
        return any(_asks_for_matches(code) for code in _codes(self.cls))

    @property
    def phase(self) -> tuple[int, bool]:
        """Signatures of a lower phase are finished before those of a higher one start."""
        order = self.cls.order
        return (order if isinstance(order, int) else 0, self.reads_matches)


@dataclass(frozen=True)
class Setting:
    """What an analysis is, as far as the choice of signatures goes by it."""

    category: str = ""
    """Of the target: "file", "url" …; "" is not known, and fits any."""
    platform: str = ""
    """Of the machine; "" is not known, and fits any."""
    version: str = CUCKOO_VERSION
    overlay: Overlay = field(default_factory=dict)

    def attribute(self, definition: Definition, name: str) -> Any:
        """Return a class attribute, with the overlay's in its place."""
        return self.overlay.get(definition.name, {}).get(name, getattr(definition.cls, name))


@dataclass(frozen=True)
class Selection:
    """The signatures that run, by phase and name, and the reason for each of the others."""

    chosen: list[Definition]
    left_out: list[tuple[Definition, str]]


def select(definitions: Iterable[Definition], setting: Setting) -> Selection:
    """Choose among the signatures found; one of a later collection replaces those of its name in earlier ones."""
    selection = Selection([], [])
    ordered = sorted(definitions, key=lambda each: (each.phase, each.name, each.file))
    reasons = [why_not(definition, setting) for definition in ordered]
    last: dict[str, Definition] = {}
    for definition, reason in zip(ordered, reasons, strict=True):
        if not reason and definition.collection >= last.get(definition.name, definition).collection:
            last[definition.name] = definition
    for definition, fault in zip(ordered, reasons, strict=True):
        winner = last.get(definition.name, definition)
        replaced = f"replaced by {winner.where}" if winner.collection > definition.collection else ""
        if reason := fault or replaced:
            selection.left_out.append((definition, reason))
        else:
            selection.chosen.append(definition)
    return selection


def why_not(definition: Definition, setting: Setting) -> str:
    """Return why a signature does not take part, "" when it does."""
    return next((reason for reason in _reasons(definition, setting) if reason), "")


def _reasons(definition: Definition, setting: Setting) -> Iterator[str]:
    yield _disabled(definition, setting)
    yield _other_platform(definition, setting)
    yield _other_version(definition, setting)
    types = setting.attribute(definition, "filter_analysistypes")
    if types and setting.category and setting.category not in types:
        yield f"for analyses of {', '.join(sorted(types))}, and this one is of a {setting.category}"


def _disabled(definition: Definition, setting: Setting) -> str:
    if setting.attribute(definition, "enabled"):
        return ""
    by_overlay = "enabled" in setting.overlay.get(definition.name, {})
    return "disabled by the overlay" if by_overlay else "the class attribute `enabled` is false"


def _other_platform(definition: Definition, setting: Setting) -> str:
    fitting = {"", setting.platform.lower()}
    if not setting.platform or definition.platform in fitting:
        return ""
    return f"for {definition.platform}, and this analysis is of {setting.platform}"


def _other_version(definition: Definition, setting: Setting) -> str:
    minimum, maximum = (setting.attribute(definition, name) for name in ("minimum", "maximum"))
    if minimum and _numbers(setting.version) < _numbers(minimum):
        return f"needs version {minimum} of the contract, and this is {setting.version}"
    if maximum and _numbers(setting.version) > _numbers(maximum):
        return f"works up to version {maximum} of the contract, and this is {setting.version}"
    return ""


def _numbers(version: object) -> tuple[int, ...]:
    """Return a version's numbers, without zeros at the end: "2.0" equals "2"."""
    numbers = [int(number) for number in re.findall(r"\d+", str(version).partition("-")[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _codes(cls: type[Signature]) -> Iterator[CodeType]:
    """Yield the code of every method that a signature class or its own bases define."""
    for base in cls.__mro__:
        if base in Signature.__mro__:
            continue
        yield from (member.__code__ for member in vars(base).values() if isinstance(member, FunctionType))


def _asks_for_matches(code: CodeType) -> bool:
    nested = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return (
        not _READS_MATCHES.isdisjoint(code.co_names)
        or "signatures" in code.co_consts
        or any(_asks_for_matches(inner) for inner in nested)
    )
