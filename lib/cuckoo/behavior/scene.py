"""What sections learn from a call: small steps that are put together once for each kind of call.

A plan says which arguments of a kind are read and which steps look at them. Calls of kinds without a plan are never
read. The meaning of calls and arguments is that of the monitors' own documentation of their hooks.
"""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from lib.cuckoo.behavior.handles import Handles
from lib.cuckoo.behavior.kinds import Kind
from lib.cuckoo.behavior.reader import GrowingNames, active
from lib.cuckoo.behavior.spelling import position

Texts = list[str | None]
Step = Callable[["Scene", Texts, bool], None]
Source = Callable[["Scene", Texts], str | None]
"""Gives one text of a call, from its arguments or from what is known of its handles."""

SUMMARY_LISTS = (
    "files",
    "read_files",
    "write_files",
    "delete_files",
    "keys",
    "read_keys",
    "write_keys",
    "delete_keys",
    "executed_commands",
    "resolved_apis",
    "mutexes",
    "created_services",
    "started_services",
)


def lists_named(names: Iterable[str]) -> int:
    """Return lists of the summary as the bits by which `NameLists` knows them."""
    return sum(1 << SUMMARY_LISTS.index(name) for name in names)


@dataclass(slots=True)
class Findings:
    """What the calls of all processes have told so far."""

    lists: GrowingNames = field(default_factory=lambda: active().NameLists(len(SUMMARY_LISTS)))
    """Those of `SUMMARY_LISTS`; names of events stand in the same buffer."""
    anomalies: list[dict[str, Any]] = field(default_factory=list)
    buffers: list[dict[str, Any]] = field(default_factory=list)
    most_records: int = 0
    anomaly_count: int = 0
    buffer_count: int = 0


@dataclass(slots=True)
class Followed:
    """Which events have a name that only their handle gives: rows of calls, which rise, and places of names."""

    rows: "array[int]" = field(default_factory=lambda: array("I"))
    places: "array[int]" = field(default_factory=lambda: array("I"))

    def add(self, row: int, place: int) -> None:
        """Note the place of a row's name."""
        self.rows.append(row)
        self.places.append(place)


@dataclass(slots=True)
class Scene:
    """One process while its calls are read in order."""

    findings: Findings
    process_id: int
    process_name: str
    api: str = ""
    row: int = 0
    handles: Handles = field(default_factory=Handles)
    followed: Followed = field(default_factory=Followed)
    generic: GrowingNames | None = None
    """Names by the words of the second family, from the first one on."""


class Plan:
    """How calls of one kind are read."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.steps: list[Step] = []
        self.tells = False
        """Whether a section needs these calls for themselves, not only for the handles they open."""
        self.feeds: set[str] = set()
        """Sorts of handles that these calls open or close."""
        self.needs: set[str] = set()
        """Sorts of handles whose names these calls are understood by."""
        self.positions: tuple[int, ...] = ()
        self._slots: dict[int, int] = {}

    def has(self, *names: str) -> bool:
        """Return whether the kind has one of the arguments."""
        return position(self.kind, *names) is not None

    def text(self, *names: str) -> Source:
        """Return what gives the first of the named arguments that the kind has; nothing when it has none."""
        at = position(self.kind, *names)
        if at is None:
            return _nothing
        return self.text_at(at)

    def text_at(self, at: int) -> Source:
        """Return what gives the argument at a position."""
        slots = self._slots
        slots.setdefault(at, 0)
        ordered = sorted(slots)
        slots.update({one: slot for slot, one in enumerate(ordered)})
        self.positions = tuple(ordered)
        return lambda _, texts: texts[slots[at]]

    def tell(self, step: Step) -> None:
        """Add a step of a section."""
        self.steps.append(step)
        self.tells = True

    def feed(self, step: Step, *sorts: str) -> None:
        """Add a step that keeps track of handles."""
        self.steps.append(step)
        self.feeds.update(sorts)


def _nothing(_scene: Scene, _texts: Texts) -> None:
    return None


def adding(names: Iterable[str], source: Source) -> Step:
    """Return the step that adds a text to lists of the summary."""
    lists = lists_named(names)

    def step(scene: Scene, texts: Texts, _ok: bool) -> None:
        text = source(scene, texts)
        if text:
            scene.findings.lists.add(text, lists)

    return step
