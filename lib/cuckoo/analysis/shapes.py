"""Shapes of the sections `info` and `target`."""

from typing import Any, NotRequired, TypedDict

from lib.cuckoo.common.shapes import FileRecord, YaraMatch


class Info(TypedDict):
    """What was run, when, for how long, on which machine. What the task says is given as it says it."""

    version: str
    """Version of the contract with modules, not of the engine: that is `engine.version`."""
    id: int | bool | None
    """Number of the analysis; null when nothing tells."""
    category: str
    """"file", "url", another word of the sandbox, or "unknown"."""
    package: Any
    """Text: how the sample was started in the guest."""
    started: str | None
    """"2026-01-31 13:21:44" of the sandbox's clock, or other text that the task has in its place."""
    ended: str | None
    """The same, when the guest was shut down."""
    duration: int | None
    """Seconds between the two, or those that the task says."""
    custom: Any
    """Text of whoever submitted it."""
    machine: dict[str, Any]
    """The guest: `name`, `label` and what else the task says of it; empty when it names none."""
    timeout: int | bool | None
    """Seconds that the analysis was to take; true in some tasks when they were used up."""
    options: NotRequired[Any]
    """Text: options of the package and the monitor. This and what follows only if the task has it."""
    platform: NotRequired[Any]
    """Text: the guest's system, "windows" or "linux"."""
    route: NotRequired[Any]
    """Text: how the guest reached the network."""
    tags: NotRequired[Any]
    """What the machine had to have."""
    owner: NotRequired[Any]
    """Text: who submitted it."""
    priority: NotRequired[Any]
    """Number: higher runs earlier."""
    memory: NotRequired[Any]
    """True when an image of the guest's memory was wanted."""
    enforce_timeout: NotRequired[Any]
    """True when the analysis was to go on after the last process had ended."""
    clock: NotRequired[str | None]
    """What the guest's clock was set to, "2026-01-31 13:21:44"."""
    parent_id: NotRequired[Any]
    """Number of the analysis that this one follows from."""
    sample_id: NotRequired[Any]
    """Number of the sample in the sandbox's database."""
    tlp: NotRequired[Any]
    """Text: to whom it may be told (Traffic Light Protocol)."""
    user_id: NotRequired[Any]
    """Number of who submitted it."""
    source_url: NotRequired[Any]
    """Text: where the sample was fetched from."""
    username: NotRequired[Any]
    """Text: name of who submitted it."""


class Target(TypedDict):
    """What was analysed; what follows `category` depends on it."""

    category: Any
    """As `info.category`."""
    file: NotRequired[FileRecord]
    """Of a file, under the name that it was submitted with."""
    url: NotRequired[str]
    """Of a URL, itself."""
    yara: NotRequired[list[YaraMatch]]
    """Of a URL, matches of the rules of the group `urls` in its text."""
